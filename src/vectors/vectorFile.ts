import { createHash } from 'node:crypto';
import * as path from 'node:path';
import { Safetensors, writeSafetensors } from '../../weights/safetensors';
import { InputError } from '../util/errors';
import { makeFolder } from '../util/files';
import { type Direction, type SteeringVector, whatIsWrong } from './direction';
import type { Setting, TriedSetting } from './setting';

/** Where vectors come from; all of it must agree before they are used. Values are plain text. */
export type Provenance = Record<string, string>;

/** Vectors by name: what a vector file holds. */
export interface VectorFile<V extends SteeringVector = SteeringVector> {
  directions: Map<string, V>;
  /** Which layer each entry of a vector is of. */
  layers: number[];
  provenance: Provenance;
  /** How to steer by a vector, by its name, where a search has chosen that. */
  settings?: Record<string, Setting>;
  /** What that search tried, by the vector's name. */
  curves?: Record<string, TriedSetting[]>;
}

/** Extra tensors to store beside the directions, e.g. the activations themselves. */
export type ExtraTensors = Parameters<typeof writeSafetensors>[1];

/** Writes directions and their provenance as one safetensors file, whole or not at all. */
export function saveVectors(
  file: string,
  vectors: VectorFile<Direction>,
  extra: ExtraTensors = {},
): void {
  const tensors: ExtraTensors = { ...extra };
  for (const [name, direction] of vectors.directions) {
    const layers = direction.unit.length;
    const add = (part: string, data: Float32Array, shape: number[]) => {
      tensors[`${name}.${part}`] = { dtype: 'F32', shape, data };
    };
    for (const [part, rows] of Object.entries(matrices(direction))) {
      add(part, joined(rows), [layers, rows[0].length]);
    }
    for (const [part, values] of Object.entries(scalars(direction))) add(part, values, [layers]);
  }
  makeFolder(path.dirname(file));
  const { layers, settings, curves } = vectors;
  const lists = Object.entries({ layers, settings, curves }).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, JSON.stringify(value)]],
  );
  const provenance: Provenance = { ...vectors.provenance, ...Object.fromEntries(lists) };
  const checksum = checksumOf({ ...vectors, provenance });
  writeSafetensors(file, tensors, { ...provenance, checksum });
}

/** Of directions and all that a file says about them, but for the checksum itself. */
function checksumOf({ directions, provenance }: VectorFile<Direction>): string {
  const hash = createHash('sha256');
  const says = Object.entries(provenance).filter(([key]) => key !== 'checksum');
  hash.update(JSON.stringify(says.sort(byName)));
  for (const [name, direction] of [...directions].sort(byName)) {
    hash.update(JSON.stringify(name));
    const parts = [
      ...Object.values(matrices(direction)).flat(),
      ...Object.values(scalars(direction)),
    ];
    for (const { buffer, byteOffset, byteLength } of parts) {
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }
  return hash.digest('hex');
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);

const matrices = ({ unit, meanWith, meanWithout }: Direction) => ({
  unit,
  mean_with: meanWith,
  mean_without: meanWithout,
});
const scalars = ({ norm, projectionWith, projectionWithout }: Direction) => ({
  norm,
  projection_with: projectionWith,
  projection_without: projectionWithout,
});

function joined(rows: Float32Array[]) {
  const all = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, i) => {
    all.set(row, i * row.length);
  });
  return all;
}

/**
 * Reads a vector file and checks that it is what is wanted, and whole: the vectors against the means
 * that they come from, and all of it against its checksum.
 * @param expected the provenance that must agree; other entries of the file are not looked at
 * @throws InputError listing each entry that differs (another model, other data, other settings), or
 *   saying what is damaged
 */
