import { InputError } from '../util/errors';

/** A weight: a number to add, or `0.5x`: that many times the vector's own norm. */
export type Weight = number | `${number}x`;

/** What a weight is, for messages. */
export const WEIGHT = "a number, or a multiple of the vector's norm such as 0.5x";

/** Whether a value is a weight. */
export function isWeight(value: unknown): value is Weight {
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'string' && /^-?(\d+\.?\d*|\.\d+)x$/.test(value);
}

/**
 * What a weight adds of the unit vector, for a vector of this norm.
 * @throws InputError for what is no weight
 */
export function absoluteWeight(weight: Weight, norm: number): number {
  if (!isWeight(weight)) throw new InputError(`A weight is ${WEIGHT}, not ${weight}.`);
  return typeof weight === 'number' ? weight : Number.parseFloat(weight) * norm;
}
