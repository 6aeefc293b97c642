/** Which columns of a forward call are which: the whole prompt, its last token, what is generated. */
import * as tf from '@tensorflow/tfjs-core';
import type { Positions } from './edits';

/** The columns of one forward call, as far as steering must know them. */
export interface Columns {
  /** Columns before this call. */
  start: number;
  /** T */
  length: number;
  /** For each row, the first column that counts as generated. */
  promptEnds: number[];
}

/** 1 at the last token of each row's prompt, [B, T, 1]. */
export function lastPromptToken({ start, length, promptEnds }: Columns): tf.Tensor3D {
  const values = promptEnds.flatMap((end) =>
    Array.from({ length }, (_, t) => (start + t === end - 1 ? 1 : 0)),
  );
  return tf.tensor3d(values, [promptEnds.length, length, 1]);
}

/** 1 where a row is steered, [B, T, 1]; null when every row is steered at every column. */
export function positionMask(
  positions: Positions[],
  { start, length, promptEnds }: Columns,
): tf.Tensor3D | 'nowhere' | null {
  if (positions.every((where) => where === 'all')) return null;
  const on = {
    all: () => true,
    prompt: (column: number, end: number) => column < end,
    last: (column: number, end: number) => column === end - 1,
    generated: (column: number, end: number) => column >= end,
  };
  const values = positions.flatMap((where, row) =>
    Array.from({ length }, (_, t) => (on[where](start + t, promptEnds[row]) ? 1 : 0)),
  );
  if (!values.includes(1)) return 'nowhere';
  return tf.tensor3d(values, [positions.length, length, 1]);
}
