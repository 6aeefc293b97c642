import { dot } from './direction';

/**
 * a·b / (|a| |b|).
 * @throws Error for a vector of zeros: it has no direction
 */
export function cosine(a: Float32Array, b: Float32Array): number {
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  if (!(lengths > 0)) throw new Error('A vector of zeros has no direction.');
  return dot(a, b) / lengths;
}

/** The cosines of each of N vectors with each of M, [N][M]. */
export function cosines(rows: Float32Array[], columns: Float32Array[]): number[][] {
  return rows.map((row) => columns.map((column) => cosine(row, column)));
}
