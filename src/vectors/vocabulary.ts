import * as tf from '@tensorflow/tfjs-core';
import type { CausalLM } from '../engine/model';
import type { Tokenizer } from '../text/tokenizer';

/** A token, and how far a direction points to it. */
export interface TokenScore {
  id: number;
  /** The token as it stands in a text. */
  text: string;
  /** unit · its column of the output layer. */
  score: number;
}

/** The tokens at the two ends of a direction, the farthest first. */
export interface Projection {
  top: TokenScore[];
  bottom: TokenScore[];
}

/**
 * Directions of the residual stream, through the output layer: unit · unembedding, without the final
 * norm (neither its division nor its gain), bias and cap. Ids that are no token of the tokenizer, as
 * embeddings padded to a round number have them, are left out.
 * @param units N of D numbers
 * @param count tokens at either end
 */
export async function project(
  model: CausalLM,
  tokenizer: Tokenizer,
  units: Float32Array[],
  count: number,
): Promise<Projection[]> {
  const known = Math.min(model.config.vocabSize, tokenizer.vocabSize);
  const projections: Projection[] = [];
  for (const unit of units) {
    const scores = tf.tidy(() => model.toVocabulary(tf.tensor3d(unit, [1, 1, unit.length])));
    const values = (await scores.data()).subarray(0, known);
    scores.dispose();
    const order = [...values.keys()].sort((a, b) => values[b] - values[a] || a - b);
    const tokens = (ids: number[]) =>
      ids.map((id) => ({ id, text: tokenizer.decode([id]), score: values[id] }));
    projections.push({
      top: tokens(order.slice(0, count)),
      bottom: tokens(order.slice(-count).reverse()),
    });
  }
  return projections;
}
