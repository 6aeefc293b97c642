import * as tf from '@tensorflow/tfjs-core';

/** Token embedding: table [V, D], ids [B, T] (int32) → [B, T, D]. */
export function embed(table: tf.Tensor2D, ids: tf.Tensor2D): tf.Tensor3D {
  return tf.gather(table, ids) as tf.Tensor as tf.Tensor3D;
}

/**
 * The transposed table [D, V] where the backend needs it for a fast tied output, else null.
 * On wasm a product with a transposed operand runs ten times slower than a plain one; elsewhere
 * a second copy of the largest tensor would only cost memory.
 */
export function tiedOutput(table: tf.Tensor2D): tf.Tensor2D | null {
  return tf.getBackend() === 'wasm' ? tf.transpose(table) : null;
}

/** Logits with tied embeddings: x [B, T, D], table [V, D] → [B, T, V]. */
export function unembed(
  x: tf.Tensor3D,
  table: tf.Tensor2D,
  transposed: tf.Tensor2D | null,
): tf.Tensor3D {
  const [batch, length, width] = x.shape;
  const flat = tf.reshape(x, [-1, width]) as tf.Tensor2D;
  const logits = transposed ? tf.matMul(flat, transposed) : timesTransposed(flat, table);
  return tf.reshape(logits, [batch, length, table.shape[0]]);
}

/**
 * x [N, D], table [V, D] → x · tableᵀ [N, V]. libtensorflow is slow with a transposed operand unless
 * it is small: with few rows, as in decoding, (table · xᵀ)ᵀ takes half the time or less.
 */
function timesTransposed(x: tf.Tensor2D, table: tf.Tensor2D): tf.Tensor2D {
  const [rows, width] = x.shape;
  if (rows >= width) return tf.matMul(x, table, false, true);
  const turned: tf.Tensor2D = tf.matMul(table, x, false, true);
  return tf.transpose(turned);
}

/** The last column of h [B, T, D] → [B, 1, D]. */
export function lastColumn(h: tf.Tensor3D): tf.Tensor3D {
  const [batch, length, width] = h.shape;
  if (length === 1) return h;
  return tf.slice(h, [0, length - 1, 0], [batch, 1, width]);
}
