/** The paper's analyses of instruction vectors and of the activations that they come from. */

import { cosine, cosines } from '../../../src/vectors/cosine';
import type { SteeringVector } from '../../../src/vectors/direction';
import type { VectorFile } from '../../../src/vectors/vectorFile';
import { mean } from '../../shared/answers/statistics';
import { principalComponents } from './geometry';

/** The cosines between the vectors of one layer. */
export interface VectorCosines {
  layer: number;
  /** [N][N], in the order of the names. */
  cosines: number[][];
}

/** @param layers those wanted, of the file's */
export function cosinesBetween(vectors: VectorFile, layers: number[]): VectorCosines[] {
  return layers.map((layer) => {
    const units = unitsAt(vectors, layer);
    return { layer, cosines: cosines(units, units) };
  });
}

/** The residual stream at the last token of a prompt with its instruction, and without it. */
export interface PairActivations {
  key: string;
  instruction_id: string;
  /** [L][D], in the order of the layers asked for. */
  withIt: Float32Array[];
  without: Float32Array[];
}

/** Mean cosines of each vector with the prompts of each instruction, [vectors][instructions]. */
export interface PromptCosines {
  layer: number;
  with: number[][];
  without: number[][];
}

/**
 * @param instructions groups of prompts, in this order
 * @param layers of the pairs, in their order
 */
export function cosinesWithPrompts(
  vectors: VectorFile,
  pairs: PairActivations[],
  instructions: string[],
  layers: number[],
): PromptCosines[] {
  const groups = instructions.map((id) => pairs.filter((pair) => pair.instruction_id === id));
  return layers.map((layer, at) => {
    const means = (which: 'withIt' | 'without') =>
      unitsAt(vectors, layer).map((unit) =>
        groups.map((group) => mean(group.map((pair) => cosine(pair[which][at], unit)))),
      );
    return { layer, with: means('withIt'), without: means('without') };
  });
}

/** The differences (with − without) of all prompts along their first two principal components. */
export interface DifferencePca {
  layer: number;
  /** Share of the variance that each of the two explains. */
  explained: number[];
  points: { instruction_id: string; key: string; x: number; y: number }[];
}

export function pcaOfDifferences(pairs: PairActivations[], layers: number[]): DifferencePca[] {
  return layers.map((layer, at) => {
    const differences = pairs.map(({ withIt, without }) =>
      withIt[at].map((value, i) => value - without[at][i]),
    );
    const { explained, coordinates } = principalComponents(differences, 2);
    const points = pairs.map(({ instruction_id, key }, i) => {
      const [x = 0, y = 0] = coordinates[i];
      return { instruction_id, key, x, y };
    });
    return { layer, explained, points };
  });
}

/** A vector at a layer. @throws Error for a layer that the file does not have */
export function unitAt(
  { layers }: VectorFile,
  direction: SteeringVector,
  layer: number,
): Float32Array {
  const at = layers.indexOf(layer);
  if (at < 0) throw new Error(`There is no layer ${layer} among ${layers.join(', ')}.`);
  return direction.unit[at];
}

const unitsAt = (vectors: VectorFile, layer: number) =>
  [...vectors.directions.values()].map((direction) => unitAt(vectors, direction, layer));