export function loadVectors(file: string, expected: Provenance = {}): VectorFile<Direction> {
  const tensors = Safetensors.open(file);
  try {
    const provenance = tensors.metadata;
    if (!provenance.layers) {
      throw new InputError(`${file} does not say which layers it holds: it is not a vector file.`);
    }
    const differences = Object.entries(expected)
      .filter(([key, value]) => provenance[key] !== value)
      .map(
        ([key, value]) => `  ${key}: ${provenance[key] ?? '(not recorded)'} there, ${value} now`,
      );
    if (differences.length) {
      throw new InputError(
        `The representations in ${file} were computed for something else:\n${differences.join('\n')}\n` +
          'Remove that file to have them computed again, or choose another representations_folder.',
      );
    }
    const layers = parseLayers(file, provenance.layers);
    const directions = new Map<string, Direction>();
    for (const tensor of tensors.tensors.keys()) {
      const name = /^(.+)\.unit$/s.exec(tensor)?.[1];
      if (name === undefined) continue;
      const direction = readDirection(tensors, name, layers.length);
      const wrong = whatIsWrong(direction, layers);
      if (wrong) throw damaged(file, `"${name}", ${wrong}`);
      directions.set(name, direction);
    }
    if (!directions.size) throw damaged(file, 'it holds no vectors');
    const { checksum } = provenance;
    if (checksum !== undefined && checksum !== checksumOf({ directions, layers, provenance })) {
      throw damaged(file, 'its checksum is another');
    }
    const { settings, curves, ...others } = provenance;
    return {
      directions,
      layers,
      provenance: others,
      ...(settings && { settings: JSON.parse(settings) }),
      ...(curves && { curves: JSON.parse(curves) }),
    };
  } finally {
    tensors.close();
  }
}

const damaged = (file: string, what: string) =>
  new InputError(`${file} is damaged: ${what}. Remove it, and have it computed again.`);

function parseLayers(file: string, text: string): number[] {
  let layers: unknown;
  try {
    layers = JSON.parse(text);
  } catch {
    // reported below
  }
  const sound =
    Array.isArray(layers) &&
    layers.length > 0 &&
    layers.every((layer) => Number.isSafeInteger(layer) && layer >= 0) &&
    new Set(layers).size === layers.length;
  if (sound) return layers as number[];
  throw damaged(file, `its layers are ${JSON.stringify(text).slice(0, 80)}, not a list of numbers`);
}

/** What a vector file says about itself. */
export function readProvenance(file: string): Provenance {
  const tensors = Safetensors.open(file);
  tensors.close();
  return tensors.metadata;
}

/** @param nLayers L: the first dimension of all its tensors; they have the same D besides, or none */
function readDirection(file: Safetensors, name: string, nLayers: number): Direction {
  const width = file.tensors.get(`${name}.unit`)?.shape[1] ?? 0;
  const read = (part: string, ...rest: number[]) => {
    const data = file.readFloat32(`${name}.${part}`);
    const info = file.tensors.get(`${name}.${part}`)!;
    const wanted = [nLayers, ...rest];
    if (String(info.shape) === String(wanted)) return data;
    throw damaged(info.file, `"${info.name}" has shape [${info.shape}], not [${wanted}]`);
  };
  const rows = (part: string) => {
    const all = read(part, width);
    return Array.from({ length: nLayers }, (_, l) => all.slice(l * width, (l + 1) * width));
  };
  return {
    unit: rows('unit'),
    norm: read('norm'),
    meanWith: rows('mean_with'),
    meanWithout: rows('mean_without'),
    projectionWith: read('projection_with'),
    projectionWithout: read('projection_without'),
  };
}

/** @throws InputError when vectors of another model have another width: D of `model`'s activations */
export function checkWidth({ directions }: VectorFile, dModel: number, model: string): void {
  const [first] = directions.values();
  const width = first?.unit[0].length ?? dModel;
  if (width === dModel) return;
  throw new InputError(
    `The vectors have ${width} numbers; the activations of ${model} have ${dModel}. ` +
      'vectors_model must be a model of the same width, such as the instruct model of a base model.',
  );
}
