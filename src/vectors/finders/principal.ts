/** The first principal component of a few rows of many numbers, by way of the rows' Gram matrix. */
import { EigenvalueDecomposition } from 'ml-matrix';
import { dot } from '../../engine/edits/vector';
import { InputError } from '../../util/errors';
import type { FoundVector, Samples } from './finder';

/** positive − negative of each pair, [N][D]. */
export function differencesOf({ positive, negative }: Samples): Float64Array[] {
  return positive.map((row, i) => Float64Array.from(row, (x, k) => x - negative[i][k]));
}

/** The rows less their mean. */
export function centred(rows: Float64Array[]): Float64Array[] {
  const mean = new Float64Array(rows[0].length);
  for (const row of rows) for (const [i, x] of row.entries()) mean[i] += x / rows.length;
  return rows.map((row) => row.map((x, i) => x - mean[i]));
}

/** The first eigenvalue must stand out from the second by this share of it. */
const LEAST_GAP = 1e-6;

/**
 * The unit vector u that Σ (row·u)² is largest for, with the sign that most pairs ask for.
 * @throws InputError where the rows are zero, or two directions are as good as each other
 */
export function principal(rows: Float64Array[], samples: Samples): FoundVector {
  const unit = firstComponent(rows);
  const apart = samples.positive.map((row, i) => dot(row, unit) - dot(samples.negative[i], unit));
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
  // A tie among the pairs goes by their sum.
  const votes = sum(apart.map(Math.sign)) || sum(apart);
  const norm = sum(apart.map(Math.abs)) / apart.length;
  if (!(norm > 0)) throw new InputError('the two texts of each pair lie equally far along it');
  return { unit: votes < 0 ? unit.map((x) => -x) : unit, norm };
}

function firstComponent(rows: Float64Array[]): Float32Array {
  const gram = rows.map((row) => rows.map((other) => dot(row, other)));
  const { realEigenvalues: values, eigenvectorMatrix: vectors } = new EigenvalueDecomposition(
    gram,
    { assumeSymmetric: true },
  );
  const order = [...values.keys()].sort((a, b) => values[b] - values[a]);
  const [first, second = 0] = order.map((i) => values[i]);
  if (!(first > 0)) throw new InputError('all pairs differ in the same way, or not at all');
  if (first - second < LEAST_GAP * first) {
    throw new InputError('two principal components are equally large: more pairs would tell');
  }
  const sum = new Float64Array(rows[0].length);
  for (const [n, row] of rows.entries()) {
    const share = vectors.get(n, order[0]);
    for (let i = 0; i < sum.length; i++) sum[i] += share * row[i];
  }
  const length = Math.sqrt(dot(sum, sum));
  return Float32Array.from(sum, (x) => x / length);
}
