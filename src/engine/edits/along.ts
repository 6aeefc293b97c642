import * as tf from '@tensorflow/tfjs-core';

/** x·y over the last axis: [B, T, D] and [B, 1 or T, D] → [B, T, 1]. */
export const along = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => tf.sum(tf.mul(x, y), -1, true);
