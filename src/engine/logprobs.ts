/** Log-probabilities of tokens, as the model gives them: before temperature and top-p. */
import * as tf from '@tensorflow/tfjs-core';

export interface TokenLogprob {
  token: number;
  /** ln p of the token, in nats. */
  logprob: number;
}

/** A token of a text, and the likeliest tokens in its place, likeliest first. */
export interface ScoredToken extends TokenLogprob {
  top: TokenLogprob[];
}

/**
 * What `readScores` reads, computed on the device: for each row the log of the sum of exponentials,
 * the token's logit, the `top` largest logits and their tokens.
 * @param logits [R, V]
 * @param tokens one for each row
 * @returns [R, 2 + 2 · top]
 */
export function scoreTable(logits: tf.Tensor2D, tokens: number[], top: number): tf.Tensor2D {
  const [rows, vocab] = logits.shape;
  return tf.tidy(() => {
    const logSum: tf.Tensor2D = tf.reshape(tf.logSumExp(logits, 1), [rows, 1]);
    const places = tokens.map((token, row) => row * vocab + token);
    const flat = tf.reshape(logits, [-1]);
    const own: tf.Tensor2D = tf.reshape(tf.gather(flat, tf.tensor1d(places, 'int32')), [rows, 1]);
    if (!top) return tf.concat2d([logSum, own], 1);
    const { values, indices } = tf.topk(logits, Math.min(top, vocab));
    const columns = [logSum, own, values, tf.cast(indices, 'float32')];
    return tf.concat2d(columns as tf.Tensor2D[], 1);
  });
}

/** The rows of a `scoreTable`; an Error in place of a row whose logits are not finite. */
export function readScores(table: Float32Array, tokens: number[]): (ScoredToken | Error)[] {
  const width = table.length / tokens.length;
  const top = (width - 2) / 2;
  return tokens.map((token, row) => {
    const [logSum, own, ...rest] = table.subarray(row * width, (row + 1) * width);
    if (!Number.isFinite(logSum) || !Number.isFinite(own)) return notFinite();
    return {
      token,
      logprob: own - logSum,
      top: rest.slice(0, top).map((logit, i) => {
        return { token: rest[top + i], logprob: logit - logSum };
      }),
    };
  });
}

export function notFinite(): Error {
  return new Error(
    'The logits are not finite. A steering weight may be far too large, or the weights are broken.',
  );
}
