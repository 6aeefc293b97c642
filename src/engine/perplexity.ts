/** How well a decoder predicts texts: the mean negative log-likelihood of their tokens. */
import * as tf from '@tensorflow/tfjs-core';
import { checkCount, checkKeys, checkList } from '../util/check';
import { checkId, checkModel } from './checks';
import { KVCache } from './kvCache';
import type { CausalLM } from './model';
import { leftPad } from './prefill';

export interface LikelihoodOptions {
  /** Longer texts are judged by this many last tokens; default, and at most, the model's context. */
  lastTokens?: number;
  /** Texts computed together; default 8. The values do not depend on it. */
  batchSize?: number;
  /** Numbers in the logits of one step, rows × columns × vocabulary; default 2^24 (64 MB). */
  logitsPerStep?: number;
}

/**
 * Mean negative log-likelihood, in nats per token, of every text: each token but the first is
 * predicted from those before it. Equal to the loss of transformers on the text alone.
 *
 * A batch goes through a cache in pieces, so that only the logits of a few columns stand in memory.
 * @param texts token ids of each text, with BOS where the model expects it
 * @returns one number per text, in their order; null where there is nothing to predict (fewer than
 *   two tokens)
 * @throws InputError for options out of range or ids outside the vocabulary; Error when logits are
 *   not finite
 */
export async function meanNll(
  model: CausalLM,
  texts: number[][],
  options: LikelihoodOptions = {},
): Promise<(number | null)[]> {
  checkModel('meanNll', model);
  const { maxPositions, vocabSize } = model.config;
  checkList('meanNll: texts', texts, 'a list of texts, each a list of token ids');
  for (const [i, text] of texts.entries()) {
    checkList(`meanNll: text ${i}`, text, 'a list of token ids (texts are a list of such lists)');
    for (const id of text) checkId(`meanNll: text ${i}`, id, vocabSize);
  }
  checkKeys('meanNll: options', options, ['lastTokens', 'batchSize', 'logitsPerStep']);
  const { batchSize = 8, lastTokens = maxPositions, logitsPerStep = 1 << 24 } = options;
  checkCount('meanNll: batchSize', batchSize, 1);
  checkCount('meanNll: lastTokens', lastTokens, 2);
  checkCount('meanNll: logitsPerStep', logitsPerStep, 1);
  const cut = texts.map((text) => text.slice(-Math.min(lastTokens, maxPositions)));
  const byLength = Array.from(texts.keys())
    .filter((i) => cut[i].length > 1)
    .sort((a, b) => cut[a].length - cut[b].length);
  const results: (number | null)[] = texts.map(() => null);
  for (let i = 0; i < byLength.length; i += batchSize) {
    const members = byLength.slice(i, i + batchSize);
    const sums = await sumsOfBatch(
      model,
      members.map((text) => cut[text]),
      logitsPerStep,
    );
    for (const [row, text] of members.entries()) {
      results[text] = sums[row] / (cut[text].length - 1);
    }
  }
  return results;
}

/** exp of the mean negative log-likelihood; null stays null. */
export function perplexityOf(nll: number | null): number | null {
  return nll === null ? null : Math.exp(nll);
}

/** The negative log-likelihoods of each text's tokens, summed: [B]. */
async function sumsOfBatch(model: CausalLM, texts: number[][], size: number): Promise<number[]> {
  const { ids, pads } = leftPad(texts);
  // The last token of all is only predicted.
  const columns = ids[0].length - 1;
  const lengths = texts.map((text) => text.length);
  const step = Math.max(1, Math.floor(size / (texts.length * model.config.vocabSize)));
  const cache = new KVCache(
    pads,
    pads.map(() => columns),
  );
  const sums = texts.map(() => 0);
  try {
    for (let from = 0; from < columns; from += step) {
      const to = Math.min(columns, from + step);
      const slice = (shift: number) => ids.map((row) => row.slice(from + shift, to + shift));
      const losses = tf.tidy(() => {
        const logits = model.forward(slice(0), { cache, lengths });
        return tokenLosses(logits, slice(1));
      });
      const values = (await losses.data()) as Float32Array;
      losses.dispose();
      for (const [row, pad] of pads.entries()) {
        for (let column = Math.max(from, pad); column < to; column++) {
          const value = values[row * (to - from) + column - from];
          if (!Number.isFinite(value)) {
            throw new Error('The logits are not finite: the weights may be broken.');
          }
          sums[row] += value;
        }
      }
    }
    return sums;
  } finally {
    cache.dispose();
  }
}

/** logits [B, T, V], targets [B][T] → −log p of each target, [B·T]. */
function tokenLosses(logits: tf.Tensor3D, targets: number[][]): tf.Tensor1D {
  const vocab = logits.shape[2];
  const flat = tf.reshape(logits, [-1, vocab]);
  const top = tf.max(flat, 1, true);
  const logSum = tf.add(tf.log(tf.sum(tf.exp(tf.sub(flat, top)), 1)), tf.reshape(top, [-1]));
  const places = targets.flat().map((id, i) => i * vocab + id);
  const picked = tf.gather(tf.reshape(logits, [-1]), tf.tensor1d(places, 'int32'));
  return tf.sub(logSum, picked);
}
