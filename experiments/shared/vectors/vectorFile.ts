import * as path from 'node:path';
import { InputError } from '../../../src/util/errors';
import { makeFolder } from '../../../src/util/files';
import { Safetensors, writeSafetensors } from '../../../weights/safetensors';
import type { Direction } from './direction';

/** Where vectors come from; all of it must agree before they are used. Values are plain text. */
export type Provenance = Record<string, string>;

export interface VectorFile {
  directions: Map<string, Direction>;
  /** Which layer each entry of a direction is of. */
  layers: number[];
  provenance: Provenance;
}

/** Extra tensors to store beside the directions, e.g. the activations themselves. */
export type ExtraTensors = Parameters<typeof writeSafetensors>[1];

/** Writes directions and their provenance as one safetensors file, whole or not at all. */
export function saveVectors(file: string, vectors: VectorFile, extra: ExtraTensors = {}): void {
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
  const layers = JSON.stringify(vectors.layers);
  writeSafetensors(file, tensors, { ...vectors.provenance, layers });
}

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
 * Reads a vector file and checks that it is what is wanted.
 * @param expected the provenance that must agree; other entries of the file are not looked at
 * @throws InputError listing each entry that differs (another model, other data, other settings)
 */
export function loadVectors(file: string, expected: Provenance): VectorFile {
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
    const directions = new Map<string, Direction>();
    for (const tensor of tensors.tensors.keys()) {
      const name = /^(.+)\.unit$/.exec(tensor)?.[1];
      if (name !== undefined) directions.set(name, readDirection(tensors, name));
    }
    const layers = JSON.parse(provenance.layers) as number[];
    return { directions, layers, provenance };
  } finally {
    tensors.close();
  }
}

/** What a vector file says about itself. */
export function readProvenance(file: string): Provenance {
  const tensors = Safetensors.open(file);
  tensors.close();
  return tensors.metadata;
}

function readDirection(file: Safetensors, name: string): Direction {
  const rows = (part: string) => {
    const [layers, width] = file.tensors.get(`${name}.${part}`)?.shape ?? [0, 0];
    const all = file.readFloat32(`${name}.${part}`);
    return Array.from({ length: layers }, (_, l) => all.slice(l * width, (l + 1) * width));
  };
  return {
    unit: rows('unit'),
    norm: file.readFloat32(`${name}.norm`),
    meanWith: rows('mean_with'),
    meanWithout: rows('mean_without'),
    projectionWith: file.readFloat32(`${name}.projection_with`),
    projectionWithout: file.readFloat32(`${name}.projection_without`),
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
