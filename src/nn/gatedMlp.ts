import * as tf from '@tensorflow/tfjs-core';
import { type LinearLayer, through } from './linear';

export type GatedMlpWeights = {
  /** D → F */
  gateProj: LinearLayer;
  /** D → F */
  upProj: LinearLayer;
  /** F → D */
  downProj: LinearLayer;
};

/**
 * Gated MLP (Shazeer 2020): down(activation(gate(x)) · up(x)), x [B, T, D] → [B, T, D] through width F.
 * @param activation SiLU, or GELU in its tanh form (src/nn/activation.ts)
 * @param hook gets the neurons [B, T, F], activation(gate) · up; what it returns goes on
 */
export function gatedMlp(
  x: tf.Tensor,
  { gateProj, upProj, downProj }: GatedMlpWeights,
  activation: (x: tf.Tensor) => tf.Tensor,
  hook: (neurons: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const neurons = tf.mul(activation(through(x, gateProj)), through(x, upProj));
  return through(hook(neurons), downProj);
}
