import * as tf from '@tensorflow/tfjs-core';
import { softCap } from './activation';
import { fused } from './fused';

/** Keys and values of S columns, in pieces of consecutive columns: each [B, K, s, d]. */
export interface Seen {
  keys: tf.Tensor4D[];
  values: tf.Tensor4D[];
  /** s of each piece, int32; null where there is one piece. */
  columns: tf.Tensor1D | null;
}

export interface AttentionOptions {
  /** Factor on q·k. */
  scale: number;
  /** Soft-cap on the scores before the mask, or null. */
  softcap: number | null;
  /** Added to the scores, [B, 1, T, S]; null where every key is visible. */
  mask: tf.Tensor | null;
}

/**
 * Grouped-query attention: q [B, H, T, d], keys and values [B, K, S, d] → [B, T, H·d]. Keys and
 * values come in pieces of consecutive columns, [B, K, s, d] each, and are never copied: products
 * are taken piece by piece, and the H/K query heads that share a key head are stacked along T.
 */
export function attention(
  q: tf.Tensor4D,
  { keys, values, columns }: Seen,
  { scale, softcap, mask }: AttentionOptions,
): tf.Tensor3D {
  const inputs = [q, ...keys, ...values, columns, mask].filter((x) => x !== null);
  return fused('Attention', inputs, { pieces: keys.length, scale, softcap }, () => {
    const [batch, heads, length, dim] = q.shape;
    const kvHeads = keys[0].shape[1];
    const stacked = (heads / kvHeads) * length;
    const queries = tf.reshape(tf.mul(q, scale), [batch, kvHeads, stacked, dim]);
    const products = keys.map((k) => tf.matMul(queries, k, false, true)); // [B, K, T·H/K, s]
    const joined = products.length === 1 ? products[0] : tf.concat(products, 3);
    let scores = tf.reshape(softCap(joined, softcap), [batch, heads, length, -1]);
    if (mask) scores = tf.add(scores, mask);
    const shares = tf.reshape(tf.softmax(scores), [batch, kvHeads, stacked, -1]);
    const sizes = keys.map((k) => k.shape[2]);
    const parts = sizes.length === 1 ? [shares] : tf.split(shares, sizes, 3);
    const mixed = values.map((v, i) => tf.matMul(parts[i], v));
    const sum = mixed.length === 1 ? mixed[0] : tf.addN(mixed);
    const perHead = tf.reshape(sum, [batch, heads, length, dim]);
    return tf.reshape(tf.transpose(perHead, [0, 2, 1, 3]), [batch, length, heads * dim]);
  });
}

/** [B, T, n·d] → [B, n, T, d]. */
export function splitHeads(x: tf.Tensor, n: number): tf.Tensor4D {
  const [batch, length, width] = x.shape as [number, number, number];
  // A single token stands in memory as it should.
  if (length === 1) return tf.reshape(x, [batch, n, 1, width / n]);
  return tf.transpose(tf.reshape(x, [batch, length, n, width / n]), [0, 2, 1, 3]) as tf.Tensor4D;
}
