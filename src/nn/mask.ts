import * as tf from '@tensorflow/tfjs-core';

/** Far below any score, yet finite: a fully masked (padding) query row stays free of NaN. */
const HIDDEN = -1e9;

export interface MaskShape {
  /** Left padding of each row. */
  pads: number[];
  /** Columns before this call (in the cache). */
  start: number;
  /** T, columns of this call. */
  length: number;
  /** A query sees itself and the `window − 1` columns before it; null for no limit. */
  window: number | null;
}

/**
 * Causal mask to add to the scores, [B, 1, T, S]: a key is visible when it is not padding, not
 * after the query, and less than `window` columns before it. Null when nothing is hidden.
 */
export function causalMask({ pads, start, length, window }: MaskShape): tf.Tensor4D | null {
  const seen = start + length;
  const padded = pads.some((pad) => pad > 0);
  if (length === 1 && !padded && (window === null || seen <= window)) return null;
  const rows = padded ? pads.length : 1;
  const values = new Float32Array(rows * length * seen).fill(HIDDEN);
  for (let b = 0; b < rows; b++) {
    const pad = padded ? pads[b] : 0;
    for (let t = 0; t < length; t++) {
      const query = start + t;
      const first = Math.max(pad, window === null ? 0 : query - window + 1);
      const row = (b * length + t) * seen;
      if (first <= query) values.fill(0, row + first, row + query + 1);
    }
  }
  return tf.tensor4d(values, [rows, 1, length, seen]);
}
