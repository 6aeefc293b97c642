import { type Projection, project } from '../../../src/vectors/vocabulary';
import type { Session } from '../../shared/session';
import { unitAt } from './vectorAnalyses';
import type { AnalysedVectors } from './vectorFiles';

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
