import * as tf from '@tensorflow/tfjs-core';
import type { Rates } from './estimate';

/** A matrix of 16 MB: larger than what most processors keep at hand. */
const [INNER, OUTER] = [2048, 2048];
/** Numbers of a tensor of the same size. */
const LARGE = INNER * OUTER;
/** What each rate is measured for at least, in seconds. */
const SPELL = 0.1;

/** Measures the backend in use, for a second or two. Every rate is measured when it is asked for. */
export async function measureRates(rows: number[]): Promise<Rates> {
  const matrix: tf.Tensor2D = tf.randomUniform([INNER, OUTER]);
  const known = new Map<number, number>();
  // A backend may arrange a matrix anew at its first product.
  tf.tidy(() => tf.matMul(tf.zeros([1, INNER]), matrix).dataSync());
  for (const count of new Set(rows)) {
    const x: tf.Tensor2D = tf.randomUniform([count, INNER]);
    known.set(count, (await secondsOf(() => tf.matMul(x, matrix))) / LARGE);
    x.dispose();
  }
  const small = tf.zeros([8, 64]);
  const perOp = await secondsOf(() => tf.add(small, 1));
  // Reads two tensors and writes one.
  const perNumber = (await secondsOf(() => tf.add(matrix, matrix))) / (3 * LARGE);
  tf.dispose([matrix, small]);
  return { perOp, perNumber, perWeight: (count) => between(known, count) };
}

/** Of one call, over as many as fill the spell. */
async function secondsOf(op: () => tf.Tensor): Promise<number> {
  const run = async (calls: number) => {
    const begun = performance.now();
    for (let i = 1; i < calls; i++) op().dispose();
    const last = op();
    const one = tf.tidy(() => tf.slice(tf.reshape(last, [-1]), 0, 1));
    last.dispose();
    await one.data();
    one.dispose();
    return (performance.now() - begun) / 1000;
  };
  let seconds = await run(1);
  for (let calls = 1; ; calls *= 4) {
    if (seconds > SPELL) return seconds / calls;
    seconds = await run(4 * calls);
  }
}

/** Between two row counts that were measured, along a line; beyond them, in proportion. */
export function between(known: ReadonlyMap<number, number>, rows: number): number {
  const counts = [...known.keys()].sort((a, b) => a - b);
  const below = counts.findLast((count) => count <= rows) ?? counts[0];
  const above = counts.find((count) => count >= rows) ?? counts[counts.length - 1];
  const [a, b] = [below, above].map((count) => known.get(count) as number);
  if (below === above) return rows > below ? (a * rows) / below : a;
  return a + ((b - a) * (rows - below)) / (above - below);
}
