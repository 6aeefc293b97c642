import * as tf from '@tensorflow/tfjs-core';

/**
 * Root-mean-square norm over the last axis (Zhang & Sennrich 2019): x [..., D], gain [D] → [..., D].
 * `gain` is the full factor: Gemma checkpoints store it less one, and the loader adds the one.
 */
export function rmsNorm<T extends tf.Tensor>(x: T, gain: tf.Tensor1D, eps: number): T {
  const meanSquare = tf.mean(tf.square(x), -1, true);
  return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, eps))), gain);
}
