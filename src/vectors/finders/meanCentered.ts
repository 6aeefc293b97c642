/**
 * u = (mean of positive − mean of a background) / its length; `1x` is that length (Jorgensen et al.
 * 2023, "Improving Activation Steering in Language Models with Mean-Centring"). The negative texts are
 * not looked at, unless no background is given: then it is the mean of all texts of the pairs, which
 * makes u that of `mean_difference`, and `1x` half of its.
 */
import { dot, unitOf } from '../../engine/edits/vector';
import { InputError } from '../../util/errors';
import type { Finder } from './finder';

export const meanCentered: Finder = ({ meanPositive, meanNegative, background }) => {
  const centre = background ?? meanPositive.map((value, i) => (value + meanNegative[i]) / 2);
  const difference = meanPositive.map((value, i) => value - centre[i]);
  const norm = Math.sqrt(dot(difference, difference));
  if (!(norm > 0)) throw new InputError('the texts and their background have the same mean');
  return { unit: unitOf(difference), norm };
};
