import { InputError } from '../../../src/util/errors';

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
