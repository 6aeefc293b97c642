/** What the tiny models' matrices are before training. */
import * as tf from '@tensorflow/tfjs-core';
import { seededRandom } from '../../src/random';

/** N(0, std²), [n, m] */
export function normal(n: number, m: number, std: number, seed: number): tf.Tensor2D {
  const random = seededRandom(seed);
  const gauss = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return tf.tensor2d(
    Float32Array.from({ length: n * m }, () => std * gauss()),
    [n, m],
  );
}

/** Sines and cosines of the position (Vaswani et al. 2017) with this standard deviation, [n, D]. */
export function waves(n: number, dModel: number, std: number): tf.Tensor2D {
  const value = (k: number) => {
    const [position, i] = [Math.floor(k / dModel), k % dModel];
    const angle = position / 10000 ** ((2 * Math.floor(i / 2)) / dModel);
    return std * Math.SQRT2 * (i % 2 ? Math.cos(angle) : Math.sin(angle));
  };
  return tf.tensor2d(
    Float32Array.from({ length: n * dModel }, (_, k) => value(k)),
    [n, dModel],
  );
}

/**
 * GPT-2's queries, keys and values [D, 3D]: keys like the queries, so that a token looks at its like
 * (mimetic start, Trockman & Kolter 2023). With `waves` for positions copying is learnt far sooner.
 */
export const likeToLike = (dModel: number, seed: number): tf.Tensor2D =>
  tf.tidy(() => {
    const part = (seed: number) => normal(dModel, dModel, dModel ** -0.5, seed);
    const queries = part(seed);
    return tf.concat2d([queries, queries, part(seed + 1000)], 1);
  });

/** The output [D, D] after `likeToLike`: a head writes half of what it read. */
export const asRead = (queriesKeysValues: tf.Tensor2D): tf.Tensor2D =>
  tf.tidy(() => {
    const dModel = queriesKeysValues.shape[0];
    const values = tf.slice2d(queriesKeysValues, [0, 2 * dModel], [dModel, dModel]);
    return tf.mul(tf.transpose(values), 0.5);
  });
