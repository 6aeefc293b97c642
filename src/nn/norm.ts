import * as tf from '@tensorflow/tfjs-core';
import { fused } from './fused';

/**
 * Root-mean-square norm over the last axis (Zhang & Sennrich 2019): x [..., D], gain [D] → [..., D].
 * `gain` is the full factor: Gemma checkpoints store it less one, and the loader adds the one.
 */
export function rmsNorm<T extends tf.Tensor>(x: T, gain: tf.Tensor1D, eps: number): T {
  return fused('RMSNorm', [x, gain], { eps }, () => rmsNormOps(x, gain, eps));
}

function rmsNormOps<T extends tf.Tensor>(x: T, gain: tf.Tensor1D, eps: number): T {
  // The gradient is written out: the derived one takes twice the operations.
  const norm = tf.customGrad((...inputs) => {
    const [value, factor, save] = inputs as [tf.Tensor, tf.Tensor1D, tf.GradSaveFunc];
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(value), -1, true), eps));
    const normed = tf.mul(value, scale);
    save([normed, scale, factor]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [unit, rate, g] = saved as [tf.Tensor, tf.Tensor, tf.Tensor1D];
      const size = g.size;
      const dGain = tf.mul(dy, unit);
      const along = tf.matMul(
        tf.reshape(dGain, [-1, size]) as tf.Tensor2D,
        tf.reshape(tf.div(g, size), [size, 1]) as tf.Tensor2D,
      );
      const radial = tf.mul(unit, tf.reshape(along, rate.shape));
      return [
        tf.mul(tf.sub(tf.mul(dy, g), radial), rate),
        tf.sum(tf.reshape(dGain, [-1, size]), 0),
      ];
    };
    return { value: tf.mul(normed, factor), gradFunc };
  });
  return norm(x, gain) as T;
}

/** Layer norm over the last axis (Ba et al. 2016): x [..., D], gain and bias [D] → [..., D]. */
export function layerNorm<T extends tf.Tensor>(
  x: T,
  { gain, bias }: { gain: tf.Tensor1D; bias: tf.Tensor1D },
  eps: number,
): T {
  return fused('LayerNorm', [x, gain, bias], { eps }, () => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), eps));
    return tf.add(tf.mul(tf.mul(centred, scale), gain), bias);
  });
}
