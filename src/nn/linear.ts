import * as tf from '@tensorflow/tfjs-core';
import { fused } from './fused';

/**
 * x [..., I] times w [I, O], plus the bias [O] where there is one → [..., O].
 *
 * Leading axes are flattened first: a plain 2-D product is the only fast one on wasm. Weights are
 * kept [in, out] (checkpoints store [out, in]; the loader transposes once).
 */
export function linear(x: tf.Tensor, w: tf.Tensor2D, bias?: tf.Tensor1D): tf.Tensor {
  return fused('Linear', bias ? [x, w, bias] : [x, w], {}, () => {
    const [inner, outer] = w.shape;
    const flat = tf.matMul(tf.reshape(x, [-1, inner]) as tf.Tensor2D, w);
    return tf.reshape(bias ? tf.add(flat, bias) : flat, [...x.shape.slice(0, -1), outer]);
  });
}

/** A linear layer, with its bias where it has one (a type, which tfjs takes for a tensor container). */
export type LinearLayer = {
  /** [I, O] */
  weight: tf.Tensor2D;
  /** [O] */
  bias?: tf.Tensor1D;
};

/** x [..., I] through a layer → [..., O]. */
export const through = (x: tf.Tensor, { weight, bias }: LinearLayer): tf.Tensor =>
  linear(x, weight, bias);
