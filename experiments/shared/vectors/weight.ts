import type { Check } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
import { isWeight, type Weight } from '../../../src/vectors/weight';

export function steeringWeight(): Check<Weight> {
  const what = 'a number, or a multiple of the mean difference such as 0.5x';
  return {
    what,
    parse(value) {
      if (isWeight(value)) return value;
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
