import * as tf from '@tensorflow/tfjs-core';
import type { CausalLM } from '../../../src/engine/model';
import type { Tokenizer } from '../../../src/text/tokenizer';
import type { Session } from '../../shared/session';
import { unitAt } from './vectorAnalyses';
import type { AnalysedVectors } from './vectorFiles';

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

/** A vector at a layer, as tokens. */
export interface ProjectedVector extends Projection {
  of: string;
  name: string;
  layer: number;
}

/** Every vector at the layer that it acts at; of one that acts nowhere, the middle layer. */
export async function projectAll(
  { model, tokenizer }: Pick<Session, 'model' | 'tokenizer'>,
  sets: AnalysedVectors[],
  count: number,
): Promise<{ tied: boolean; vectors: ProjectedVector[] }> {
  const vectors = sets.flatMap(({ of, vectors, layerOf }) =>
    [...vectors.directions].map(([name, direction]) => {
      const layer = layerOf(name) ?? vectors.layers[vectors.layers.length >> 1];
      return { of, name, layer, unit: unitAt(vectors, direction, layer) };
    }),
  );
  const units = vectors.map(({ unit }) => unit);
  const found = await project(model, tokenizer, units, count);
  const { lmHead } = model.weights as { lmHead?: unknown };
  return {
    tied: lmHead === undefined,
    vectors: vectors.map(({ unit: _, ...vector }, i) => ({ ...vector, ...found[i] })),
  };
}
