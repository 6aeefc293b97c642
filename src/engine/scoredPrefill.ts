import * as tf from '@tensorflow/tfjs-core';
import { KVCache } from './kvCache';
import { notFinite, readScores, type ScoredToken, scoreTable } from './logprobs';
import type { CausalLM } from './model';
import { leftPad, type Started } from './prefill';
import { type Edit, Steering } from './steering';

/** Numbers in the logits of one step, rows × columns × vocabulary (64 MB). */
const LOGITS_PER_STEP = 1 << 24;
/** More rows would leave steps of few columns where the vocabulary is large. */
export const SCORED_ROWS = 8;

export interface Scored extends Started {
  /** Of each prompt, its tokens but the first, scored; an Error where logits were not finite. */
  read(): Promise<(ScoredToken[] | Error)[]>;
  /** Frees the scores, where they are not read. */
  discard(): void;
}

/**
 * Runs whole prompts, as `prefill` does, and scores their tokens. They go through the model in
 * pieces, so that only the logits of a few columns stand in memory.
 * @param top how many likeliest tokens to give beside each one
 */
export function scoredPrefill(
  model: CausalLM,
  prompts: number[][],
  { edits, padId, top }: { edits: Edit[][]; padId?: number; top: number },
): Scored {
  const { ids, pads } = leftPad(prompts, padId);
  const columns = ids[0].length;
  const ends = pads.map(() => columns);
  const cache = new KVCache(pads, ends);
  const steering = edits.some((list) => list.length)
    ? new Steering(edits, model.config)
    : undefined;
  const lengths = prompts.map(({ length }) => length);
  const most = Math.floor(LOGITS_PER_STEP / (prompts.length * model.config.vocabSize));
  const step = Math.max(1, most);
  const tables: tf.Tensor2D[] = [];
  let last: tf.Tensor2D | undefined;
  try {
    for (let from = 0; from < columns; from += step) {
      const to = Math.min(columns, from + step);
      const piece = ids.map((row) => row.slice(from, to));
      // The last token of all has nothing after it: whatever stands in its place is not read.
      const next = ids.flatMap((row) => [...row, 0].slice(from + 1, to + 1));
      tables.push(
        tf.tidy(() => {
          const logits = model.forward(piece, { cache, steering, lengths });
          const [batch, length, vocab] = logits.shape;
          if (to === columns) {
            const end = tf.slice(logits, [0, length - 1, 0], [batch, 1, vocab]);
            last = tf.keep(tf.reshape(end, [batch, vocab])) as tf.Tensor2D;
          }
          return scoreTable(tf.reshape(logits, [batch * length, vocab]), next, top);
        }),
      );
    }
    const read = () => readAll(tables, ids, pads, step);
    const goingOn = steering?.decided() ?? edits;
    return { cache, logits: last!, edits: goingOn, read, discard: () => tf.dispose(tables) };
  } catch (error) {
    cache.dispose();
    tf.dispose([...tables, ...(last ? [last] : [])]);
    throw error;
  } finally {
    steering?.dispose();
  }
}

async function readAll(tables: tf.Tensor2D[], ids: number[][], pads: number[], step: number) {
  const columns = ids[0].length;
  const rows: (ScoredToken | Error)[][] = ids.map(() => []);
  try {
    for (const [i, table] of tables.entries()) {
      const from = i * step;
      const next = ids.flatMap((row) => [...row, 0].slice(from + 1, from + step + 1));
      const scores = readScores((await table.data()) as Float32Array, next);
      const length = next.length / ids.length;
      scores.forEach((score, at) => {
        const row = Math.floor(at / length);
        const column = from + (at % length);
        if (column >= pads[row] && column < columns - 1) rows[row].push(score);
      });
    }
  } finally {
    tf.dispose(tables);
  }
  return rows.map((scores) =>
    scores.some((score) => score instanceof Error) ? notFinite() : (scores as ScoredToken[]),
  );
}
