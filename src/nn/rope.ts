import * as tf from '@tensorflow/tfjs-core';

/** Cosines and signed sines of every position: both [B, 1, T, d]. */
export interface RopeTables {
  cos: tf.Tensor4D;
  /** The first half is negated, so that a rotation is x·cos + swapHalves(x)·sin. */
  sin: tf.Tensor4D;
}

/**
 * Tables of the rotary embedding (Su et al. 2021, in the half-split layout of Hugging Face).
 * @param positions [B][T], the position of each token in its row
 * @param inverseFrequencies d/2 angular steps, see `defaultFrequencies`
 */
export function ropeTables(positions: number[][], inverseFrequencies: number[]): RopeTables {
  const half = inverseFrequencies.length;
  const length = positions[0].length;
  const shape: [number, number, number, number] = [positions.length, 1, length, 2 * half];
  const cos = new Float32Array(positions.length * length * 2 * half);
  const sin = new Float32Array(cos.length);
  let at = 0;
  for (const row of positions) {
    for (const position of row) {
      for (let i = 0; i < half; i++) {
        // Rounded to float32 where the reference rounds, so that long contexts agree too.
        const angle = Math.fround(position * Math.fround(inverseFrequencies[i]));
        const c = Math.cos(angle);
        const s = Math.sin(angle);
        cos[at + i] = c;
        cos[at + half + i] = c;
        sin[at + i] = -s;
        sin[at + half + i] = s;
      }
      at += 2 * half;
    }
  }
  return { cos: tf.tensor4d(cos, shape), sin: tf.tensor4d(sin, shape) };
}

/** theta^(-2i/d) for i < d/2. */
export function defaultFrequencies(headDim: number, theta: number): number[] {
  return Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
}

/** Rotates x [B, heads, T, d]. */
export function applyRope(x: tf.Tensor4D, { cos, sin }: RopeTables): tf.Tensor4D {
  const [batch, heads, length, dim] = x.shape;
  const size: [number, number, number, number] = [batch, heads, length, dim / 2];
  const swapped = tf.concat(
    [tf.slice(x, [0, 0, 0, dim / 2], size), tf.slice(x, [0, 0, 0, 0], size)],
    3,
  );
  return tf.add(tf.mul(x, cos), tf.mul(swapped, sin));
}
