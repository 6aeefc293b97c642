import * as tf from '@tensorflow/tfjs-core';
import { fused } from './fused';

/** GELU in its tanh form (`gelu_pytorch_tanh`, `gelu_new`): ½x(1 + tanh(√(2/π)(x + 0.044715x³))). */
export function geluTanh<T extends tf.Tensor>(x: T): T {
  const slope = Math.sqrt(2 / Math.PI);
  const bend = 0.044715 * slope;
  return fused('GeluTanh', [x], { slope, bend }, () => geluOps(x, slope, bend));
}

/** x · p with p = ½(1 + tanh(x·slope + x³·bend)). */
function geluOps<T extends tf.Tensor>(x: T, slope: number, bend: number): T {
  // The gradient is written out: the derived one takes twice the operations.
  const gelu = tf.customGrad((...inputs) => {
    const [value, save] = inputs as [tf.Tensor, tf.GradSaveFunc];
    const square = tf.square(value);
    const tanh = tf.tanh(tf.mul(value, tf.add(tf.mul(square, bend), slope)));
    const half = tf.add(tf.mul(tanh, 0.5), 0.5);
    save([value, square, half]);
    // With u for what tanh is taken of: dp/dx = 2p(1 − p)·du/dx.
    const gradFunc = (dy: tf.Tensor, [x0, x2, p]: tf.Tensor[]) => {
      const steepness = tf.mul(x0, tf.add(tf.mul(x2, 6 * bend), 2 * slope));
      const bent = tf.mul(tf.mul(tf.sub(1, p), steepness), p);
      return tf.mul(dy, tf.add(bent, p));
    };
    return { value: tf.mul(value, half), gradFunc };
  });
  return gelu(x) as T;
}

/** SiLU (`silu`, also called swish): x · sigmoid(x). */
export function silu<T extends tf.Tensor>(x: T): T {
  return tf.mul(x, tf.sigmoid(x));
}

/** Soft-cap of Gemma-2: cap · tanh(x / cap), or x itself where there is no cap. */
export function softCap<T extends tf.Tensor>(x: T, cap: number | null): T {
  return cap === null ? x : tf.mul(tf.tanh(tf.mul(x, 1 / cap)), cap);
}
