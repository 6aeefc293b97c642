import { checkNumber, refuse } from '../util/check';
import { InputError } from '../util/errors';
import { seededRandom } from '../util/random';
import { notFinite } from './logprobs';

export interface SamplingOptions {
  /** 0 (the default) is greedy. */
  temperature?: number;
  /** Only the smallest set of tokens that holds this much probability is drawn from; default 1. */
  topP?: number;
}

/**
 * The seed of one of several streams of draws: of each prompt of a call, or each answer to a request.
 * @param seed what was asked for
 * @param stream its index, from 0
 */
export const streamSeed = (seed: number, stream: number): number => seed * 1_000_003 + stream;

/** @throws InputError for a temperature below 0, a topP outside (0, 1], or one without the other */
export function checkSampling(
  caller: string,
  { temperature = 0, topP = 1 }: SamplingOptions,
): void {
  checkNumber(`${caller}: temperature`, temperature);
  if (temperature < 0) refuse(`${caller}: temperature`, temperature, 'a number from 0 up');
  checkNumber(`${caller}: topP`, topP);
  if (topP <= 0 || topP > 1) refuse(`${caller}: topP`, topP, 'a number above 0, at most 1');
  if (topP < 1 && !temperature) {
    throw new InputError(`${caller}: topP is ${topP}, but nothing is drawn at temperature 0.`);
  }
}

/** Draws a token from a row of logits [V]. */
export type Sampler = (logits: Float32Array) => number;

/**
 * A sampler with a stream of its own: the same seed, the same draws, whatever the neighbours.
 * @returns undefined at temperature 0, where nothing is drawn
 */
export function sampler(options: SamplingOptions, seed: number): Sampler | undefined {
  if (!options.temperature) return undefined;
  const random = seededRandom(seed);
  return (logits) => draw(logits, options, random());
}

/**
 * One draw from a row of logits [V] after temperature and nucleus (top-p) truncation.
 * @param random a number in [0, 1)
 * @throws InputError for options out of range; Error when a logit is not finite
 */
export function draw(
  logits: Float32Array,
  { temperature = 1, topP = 1 }: SamplingOptions,
  random: number,
): number {
  checkSampling('draw', { temperature, topP });
  if (!temperature) refuse('draw: temperature', temperature, 'a number above 0');
  if (!(random >= 0 && random < 1)) refuse('draw: random', random, 'a number in [0, 1)');
  let top = -Infinity;
  for (const logit of logits) top = Math.max(top, logit);
  const weights = new Float32Array(logits.length);
  let total = 0;
  for (let i = 0; i < logits.length; i++) {
    weights[i] = Math.exp((logits[i] - top) / temperature);
    total += weights[i];
  }
  if (!Number.isFinite(total)) throw notFinite();
  const kept = topP < 1 ? nucleus(weights, topP * total) : likeliestFirst(weights);
  const mass = Array.isArray(kept) ? kept.reduce((sum, token) => sum + weights[token], 0) : total;
  let left = random * mass;
  let last = 0;
  for (const token of kept) {
    left -= weights[token];
    last = token;
    if (left < 0) break;
  }
  return last;
}

/** The fewest tokens, likeliest first, whose weights are `enough` together; at least one. */
function nucleus(weights: Float32Array, enough: number): number[] {
  const kept: number[] = [];
  let mass = 0;
  for (const token of likeliestFirst(weights)) {
    kept.push(token);
    mass += weights[token];
    if (mass >= enough) break;
  }
  return kept;
}

/** Weights up to 1 whose first bits are alike: sign, exponent and three of the fraction. */
const BIN_SHIFT = 20;
const BINS = (0x3f800000 >> BIN_SHIFT) + 1;

/**
 * Tokens by weight in (0, 1], the first of equals first. Sorted bin by bin, as they are asked for:
 * a draw seldom needs more than a few of a large vocabulary.
 */
function* likeliestFirst(weights: Float32Array): Generator<number> {
  // The bits of floats from 0 up are in the order of the floats.
  const bits = new Uint32Array(weights.buffer, weights.byteOffset, weights.length);
  const ends = new Uint32Array(BINS);
  for (const b of bits) ends[b >> BIN_SHIFT]++;
  for (let bin = 1; bin < BINS; bin++) ends[bin] += ends[bin - 1];
  const starts = Uint32Array.from(ends, (_, bin) => (bin ? ends[bin - 1] : 0));
  // Weight and token as one number, which sorts without a function; below 2^53 for any vocabulary.
  const size = weights.length;
  const keys = new Float64Array(size);
  const next = starts.slice();
  for (let i = 0; i < size; i++) keys[next[bits[i] >> BIN_SHIFT]++] = bits[i] * size + size - 1 - i;
  for (let bin = BINS - 1; bin >= 0; bin--) {
    const sorted = keys.subarray(starts[bin], ends[bin]).sort();
    for (let i = sorted.length - 1; i >= 0; i--) yield size - 1 - (sorted[i] % size);
  }
}
