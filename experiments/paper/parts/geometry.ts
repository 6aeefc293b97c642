/** Angles between vectors, and the directions in which they differ most. */
import { dot } from '../../../src/vectors/direction';

export interface PrincipalComponents {
  /** k unit vectors of D numbers, at right angles; the first has the greatest variance. */
  components: Float64Array[];
  /** Share of the total variance that each explains. */
  explained: number[];
  /** Each of the N rows, less their mean, along the components, [N][k]. */
  coordinates: number[][];
}

/**
 * Principal components of N rows of D numbers. Each component points to the side where its largest
 * entry is positive.
 * @param k how many; fewer where the rows do not vary in so many directions
 */
export function principalComponents(rows: Float32Array[], k: number): PrincipalComponents {
  const centred = lessMean(rows);
  // Rows times rows has the eigenvalues of the covariance but for the zeros, and is the smaller.
  const gram = centred.map((a) => Float64Array.from(centred, (b) => dot(a, b)));
  const total = gram.reduce((sum, row, i) => sum + row[i], 0);
  const components: Float64Array[] = [];
  const explained: number[] = [];
  for (let c = 0; c < Math.min(k, rows.length); c++) {
    const { value, vector } = largestEigen(gram);
    if (!(value > 1e-10 * total)) break;
    components.push(towards(combine(centred, vector)));
    explained.push(value / total);
    deflate(gram, value, vector);
  }
  const coordinates = centred.map((row) => components.map((one) => dot(row, one)));
  return { components, explained, coordinates };
}

function lessMean(rows: Float32Array[]): Float64Array[] {
  const mean = new Float64Array(rows[0].length);
  for (const row of rows) for (let i = 0; i < mean.length; i++) mean[i] += row[i] / rows.length;
  return rows.map((row) => Float64Array.from(row, (value, i) => value - mean[i]));
}

/** Power iteration, from a start that is at right angles to nothing in particular. */
function largestEigen(matrix: Float64Array[]): { value: number; vector: Float64Array } {
  let vector = unit(Float64Array.from(matrix, (_, i) => Math.sin(i + 1)));
  let value = 0;
  for (let step = 0; step < 5000; step++) {
    const next = Float64Array.from(matrix, (row) => dot(row, vector));
    value = Math.sqrt(dot(next, next));
    if (value === 0) break;
    const turned = next.map((x) => x / value);
    const moved = turned.reduce((sum, x, i) => sum + (x - vector[i]) ** 2, 0);
    vector = turned;
    if (moved < 1e-26) break;
  }
  return { value, vector };
}

/** Takes what lies along an eigenvector out of a matrix. */
function deflate(matrix: Float64Array[], value: number, vector: Float64Array): void {
  matrix.forEach((row, i) => {
    for (let j = 0; j < row.length; j++) row[j] -= value * vector[i] * vector[j];
  });
}

/** The sum of rows with these weights, at length 1. */
function combine(rows: Float64Array[], weights: Float64Array): Float64Array {
  const sum = new Float64Array(rows[0].length);
  rows.forEach((row, i) => {
    for (let j = 0; j < sum.length; j++) sum[j] += weights[i] * row[j];
  });
  return unit(sum);
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return vector.map((x) => x / length);
}

/** The vector or its opposite. */
function towards(vector: Float64Array): Float64Array {
  const largest = vector.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
  return largest < 0 ? vector.map((x) => -x) : vector;
}
