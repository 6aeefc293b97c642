/**
 * What the tiny models' matrices are before training. Random ones find out late, if at all, that a
 * text which repeats itself can be copied. So the GPT-2 starts with an induction head (Olsson et al.
 * 2022): a head of block 0 tells each token the one before it, and two heads of block 1 look for
 * tokens that followed the present one and copy them. Training is free to change all of it.
 *
 * With q = D/4, the width of one of four heads: dimensions 0 to 2q hold the token, 2q to 3q the
 * position, 3q to 4q what block 0 says of the token before.
 */
import * as tf from '@tensorflow/tfjs-core';
import { seededRandom } from '../../src/util/random';

export interface Start {
  std: number;
  seed: number;
}

/** N(0, std²), [n, m] */
export function normal(n: number, m: number, { std, seed }: Start): tf.Tensor2D {
  const random = seededRandom(seed);
  const gauss = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return tf.tensor2d(
    Float32Array.from({ length: n * m }, () => std * gauss()),
    [n, m],
  );
}

/** A matrix of the GPT-2, by the end of its name in the checkpoint; [n, m] as stored. */
export function gpt2Matrix(name: string, n: number, m: number, start: Start): tf.Tensor2D {
  // What the blocks add is small at first, so that the layout stands out.
  const std = name.endsWith('c_proj.weight') ? start.std / 20 : start.std;
  return tf.tidy(() => {
    const matrix = normal(n, m, { ...start, std }).bufferSync();
    const layout = Object.entries(LAYOUT).find(([end]) => name.endsWith(end));
    layout?.[1](matrix, start.std);
    return matrix.toTensor();
  });
}

type Matrix = tf.TensorBuffer<tf.Rank.R2>;

/** Writes `value(i, j)` into the block of this size from (row, column) on. */
function fill(
  matrix: Matrix,
  [row, column]: [number, number],
  [rows, columns]: [number, number],
  value: (i: number, j: number) => number,
) {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) matrix.set(value(i, j), row + i, column + j);
  }
}

const none = () => 0;
const diagonal = (gain: number) => (i: number, j: number) => (i === j ? gain : 0);
/** The angle of pair k of position dimensions from one position to the next. */
const turn = (k: number) => 2.8 * 0.7 ** k;

const LAYOUT: Record<string, (matrix: Matrix, std: number) => void> = {
  'wte.weight': (matrix) => {
    const [vocab, d] = matrix.shape;
    fill(matrix, [0, d / 2], [vocab, d / 2], none);
  },
  'wpe.weight': (matrix, std) => {
    const [length, d] = matrix.shape;
    const q = d / 4;
    fill(matrix, [0, 0], [length, d], none);
    fill(matrix, [0, 2 * q], [length, q], (position, i) => {
      const angle = position * turn(Math.floor(i / 2));
      return std * Math.SQRT2 * (i % 2 ? Math.sin(angle) : Math.cos(angle));
    });
  },
  // Head 0: the key of a position is the query of the next.
  'h.0.attn.c_attn.weight': (matrix) => {
    const d = matrix.shape[0];
    const q = d / 4;
    for (const part of [0, d, 2 * d]) fill(matrix, [0, part], [d, q], none);
    fill(matrix, [2 * q, 0], [q, q], diagonal(1.8));
    fill(matrix, [2 * q, d], [q, q], (i, j) => {
      if (i >> 1 !== j >> 1) return 0;
      const angle = turn(i >> 1);
      if (i === j) return 1.8 * Math.cos(angle);
      return 1.8 * (i < j ? Math.sin(angle) : -Math.sin(angle));
    });
    fill(matrix, [0, 2 * d], [q, q], diagonal(1));
  },
  'h.0.attn.c_proj.weight': (matrix, std) => {
    const d = matrix.shape[0];
    const q = d / 4;
    fill(matrix, [0, 0], [q, d], none);
    fill(matrix, [0, 3 * q], [q, q], diagonal(std));
  },
  // Heads 0 and 1: queries read the token, keys the one before; each copies half of the token.
  'h.1.attn.c_attn.weight': (matrix) => {
    const d = matrix.shape[0];
    const q = d / 4;
    for (const part of [0, d, 2 * d]) fill(matrix, [0, part], [d, 2 * q], none);
    for (const head of [0, 1]) {
      fill(matrix, [0, head * q], [q, q], diagonal(1.3));
      fill(matrix, [3 * q, d + head * q], [q, q], diagonal(1.3));
      fill(matrix, [head * q, 2 * d + head * q], [q, q], diagonal(1));
    }
  },
  'h.1.attn.c_proj.weight': (matrix, std) => {
    const d = matrix.shape[0];
    fill(matrix, [0, 0], [d / 2, d], none);
    fill(matrix, [0, 0], [d / 2, d / 2], diagonal(3 * std));
  },
};
