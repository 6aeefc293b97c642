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
  /** Sees the scores and the shares of all queries; without it, they are not there at once. */
  watch?: Watch;
}

/** Functions of [B, H, T, S] whose results are used in place of what they get. */
export interface Watch {
  /** The scores that the softmax gets: scaled, soft-capped, masked. */
  scores(x: tf.Tensor4D): tf.Tensor4D;
  /** What it gives: the share of each key in each query. */
  pattern(x: tf.Tensor4D): tf.Tensor4D;
}

/** So many scores [B, H, t, S] are there at once (64 MB, and as much again for each step on them). */
const MOST_SCORES = 1 << 24;

/**
 * Grouped-query attention: q [B, H, T, d], keys and values [B, K, S, d] → [B, T, H·d]. Where the
 * scores of all queries would be too many, some queries at a time; the numbers are the same.
 */
export function attention(
  q: tf.Tensor4D,
  seen: Seen,
  options: AttentionOptions,
  mostScores = MOST_SCORES,
): tf.Tensor3D {
  if (options.watch) return attendByOps(q, seen, options);
  const [batch, heads, length, dim] = q.shape;
  const columns = seen.keys.reduce((sum, k) => sum + k.shape[2], 0);
  const atOnce = Math.max(1, Math.floor(mostScores / (batch * heads * columns)));
  if (atOnce >= length) return attend(q, seen, options);
  const { mask } = options;
  const parts: tf.Tensor3D[] = [];
  for (let t = 0; t < length; t += atOnce) {
    const count = Math.min(atOnce, length - t);
    const some = () =>
      attend(tf.slice(q, [0, 0, t, 0], [batch, heads, count, dim]), seen, {
        ...options,
        mask: mask && tf.slice(mask, [0, 0, t, 0], [mask.shape[0], 1, count, columns]),
      });
    parts.push(tf.tidy(some));
  }
  const all = tf.concat(parts, 1);
  tf.dispose(parts);
  return all;
}

/** All queries at once. */
function attend(q: tf.Tensor4D, seen: Seen, options: AttentionOptions): tf.Tensor3D {
  const { keys, values, columns } = seen;
  const { scale, softcap, mask } = options;
  const inputs = [q, ...keys, ...values, columns, mask].filter((x) => x !== null);
  return fused('Attention', inputs, { pieces: keys.length, scale, softcap }, () =>
    attendByOps(q, seen, options),
  );
}

/**
 * Keys and values come in pieces of consecutive columns, [B, K, s, d] each, and are never copied:
 * products are taken piece by piece, and the H/K query heads that share a key head are stacked along
 * T.
 */
function attendByOps(
  q: tf.Tensor4D,
  { keys, values }: Seen,
  { scale, softcap, mask, watch }: AttentionOptions,
): tf.Tensor3D {
  const [batch, heads, length, dim] = q.shape;
  const kvHeads = keys[0].shape[1];
  const stacked = (heads / kvHeads) * length;
  const queries = tf.reshape(tf.mul(q, scale), [batch, kvHeads, stacked, dim]);
  const products = keys.map((k) => tf.matMul(queries, k, false, true)); // [B, K, T·H/K, s]
  const joined = products.length === 1 ? products[0] : tf.concat(products, 3);
  let scores: tf.Tensor4D = tf.reshape(softCap(joined, softcap), [batch, heads, length, -1]);
  if (mask) scores = tf.add(scores, mask);
  if (watch) scores = watch.scores(scores);
  let pattern = tf.softmax(scores);
  if (watch) pattern = watch.pattern(pattern);
  const shares = tf.reshape(pattern, [batch, kvHeads, stacked, -1]);
  const sizes = keys.map((k) => k.shape[2]);
  const parts = sizes.length === 1 ? [shares] : tf.split(shares, sizes, 3);
  const mixed = values.map((v, i) => tf.matMul(parts[i], v));
  const sum = mixed.length === 1 ? mixed[0] : tf.addN(mixed);
  const perHead = tf.reshape(sum, [batch, heads, length, dim]);
  return tf.reshape(tf.transpose(perHead, [0, 2, 1, 3]), [batch, length, heads * dim]);
}

/** [B, T, n·d] → [B, n, T, d]. */
export function splitHeads(x: tf.Tensor, n: number): tf.Tensor4D {
  const [batch, length, width] = x.shape as [number, number, number];
  // A single token stands in memory as it should.
  if (length === 1) return tf.reshape(x, [batch, n, 1, width / n]);
  return tf.transpose(tf.reshape(x, [batch, length, n, width / n]), [0, 2, 1, 3]) as tf.Tensor4D;
}

/** [B, n, T, d] → [B, T, n·d]. */
export function mergeHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [batch, n, length, dim] = x.shape;
  const perToken = length === 1 ? x : tf.transpose(x, [0, 2, 1, 3]);
  return tf.reshape(perToken, [batch, length, n * dim]);
}
