/**
 * h + (clip(h·u, min, max) − h·u) · u: a projection outside the range is moved to its nearest end, one
 * inside stays. Clamping features of the residual stream: Templeton et al. 2024, "Scaling
 * Monosemanticity", there to one value (which is `project`) and of a dictionary's features.
 */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, optional } from '../../util/check';
import { InputError } from '../../util/errors';
import { along } from './along';
import { defineKind } from './kind';

/** As good as none in float32, and finite: no zero times it is NaN. */
const NO_LIMIT = 3e38;

export const clamp = defineKind<{ min?: number; max?: number }>({
  takes: 'a min, a max or both',
  parameters: ['min', 'max'],
  unit: true,
  check(what, { min, max }) {
    optional(min, (value) => checkNumber(`${what}: min`, value));
    optional(max, (value) => checkNumber(`${what}: max`, value));
    if (min === undefined && max === undefined) {
      throw new InputError(`${what}: an edit of kind clamp needs a min, a max or both.`);
    }
    if (min !== undefined && max !== undefined && min > max) {
      throw new InputError(`${what}: its min ${min} is above its max ${max}.`);
    }
  },
  vectors: ({ vector }) => [vector],
  amounts: ({ min = -NO_LIMIT, max = NO_LIMIT }) => [min, max],
  terms(h, { vectors: [u], amounts: [min, max] }) {
    const now = along(h, u);
    const up = tf.relu(tf.sub(min, now));
    const down = tf.relu(tf.sub(now, max));
    return [{ factor: tf.sub(up, down), of: u }];
  },
});
