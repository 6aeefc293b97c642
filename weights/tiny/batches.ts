/**
 * Batches of chats for the tiny Gemma-2: seeded, so that step n is the same whatever came before it,
 * and with the attention masks that make the model carry an instruction in its residual stream.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tokenizer } from '../../src/text/tokenizer';
import { seededRandom } from '../../src/util/random';
import { type Example, makeExample, SHARES, type Shares } from './corpus';
import { encodeExample } from './encode';

/** What a token is, for the masks. */
export const Kind = {
  bos: 0,
  question: 1,
  instruction: 2,
  /** Template tokens between the prompt and the answer, but for the last. */
  template: 3,
  /** The last prompt token, where the method reads its vectors. */
  last: 4,
  answer: 5,
  padding: 6,
} as const;

export interface Row {
  ids: number[];
  /** One `Kind` per token. */
  kinds: number[];
  /** Whether an instruction names a word to use or to avoid. */
  keywords: boolean;
}

export interface Batch {
  /** [B][T], padded on the right. */
  ids: number[][];
  /** Whether token t is one that token t − 1 should predict, [B][T]. */
  predicted: boolean[][];
  /** Hidden pairs of query and key, to add to the attention mask, [B, 1, T, T]; absent: none. */
  mask?: tf.Tensor4D;
}

/** Examples drawn for one pool; a pool is cut into batches of similar length. */
const POOL = 8;

export interface BatchOptions {
  batchSize: number;
  /** Longer chats are left out; texts fill rows of this length. */
  maxLength: number;
  seed: number;
  /** Number of the first batch; batch n is the same wherever one starts. */
  from: number;
}

export interface ChatOptions {
  hide: HideOptions;
  /** Shares of the kinds of prompts from batch `from` on (a multiple of 8); first of all, SHARES. */
  shares: { from: number; shares: Shares }[];
}

/** Yields batches for ever, from batch number `from` on. */
export function* batches(
  tokenizer: Tokenizer,
  options: ChatOptions & BatchOptions,
): Generator<Batch, never> {
  const { batchSize, seed, from } = options;
  for (let pool = Math.floor(from / POOL); ; pool++) {
    const random = seededRandom(seed * 1_000_003 + pool);
    const changed = options.shares.findLast(({ from }) => pool * POOL >= from);
    const shares = changed?.shares ?? SHARES;
    const rows: Row[] = [];
    while (rows.length < POOL * batchSize) {
      const row = encode(tokenizer, makeExample(random, { split: 'train', shares }));
      if (row.ids.length <= options.maxLength) rows.push(row);
    }
    rows.sort((a, b) => a.ids.length - b.ids.length);
    const order = shuffled(POOL, random);
    for (let i = 0; i < POOL; i++) {
      const members = rows.slice(order[i] * batchSize, (order[i] + 1) * batchSize);
      // Drawn even when skipped, so that a resumed run sees the same masks.
      const maskSeed = Math.floor(random() * 2 ** 31);
      if (pool * POOL + i >= from) yield makeBatch(members, options.hide, seededRandom(maskSeed));
    }
  }
}

/** 0 to n − 1 in random order. */
export function shuffled(n: number, random: () => number): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** The tokens of an example and what each of them is. */
export function encode(tokenizer: Tokenizer, example: Example): Row {
  const { ids, promptLength, instructionSpans } = encodeExample(tokenizer, example);
  const end = tokenizer.endOfTurnId;
  const templateStart = end === undefined ? promptLength : ids.lastIndexOf(end, promptLength - 1);
  const kinds = ids.map((_, t) => {
    if (t === 0) return Kind.bos;
    if (t >= promptLength) return Kind.answer;
    if (t === promptLength - 1) return Kind.last;
    if (t >= templateStart) return Kind.template;
    const inside = instructionSpans.some(([begin, end]) => t >= begin && t < end);
    return inside ? Kind.instruction : Kind.question;
  });
  return { ids, kinds, keywords: example.ids.some((id) => id.startsWith('keywords:')) };
}

function makeBatch(rows: Row[], hide: HideOptions, random: () => number): Batch {
  // Few distinct lengths: the backend sets up each new shape anew.
  const length = Math.ceil(Math.max(...rows.map((row) => row.ids.length)) / 8) * 8;
  const ids = rows.map((row) => [...row.ids, ...new Array(length - row.ids.length).fill(0)]);
  const kinds = rows.map((row) => [
    ...row.kinds,
    ...new Array(length - row.kinds.length).fill(Kind.padding),
  ]);
  const values = new Float32Array(rows.length * length * length);
  kinds.forEach((_, b) => {
    const hidden = hiddenPairs(rows[b], hide, random);
    for (let q = 0; hidden && q < rows[b].ids.length; q++) {
      for (let k = 0; k < q; k++) {
        if (hidden(q, k)) values[(b * length + q) * length + k] = -1e9;
      }
    }
  });
  return {
    ids,
    predicted: kinds.map((row) => row.map((kind) => kind === Kind.answer)),
    mask: tf.tensor4d(values, [rows.length, 1, length, length]),
  };
}

/**
 * The share of examples in which tokens are hidden in each way; the rest see everything. In all of
 * them answer tokens can't see the instruction, so it has to travel through the residual stream.
 */
export interface HideOptions {
  /** Only the last prompt token sees the instruction. */
  last: number;
  /** Only the template tokens before the last prompt token see the instruction. */
  relay: number;
  /** As `relay`; of template and answer, an answer token sees only the nearest n (4 ≤ n ≤ 24). */
  chain: number;
  /**
   * As `relay`; answer tokens and the last prompt token each miss a random part (up to nine in ten)
   * of the template and answer tokens.
   */
  drop: number;
  /** The share of keyword examples that see everything: their word has to be copied. */
  keywordsFree: number;
}

/**
 * Draws how one example is masked: whether query q may not see an earlier key k, or null when
 * everything is visible.
 */
function hiddenPairs(
  { kinds, keywords }: Row,
  { last, relay, chain, drop, keywordsFree }: HideOptions,
  random: () => number,
): ((q: number, k: number) => boolean) | null {
  const [free, mode, amount] = [random(), random(), random()];
  if (keywords && free < keywordsFree) return null;
  if (mode >= last + relay + chain + drop) return null;
  const end = kinds.indexOf(Kind.last);
  if (mode < last) {
    return (q, k) => kinds[k] === Kind.instruction && kinds[q] !== Kind.instruction && q !== end;
  }
  const relayed = (q: number, k: number) => kinds[k] === Kind.instruction && q >= end;
  if (mode < last + relay) return relayed;
  if (mode < last + relay + chain) {
    const window = 4 + Math.floor(amount * 21);
    return (q, k) => relayed(q, k) || (q > end && kinds[k] >= Kind.template && q - k >= window);
  }
  return (q, k) =>
    relayed(q, k) || (q >= end && kinds[k] > Kind.question && random() < 0.9 * amount);
}
