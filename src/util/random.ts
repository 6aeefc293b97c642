import { InputError } from './errors';

/**
 * A seeded stream of numbers in [0, 1) (mulberry32): the same seed, the same stream, anywhere.
 * @param seed a whole number; of those that differ by 2^32, the streams are the same
 * @throws InputError for another seed
 */
export function seededRandom(seed: number): () => number {
  if (!Number.isInteger(seed)) throw new InputError(`The seed is ${seed}, not a whole number.`);
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}
