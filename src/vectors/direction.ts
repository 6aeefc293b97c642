import { dot } from '../engine/edits/vector';
import { InputError } from '../util/errors';

export { dot } from '../engine/edits/vector';

/** A direction of the residual stream at each of L layers: all that steering by it needs. */
export interface SteeringVector {
  /** u, of length 1, [L][D]. */
  unit: Float32Array[];
  /** How long the vector is that u comes from, [L]: what a weight of `1x` adds. */
  norm: Float32Array;
}

/**
 * What the pairs of one instruction (a level, a format, a word) say about each of L layers: u is the
 * mean of (with − without), divided by its norm.
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

/** The `method` of `directionOf`. */
export const MEAN_DIFFERENCE = 'mean-difference';

/**
 * Why a vector can't be what it should be, beyond what rounding explains; undefined when it can.
 * @param layers which layers its entries are of
 * @param method how it was found: only of `directionOf` is it the difference of its means
 */
export function whatIsWrong(
  vector: SteeringVector,
  layers: number[],
  method = MEAN_DIFFERENCE,
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

function meanRows(rows: Float32Array[], nLayers: number): Float32Array[] {
  const sum = new Float64Array(rows[0].length);
  for (const row of rows) for (let i = 0; i < row.length; i++) sum[i] += row[i];
  const width = sum.length / nLayers;
  return Array.from({ length: nLayers }, (_, layer) =>
    Float32Array.from(sum.subarray(layer * width, (layer + 1) * width), (x) => x / rows.length),
  );
}
