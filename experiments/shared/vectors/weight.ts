import type { Check } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';

/** A weight as it is configured: a number to add, or `0.5x`: that many norms of the mean difference. */
export type Weight = number | `${number}x`;

export function steeringWeight(): Check<Weight> {
  const what = 'a number, or a multiple of the mean difference such as 0.5x';
  return {
    what,
    parse(value) {
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      if (typeof value === 'string' && /^-?(\d+\.?\d*|\.\d+)x$/.test(value)) return value as Weight;
      throw new InputError(`must be ${what}, not ${JSON.stringify(value)}`);
    },
  };
}

/** The number in a weight, and what it counts. */
export function weightParts(weight: Weight): {
  amount: number;
  unit: 'absolute' | 'mean difference';
} {
  return typeof weight === 'number'
    ? { amount: weight, unit: 'absolute' }
    : { amount: Number.parseFloat(weight), unit: 'mean difference' };
}
