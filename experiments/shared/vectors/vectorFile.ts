import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Edit, Positions } from '../../../src/engine/steering';
import type { Check } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
import { Safetensors, writeSafetensors } from '../../../weights/safetensors';

/** What the pairs of one instruction (a level, a format, a word) say about each of L layers. */
export interface Direction {
  /** u: mean of (with − without), divided by its norm, [L][D]. */
  unit: Float32Array[];
  /** Norm of that mean, [L]. */
  norm: Float32Array;
  /** Mean activation with and without the instruction, [L][D]. */
  meanWith: Float32Array[];
  meanWithout: Float32Array[];
  /** Mean h·u with and without the instruction, [L]; with is the target of adjust_rs. */
  projectionWith: Float32Array;
  projectionWithout: Float32Array;
}

/** Where vectors come from; all of it must agree before they are used. Values are plain text. */
export type Provenance = Record<string, string>;

export interface VectorFile {
  directions: Map<string, Direction>;
  /** Which layer each entry of a direction is of. */
  layers: number[];
  provenance: Provenance;
}

/**
 * The direction of one instruction from paired activations.
 * @param withIt activations of each prompt with the instruction, [N] of [L, D] flattened
 * @param without the same prompts without it
 * @param layers which layers they are of
 * @throws InputError when a layer's mean difference is zero: with and without were the same
 */
export function directionOf(
  withIt: Float32Array[],
  without: Float32Array[],
  layers: number[],
): Direction {
  const meanWith = meanRows(withIt, layers.length);
  const meanWithout = meanRows(without, layers.length);
  const norm = new Float32Array(layers.length);
  const unit = meanWith.map((mean, at) => {
    const difference = mean.map((value, i) => value - meanWithout[at][i]);
    norm[at] = Math.sqrt(dot(difference, difference));
    if (!(norm[at] > 0)) {
      throw new InputError(
        `The instruction changes nothing at layer ${layers[at]}: the prompts with and without it are the same.`,
      );
    }
    return difference.map((value) => value / norm[at]);
  });
  return {
    unit,
    norm,
    meanWith,
    meanWithout,
    projectionWith: Float32Array.from(unit, (u, at) => dot(u, meanWith[at])),
    projectionWithout: Float32Array.from(unit, (u, at) => dot(u, meanWithout[at])),
  };
}

function meanRows(rows: Float32Array[], nLayers: number): Float32Array[] {
  const sum = new Float64Array(rows[0].length);
  for (const row of rows) for (let i = 0; i < row.length; i++) sum[i] += row[i];
  const width = sum.length / nLayers;
  return Array.from({ length: nLayers }, (_, layer) =>
    Float32Array.from(sum.subarray(layer * width, (layer + 1) * width), (x) => x / rows.length),
  );
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
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
  fs.mkdirSync(path.dirname(file), { recursive: true });
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

/** A weight as it is configured: a number to add, or `0.5x`: that many norms of the mean difference. */
export type Weight = number | `${number}x`;

export function steeringWeight(): Check<Weight> {
  const what = 'a number, or a multiple of the mean difference such as 0.5x';
  return {
    what,
    parse(value) {
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      if (typeof value === 'string' && /^-?(\d+\.?\d*|\.\d+)x$/.test(value)) return value as Weight;
      throw new InputError(`must be ${what}, not ${JSON.stringify(value)}`);
    },
  };
}

/** The number in a weight, and what it counts. */
export function weightParts(weight: Weight): {
  amount: number;
  unit: 'absolute' | 'mean difference';
} {
  return typeof weight === 'number'
    ? { amount: weight, unit: 'absolute' }
    : { amount: Number.parseFloat(weight), unit: 'mean difference' };
}

/** One edit, described by names: what a plan, a row and a log can hold. */
export type NamedEdit = {
  vector: string;
  layer: number;
  /** The layer whose vector is taken, where it is not the one that is steered. */
  source?: number;
} & (
  | { kind: 'add'; weight: Weight }
  /** Moves h·u to the mean that the activations with instruction `target` have. */
  | { kind: 'project'; target: string }
);

/**
 * The edit with its numbers.
 * @throws InputError for a vector or layer that the file does not have
 */
export function toSteer(
  edit: NamedEdit,
  { directions, layers }: Pick<VectorFile, 'directions' | 'layers'>,
  positions: Positions,
): Edit {
  const { layer } = edit;
  const direction = find(directions, edit.vector);
  const source = edit.source ?? layer;
  const at = layers.indexOf(source);
  if (at < 0) {
    throw new InputError(
      `There is no layer ${source} among the representations (${layers.join(', ')}).`,
    );
  }
  const vector = direction.unit[at];
  if (edit.kind === 'project') {
    const target = dot(find(directions, edit.target).meanWith[at], vector);
    return { kind: 'project', layer, vector, target, positions };
  }
  const { amount, unit } = weightParts(edit.weight);
  const weight = unit === 'absolute' ? amount : amount * direction.norm[at];
  return { kind: 'add', layer, vector, weight, positions };
}

function find(directions: Map<string, Direction>, name: string): Direction {
  const direction = directions.get(name);
  if (direction) return direction;
  throw new InputError(
    `There is no vector "${name}" among the representations (${[...directions.keys()].join(', ')}).`,
  );
}
