/** McNemar's exact test: whether two cells that answered the same queries obey equally often. */

/** Two cells, query by query. */
export interface McNemar {
  /** Queries that both cells have. */
  n: number;
  /** Obeyed in both, in the first alone, in the second alone, in neither. */
  both: number;
  first_only: number;
  second_only: number;
  neither: number;
  /** Two-sided; 1 where the cells never differ. */
  p: number;
}

/**
 * @param first whether each query obeys in the first cell
 * @param second the same of the second; queries that only one cell has do not count
 */
export function mcnemar(
  first: ReadonlyMap<string, boolean>,
  second: ReadonlyMap<string, boolean>,
): McNemar {
  const counts = { both: 0, first_only: 0, second_only: 0, neither: 0 };
  const keys = [...first.keys()].filter((key) => second.has(key));
  for (const key of keys) {
    const [a, b] = [first.get(key), second.get(key)];
    if (a) counts[b ? 'both' : 'first_only']++;
    else counts[b ? 'second_only' : 'neither']++;
  }
  return { n: keys.length, ...counts, p: exactP(counts.first_only, counts.second_only) };
}

/**
 * Two-sided p of b against c discordant pairs, each as likely as not to fall on either side:
 * twice the smaller tail of a binomial with share ½, at most 1.
 */
export function exactP(b: number, c: number): number {
  const n = b + c;
  // ln of C(n, i) / 2^n, from one i to the next: 2^n alone would overflow.
  let logTerm = -n * Math.LN2;
  let tail = 0;
  for (let i = 0; i <= Math.min(b, c); i++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - i) / (i + 1));
  }
  return Math.min(1, 2 * tail);
}
