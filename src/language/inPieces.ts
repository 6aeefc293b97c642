/** A text that was written already, read by the model once more, so that one can see what it held. */
import * as tf from '@tensorflow/tfjs-core';
import type { Hooks } from '../engine/hooks';
import { KVCache } from '../engine/kvCache';
import type { CausalLM } from '../engine/model';
import { type Edit, Steering } from '../engine/steering';
import { yieldNow } from '../util/yieldNow';

export interface WrittenText {
  /** Ids, BOS included. */
  prompt: number[];
  /** The ids that were generated. */
  answer: number[];
}

/** Logits [R, columns, V] stand in memory for so many numbers at once. */
const LOGITS_AT_ONCE = 1 << 22;

/**
 * Reads a text as rows of one batch, each with its own edits, and in pieces: logits of a long text
 * would not stand in memory.
 * @param rows the edits of each of R rows
 * @param hooks see R rows of a piece
 * @param onPiece gets the first column of a piece, its ids and its logits [R, T, V], which are gone
 *   once it is done
 * @param signal ends it before the next piece
 */
export async function readInPieces(
  model: CausalLM,
  { prompt, answer }: WrittenText,
  rows: Edit[][],
  hooks: Hooks,
  onPiece: (from: number, ids: number[], logits: tf.Tensor3D) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const ids = [...prompt, ...answer];
  const each = <T>(value: T) => rows.map(() => value);
  const usual = Math.max(1, Math.floor(LOGITS_AT_ONCE / (rows.length * model.config.vocabSize)));
  // What a whole prompt decides is decided in the pass that holds its last token.
  const decides = rows.flat().some(({ when }) => when?.at === 'prompt');
  const step = decides ? Math.max(usual, prompt.length) : usual;
  const steering = new Steering(rows, model.config);
  const cache = new KVCache(each(0), each(prompt.length));
  const pass = { steering, cache, lengths: each(ids.length), hooks };
  try {
    for (let from = 0; from < ids.length; from += step) {
      await yieldNow();
      if (signal?.aborted) return;
      const piece = ids.slice(from, from + step);
      const logits = model.forward(each(piece), pass);
      try {
        await onPiece(from, piece, logits);
      } finally {
        logits.dispose();
      }
    }
  } finally {
    steering.dispose();
    cache.dispose();
  }
}

/** KL(p ‖ q) in nats of what logits p and q [..., V] stand for: [...]. */
export function divergence(p: tf.Tensor, q: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [logP, logQ] = [tf.logSoftmax(p), tf.logSoftmax(q)];
    return tf.sum(tf.mul(tf.exp(logP), tf.sub(logP, logQ)), -1);
  });
}
