import { createHash } from 'node:crypto';
import { seededRandom } from '../../../src/util/random';

/**
 * One of `choices`, drawn by a stream of its own for `seed` and `parts` (a row's key, a level):
 * the draw of a row stays the same whatever other rows there are.
 */
export function drawFor<T>(choices: readonly T[], seed: number, ...parts: (string | number)[]): T {
  const start = hashFor(seed, parts).readUInt32LE(0);
  return choices[Math.floor(seededRandom(start)() * choices.length)];
}

/**
 * `items` in an order drawn for `seed` and `purpose`: any two keep theirs whatever others there are,
 * so that the first so many change little when a file grows.
 */
export function drawnOrder<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  seed: number,
  purpose: string,
): T[] {
  const rank = new Map(items.map((item) => [item, hashFor(seed, [purpose, keyOf(item)])]));
  return [...items].sort((a, b) => Buffer.compare(rank.get(a)!, rank.get(b)!));
}

const hashFor = (seed: number, parts: (string | number)[]) =>
  createHash('sha256')
    .update(JSON.stringify([seed, ...parts]))
    .digest();
