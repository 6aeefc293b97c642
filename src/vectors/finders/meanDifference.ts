/**
 * u = (mean of positive − mean of negative) / its length; `1x` is that length (the paper, section 3;
 * Rimsky et al. 2024, "Steering Llama 2 via Contrastive Activation Addition").
 */
import { dot } from '../../engine/edits/vector';
import { InputError } from '../../util/errors';
import type { Finder } from './finder';

export const meanDifference: Finder = ({ meanPositive, meanNegative }) => {
  const difference = meanPositive.map((value, i) => value - meanNegative[i]);
  const norm = Math.fround(Math.sqrt(dot(difference, difference)));
  if (!(norm > 0))
    throw new InputError(
      'the instruction changes nothing: the prompts with and without it are the same',
    );
  return { unit: difference.map((value) => value / norm), norm };
};
