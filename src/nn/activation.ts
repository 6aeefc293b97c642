import * as tf from '@tensorflow/tfjs-core';

/** GELU in its tanh form (`gelu_pytorch_tanh`, `gelu_new`): ½x(1 + tanh(√(2/π)(x + 0.044715x³))). */
export function geluTanh<T extends tf.Tensor>(x: T): T {
  const slope = Math.sqrt(2 / Math.PI);
  const inner = tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715 * slope), slope));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}

/** Soft-cap of Gemma-2: cap · tanh(x / cap), or x itself where there is no cap. */
export function softCap<T extends tf.Tensor>(x: T, cap: number | null): T {
  return cap === null ? x : tf.mul(tf.tanh(tf.mul(x, 1 / cap)), cap);
}
