import { dot } from '../engine/edits/vector';
import { InputError } from '../util/errors';

import type { Method } from './finders';
import type { Finder } from './finders/finder';
import { meanDifference } from './finders/meanDifference';

export { dot } from '../engine/edits/vector';

/** A direction of the residual stream at each of L layers: all that steering by it needs. */
export interface SteeringVector {
  /** u, of length 1, [L][D]. */
  unit: Float32Array[];
  /** How long the vector is that u comes from, [L]: what a weight of `1x` adds. */
  norm: Float32Array;
}

/**
 * What the pairs of one instruction (a level, a format, a word) say about each of L layers. In the
 * paper, u is the mean of (with − without), divided by its norm; `finders` has other ways.
 */
export interface Direction extends SteeringVector {
  /** Mean activation with and without the instruction, [L][D]. */
  meanWith: Float32Array[];
  meanWithout: Float32Array[];
  /** Mean h·u with and without the instruction, [L]; with is the target of adjust_rs. */
  projectionWith: Float32Array;
  projectionWithout: Float32Array;
}

/** Whether a vector comes with what the pairs say: one from another program has no means. */
export const hasMeans = (vector: SteeringVector): vector is Direction => 'meanWith' in vector;

/**
 * The direction of one instruction from paired activations.
 * @param withIt activations of each prompt with the instruction, [N] of [L, D] flattened
 * @param without the same prompts without it
 * @param layers which layers they are of
 * @param find how; default: the mean difference
 * @param background mean activations of other texts, [L][D], for finders that take one
 * @throws InputError naming the layer where there is no direction, as where all were the same
 */
export function directionOf(
  withIt: Float32Array[],
  without: Float32Array[],
  layers: number[],
  find: Finder = meanDifference,
  background?: Float32Array[],
): Direction {
  const meanWith = meanRows(withIt, layers.length);
  const meanWithout = meanRows(without, layers.length);
  const found = layers.map((layer, at) => {
    const samples = {
      positive: rowsAt(withIt, at, layers.length),
      negative: rowsAt(without, at, layers.length),
      meanPositive: meanWith[at],
      meanNegative: meanWithout[at],
      background: background?.[at],
    };
    return namingLayer(layer, () => find(samples));
  });
  return {
    unit: found.map(({ unit }) => unit),
    norm: Float32Array.from(found, ({ norm }) => norm),
    meanWith,
    meanWithout,
    projectionWith: Float32Array.from(found, ({ unit }, at) => dot(unit, meanWith[at])),
    projectionWithout: Float32Array.from(found, ({ unit }, at) => dot(unit, meanWithout[at])),
  };
}

/** Of rows [L, D], one layer. */
const rowsAt = (rows: Float32Array[], at: number, nLayers: number) =>
  rows.map((row) => row.subarray((at * row.length) / nLayers, ((at + 1) * row.length) / nLayers));

function namingLayer<T>(layer: number, find: () => T): T {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`There is no direction at layer ${layer}: ${error.message}.`);
  }
}

/** The `method` of `directionOf`. */
export const MEAN_DIFFERENCE: Method = 'mean_difference';

/**
 * Why a vector can't be what it should be, beyond what rounding explains; undefined when it can.
 * @param layers which layers its entries are of
 * @param method how it was found: only of `directionOf` is it the difference of its means
 */
export function whatIsWrong(
  vector: SteeringVector,
  layers: number[],
  method: string = MEAN_DIFFERENCE,
): string | undefined {
  for (const [at, layer] of layers.entries()) {
    const wrong =
      wrongAt(vector, at) ?? (hasMeans(vector) ? wrongMeansAt(vector, at, method) : undefined);
    if (wrong) return `layer ${layer}: ${wrong}`;
  }
  return undefined;
}

function wrongAt(vector: SteeringVector, at: number): string | undefined {
  const [unit, norm] = [vector.unit[at], vector.norm[at]];
  const means = hasMeans(vector)
    ? [
        ...[vector.meanWith[at], vector.meanWithout[at]],
        [vector.projectionWith[at], vector.projectionWithout[at]],
      ]
    : [];
  if (![unit, [norm], ...means].every((some) => some.every(Number.isFinite))) {
    return 'it holds a number that is not finite';
  }
  const length = Math.sqrt(dot(unit, unit));
  if (Math.abs(length - 1) > 1e-4) return `its unit vector has length ${length.toPrecision(4)}`;
  return norm > 0 || hasMeans(vector) ? undefined : `its norm is ${norm}, not above 0`;
}

function wrongMeansAt(direction: Direction, at: number, method: string): string | undefined {
  const [unit, withIt, without] = [direction.unit, direction.meanWith, direction.meanWithout].map(
    (rows) => rows[at],
  );
  const norm = direction.norm[at];
  // Of float32, each term is known to 6e-8 of its size.
  const differs = unit.some((value, i) => {
    const rounding = 1e-5 * Math.abs(norm) + 1e-6 * (Math.abs(withIt[i]) + Math.abs(without[i]));
    return Math.abs(value * norm - (withIt[i] - without[i])) > rounding;
  });
  if (differs && method === MEAN_DIFFERENCE) {
    return 'its unit vector times its norm is not the difference of its means';
  }
  const projected = (mean: Float32Array, target: number) =>
    Math.abs(dot(unit, mean) - target) <= 1e-5 * (1e-3 + Math.sqrt(dot(mean, mean)));
  const { projectionWith, projectionWithout } = direction;
  if (projected(withIt, projectionWith[at]) && projected(without, projectionWithout[at])) {
    return undefined;
  }
  return 'its projections are not those of its means';
}

/** Of rows [L, D], the mean of each layer. */
export function meanRows(rows: Float32Array[], nLayers: number): Float32Array[] {
  const sum = new Float64Array(rows[0].length);
  for (const row of rows) for (let i = 0; i < row.length; i++) sum[i] += row[i];
  const width = sum.length / nLayers;
  return Array.from({ length: nLayers }, (_, layer) =>
    Float32Array.from(sum.subarray(layer * width, (layer + 1) * width), (x) => x / rows.length),
  );
}
