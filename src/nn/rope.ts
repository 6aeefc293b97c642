import * as tf from '@tensorflow/tfjs-core';
import { fused } from './fused';

/** How positions become angles. Frequencies are in radians per position, one for two dimensions. */
export type Rope =
  | {
      /** The same frequencies in every row: plain, or stretched (src/nn/ropeScaling.ts). */
      kind: 'default';
      frequencies: number[];
      /** Factor on cosines and sines (YaRN); 1 where there is none. */
      attentionFactor?: number;
    }
  | {
      /** LongRoPE (Ding et al. 2024): other frequencies in a row longer than `original` tokens. */
      kind: 'longrope';
      short: number[];
      long: number[];
      original: number;
      /** Factor on cosines and sines, in short rows and in long ones. */
      attentionFactor: number;
    };

/**
 * Cosines and signed sines of every position, for the r ≤ d first dimensions: both [B, 1, T, r], or
 * [1, 1, T, r] where all rows have the same.
 */
export interface RopeTables {
  cos: tf.Tensor4D;
  /** The first half is negated, so that a rotation is x·cos + swapHalves(x)·sin. */
  sin: tf.Tensor4D;
}

/**
 * Tables of the rotary embedding (Su et al. 2021, in the half-split layout of Hugging Face).
 * @param positions [B][T], the position of each token in its row
 * @param frequencies r/2 angular steps, see `defaultFrequencies`
 * @param attentionFactor factor on cosines and sines
 */
export function ropeTables(
  positions: number[][],
  frequencies: number[],
  attentionFactor = 1,
): RopeTables {
  const rows = positions.map(() => frequencies);
  return fillTables(positions, rows, attentionFactor);
}

/**
 * The tables of any kind of rotary embedding.
 * @param positions [B][T]
 * @param lengths [B], tokens of each row in all
 */
export function ropeTablesOf(rope: Rope, positions: number[][], lengths: number[]): RopeTables {
  if (rope.kind === 'default') {
    return ropeTables(positions, rope.frequencies, rope.attentionFactor);
  }
  const rows = lengths.map((n) => (n > rope.original ? rope.long : rope.short));
  return fillTables(positions, rows, rope.attentionFactor);
}

/** `frequencies` are those of each row, [B][r/2]; cosines and sines are multiplied by `factor`. */
function fillTables(positions: number[][], frequencies: number[][], factor: number): RopeTables {
  const alike = positions.every(
    (row, b) => frequencies[b] === frequencies[0] && row.every((x, t) => x === positions[0][t]),
  );
  if (alike && positions.length > 1) return fillTables([positions[0]], [frequencies[0]], factor);
  const half = frequencies[0].length;
  const length = positions[0].length;
  const shape: [number, number, number, number] = [positions.length, 1, length, 2 * half];
  const cos = new Float32Array(positions.length * length * 2 * half);
  const sin = new Float32Array(cos.length);
  let at = 0;
  for (const [b, row] of positions.entries()) {
    for (const position of row) {
      for (let i = 0; i < half; i++) {
        // Rounded to float32 where the reference rounds, so that long contexts agree too.
        const angle = Math.fround(position * Math.fround(frequencies[b][i]));
        const c = Math.cos(angle) * factor;
        const s = Math.sin(angle) * factor;
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

/** theta^(-2i/r) for i < r/2; r is d, or fewer dimensions where only these are rotated. */
export function defaultFrequencies(rotaryDim: number, theta: number): number[] {
  return dividedFrequencies(theta, Array(rotaryDim / 2).fill(1));
}

/** The default frequencies, each over its factor: r/2 factors → r/2 frequencies (LongRoPE). */
export function dividedFrequencies(theta: number, factors: number[]): number[] {
  // Rounded to float32 step by step, as the reference is: at position 100,000 the last bit counts.
  const { fround } = Math;
  return factors.map((factor, i) =>
    fround(1 / fround(fround(factor) * fround(theta ** fround(i / factors.length)))),
  );
}

/** Rotates the first r dimensions of x [B, heads, T, d]; the others pass. */
export function applyRope(x: tf.Tensor4D, { cos, sin }: RopeTables): tf.Tensor4D {
  const [batch, heads, length, dim] = x.shape;
  const half = cos.shape[3] / 2;
  const part = (from: number, width: number): tf.Tensor4D =>
    tf.slice(x, [0, 0, 0, from], [batch, heads, length, width]);
  if (2 * half < dim) {
    const turned = applyRope(part(0, 2 * half), { cos, sin });
    return tf.concat([turned, part(2 * half, dim - 2 * half)], 3);
  }
  return fused('Rope', [x, cos, sin], {}, () => {
    const swapped = tf.concat([part(half, half), part(0, half)], 3);
    return tf.add(tf.mul(x, cos), tf.mul(swapped, sin));
  });
}
