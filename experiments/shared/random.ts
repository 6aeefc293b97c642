import { createHash } from 'node:crypto';
import { seededRandom } from '../../src/random';

/**
 * One of `choices`, drawn by a stream of its own for `seed` and `parts` (a row's key, a level):
 * the draw of a row stays the same whatever other rows there are.
 */
export function drawFor<T>(choices: readonly T[], seed: number, ...parts: (string | number)[]): T {
  const hash = createHash('sha256')
    .update(JSON.stringify([seed, ...parts]))
    .digest();
  return choices[Math.floor(seededRandom(hash.readUInt32LE(0))() * choices.length)];
}
