/** How long a plan takes and how much memory it needs: estimates, from sizes and measured rates. */
import type { ModelSize } from './modelSize';

/** What the backend in use does, measured. */
export interface Rates {
  /** Seconds in which so many rows are multiplied with one weight of a large matrix. */
  perWeight(rows: number): number;
  /** Seconds to read or write a number of a large tensor. */
  perNumber: number;
  /** Seconds that an op takes whatever its size. */
  perOp: number;
}

/** Ops of a block: products, norms, rotary embedding, attention. */
const OPS_PER_BLOCK = 40;
/** Prompts are multiplied so many tokens at a time, as far as rates are concerned. */
const PREFILL_ROWS = 256;

/**
 * How long answers are, as shares of the most that they may have: on average, and the longest of a
 * batch. Published answers and the tiny model's have a fifth to a quarter and about a half.
 */
export const TYPICAL = { mean: 0.2, longest: 0.5 };
export const LONGEST = { mean: 1, longest: 1 };

/** Prompts of one length limit. */
export interface Generation {
  /** Answers. */
  count: number;
  promptTokens: number;
  newTokens: number;
  batchSize: number;
}

/** Seconds to read tokens, a batch at a time. */
export function readingSeconds(
  { layers, blockWeights }: ModelSize,
  { count, promptTokens, batchSize }: Pick<Generation, 'count' | 'promptTokens' | 'batchSize'>,
  rates: Rates,
): number {
  if (!count) return 0;
  const batches = Math.ceil(count / batchSize);
  const products = (promptTokens / PREFILL_ROWS) * blockWeights * rates.perWeight(PREFILL_ROWS);
  return products + batches * layers * OPS_PER_BLOCK * rates.perOp;
}

/** Seconds to read prompts and write answers of such lengths. */
export function answeringSeconds(
  size: ModelSize,
  work: Generation,
  rates: Rates,
  { mean, longest }: typeof TYPICAL,
): number {
  const { count, promptTokens, newTokens, batchSize } = work;
  if (!count) return 0;
  const batches = Math.ceil(count / batchSize);
  const steps = batches * longest * newTokens;
  // Rows leave a batch as they end.
  const rows = Math.max(1, Math.round(((count / batches) * mean) / longest));
  const seen = promptTokens / count + (mean * newTokens) / 2;
  const { layers, blockWeights, outputWeights, cacheNumbers } = size;
  const step =
    (blockWeights + outputWeights) * rates.perWeight(rows) +
    layers * OPS_PER_BLOCK * rates.perOp +
    rows * seen * cacheNumbers * rates.perNumber;
  return readingSeconds(size, work, rates) + steps * step;
}

/** Bytes of keys and values: of the longest prompt and answer, in all rows of a batch. */
export const cacheBytes = (size: ModelSize, columns: number, rows: number) =>
  4 * size.cacheNumbers * columns * rows;
