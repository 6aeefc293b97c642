import * as tf from '@tensorflow/tfjs-core';
import { softCap } from './activation';

export interface AttentionOptions {
  /** Factor on q·k. */
  scale: number;
  /** Soft-cap on the scores before the mask, or null. */
  softcap: number | null;
  /** Added to the scores, [B, 1, T, S]; null where every key is visible. */
  mask: tf.Tensor | null;
}

/**
 * Grouped-query attention: q [B, H, T, d], k and v [B, K, S, d] → [B, T, H·d].
 *
 * The H/K query heads that share a key head are stacked along T, so k and v are never copied.
 */
export function attention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  { scale, softcap, mask }: AttentionOptions,
): tf.Tensor3D {
  const [batch, heads, length, dim] = q.shape;
  const [, kvHeads, seen] = k.shape;
  const stacked = (heads / kvHeads) * length;
  const groups = batch * kvHeads;
  const products = tf.matMul(
    tf.reshape(tf.mul(q, scale), [groups, stacked, dim]),
    tf.reshape(k, [groups, seen, dim]),
    false,
    true,
  );
  let scores = tf.reshape(softCap(products, softcap), [batch, heads, length, seen]);
  if (mask) scores = tf.add(scores, mask);
  const mixed = tf.matMul(
    tf.reshape(tf.softmax(scores), [groups, stacked, seen]),
    tf.reshape(v, [groups, seen, dim]),
  );
  const perHead = tf.reshape(mixed, [batch, heads, length, dim]);
  return tf.reshape(tf.transpose(perHead, [0, 2, 1, 3]), [batch, length, heads * dim]);
}

/** [B, T, n·d] → [B, n, T, d]. */
export function splitHeads(x: tf.Tensor, n: number): tf.Tensor4D {
  const [batch, length, width] = x.shape as [number, number, number];
  return tf.transpose(tf.reshape(x, [batch, length, n, width / n]), [0, 2, 1, 3]) as tf.Tensor4D;
}
