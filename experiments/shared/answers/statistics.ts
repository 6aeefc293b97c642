import { seededRandom } from '../../../src/util/random';

export { mean, median } from '../../../src/util/statistics';

/** From a low to a high end: 95 % of bootstrap draws lie between. */
export type Interval = [number, number];

export interface BootstrapOptions {
  /** Default 2000. */
  draws?: number;
  seed?: number;
}

/**
 * Paired bootstrap: keys are drawn with replacement, the same draws for the rows and their baseline.
 * @returns [share of the rows that score, of the baseline] for each draw
 */
export function bootstrap<R extends { key: string }>(
  rows: R[],
  baseline: R[],
  score: (row: R) => boolean,
  { draws = 2000, seed = 0 }: BootstrapOptions,
): [number, number][] {
  // Sorted: the draws must not depend on the order in which rows were finished.
  const keys = [...new Set([...rows, ...baseline].map(({ key }) => key))].sort();
  const [own, other] = [rows, baseline].map((some) => countByKey(some, keys, score));
  const random = seededRandom(seed);
  return Array.from({ length: draws }, () => {
    const drawn = keys.map(() => Math.floor(random() * keys.length));
    return [share(own, drawn), share(other, drawn)];
  });
}

/** For each key: rows that score, and rows. */
function countByKey<R extends { key: string }>(
  rows: R[],
  keys: string[],
  score: (row: R) => boolean,
) {
  const index = new Map(keys.map((key, i) => [key, i]));
  const counts = keys.map(() => ({ good: 0, all: 0 }));
  for (const row of rows) {
    const count = counts[index.get(row.key)!];
    count.all++;
    if (score(row)) count.good++;
  }
  return counts;
}

function share(counts: { good: number; all: number }[], drawn: number[]): number {
  let [good, all] = [0, 0];
  for (const i of drawn) {
    good += counts[i].good;
    all += counts[i].all;
  }
  return all ? good / all : 0;
}

/** The ends of the middle 95 %. */
export function middle(values: number[]): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (quantile: number) => sorted[Math.round(quantile * (sorted.length - 1))];
  return [at(0.025), at(0.975)];
}
