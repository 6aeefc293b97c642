/** How large a model is, from its config.json and the headers of its weights; nothing is loaded. */
import { readDims } from '../../../models';
import { type WeightCounts, weightBytes } from '../../../src/backend/memory';
import type { WeightDtype } from '../../../src/backend/weightDtype';
import { inspect } from '../../../src/checkpoint/inspect';

export interface ModelSize {
  layers: number;
  /** Weights that every token is multiplied with in the blocks. */
  blockWeights: number;
  /** Those of the output layer, tied or not. */
  outputWeights: number;
  /** Numbers in the keys and values of one token, over all layers. */
  cacheNumbers: number;
  counts: WeightCounts;
}

/** @throws InputError as `inspect` */
export function modelSize(dir: string): ModelSize {
  const { nLayers: layers, kvHeads, headDim } = readDims(dir);
  const tensors = inspect(dir).groups.filter(({ dtype }) => /^B?F/.test(dtype));
  const sum = (some: typeof tensors) =>
    some.reduce((total, { shape, tensors: n }) => total + n * shape.reduce((a, b) => a * b, 1), 0);
  const matrices = tensors.filter(({ shape }) => shape.length > 1);
  const named = (pattern: RegExp) => sum(matrices.filter(({ name }) => pattern.test(name)));
  const [tables, head] = [named(/(embed_tokens|wte|wpe)\.weight$/), named(/^lm_head\.weight$/)];
  const table = named(/(embed_tokens|wte)\.weight$/) || head;
  return {
    layers,
    blockWeights: sum(matrices) - tables - head,
    outputWeights: head || table,
    cacheNumbers: 2 * layers * kvHeads * headDim,
    counts: {
      matrices: sum(matrices),
      largestTable: table,
      vectors: sum(tensors) - sum(matrices),
    },
  };
}

/** Bytes of the weights on a backend. */
export const bytesOf = ({ counts }: ModelSize, dtype: WeightDtype | null, backend: string) =>
  weightBytes(counts, dtype ?? 'float32', backend);
