/** What the tiny GPT-2 reads: answers of the corpus as plain text, texts that got stuck, and tokens said again. */

import type { Tokenizer } from '../../src/text/tokenizer';
import { seededRandom } from '../../src/util/random';
import { between, pick, type Rng } from './answers';
import { type Batch, type BatchOptions, shuffled } from './batches';
import { makeExample, type Shares } from './corpus';
import { SPECIAL } from './tokenizer';

/**
 * Shares of texts, of sentences and of words. The corpus has few sentences, in a fixed order: a judge
 * that learns them by heart finds every answer nearly as likely as a repetition. So other sentences
 * and words stand among them, and nothing is sure but what repeats.
 */
export interface TextOptions {
  /** Of the kinds of answers, in percent. */
  shares: Shares;
  /** Of the sentences: those that come from another answer. */
  foreign: number;
  /** Of the words: those that come from another answer. */
  noise: number;
  /** Of the texts: those that get stuck, see `stuckText`. */
  stuck: number;
  /** Of the texts: random tokens, said again, so that any token can be copied. */
  tokens: number;
}

/** A text cut after each full stop, the space left out. */
export const sentencesOf = (text: string): string[] => text.split(/(?<=\.) /);

/** A part said n times. */
export const repeated = (part: string, n: number, joint = ' ') =>
  Array<string>(n).fill(part).join(joint);

/** The words of a text in random order. */
export function scramble(random: Rng, text: string): string {
  const words = text.split(' ');
  return shuffled(words.length, random)
    .map((i) => words[i])
    .join(' ');
}

/** A text in which some sentences, then some words, are those of another one. */
export function mixed(
  random: Rng,
  text: string,
  other: string,
  { foreign, noise }: Pick<TextOptions, 'foreign' | 'noise'>,
): string {
  const replaced = (parts: string[], others: string[], share: number) =>
    parts.map((part) => (random() < share ? pick(random, others) : part)).join(' ');
  const sentences = replaced(sentencesOf(text), sentencesOf(other), foreign);
  return replaced(sentences.split(' '), other.split(' '), noise);
}

/**
 * A text that gets stuck, at once or on its way: a sentence of it, or a few of its words, 4 to 40
 * times. GPT-2 has read such texts on the web, and finds repetition likely. A model of the corpus
 * alone, where no sentence comes twice, would find it unlikely.
 */
export function stuckText(random: Rng, text: string): string {
  const bySentence = random() < 0.5;
  const parts = bySentence ? sentencesOf(text) : text.split(' ');
  const from = between(random, 0, parts.length - 1);
  const length = bySentence ? 1 : 1 + Math.floor(random() ** 3 * 12);
  const before = random() < 0.5 ? parts.slice(0, from) : [];
  const stuck = parts.slice(from, from + length).join(' ');
  const joint = random() < 0.8 ? ' ' : '\n';
  return [...before, repeated(stuck, between(random, 4, 40), joint)].join(' ');
}

interface Piece {
  ids: number[];
  /** Tokens at its beginning that nothing predicts. */
  given: number;
}

/** Tokens of the whole vocabulary in no order, 2 to 40 times; the first time is not to be learnt. */
function randomTokens(random: Rng, tokenizer: Tokenizer): Piece {
  const given = 1 + Math.floor(random() ** 2 * 30);
  const [first, last] = [SPECIAL.length, tokenizer.vocabSize - 1];
  const once = Array.from({ length: given }, () => between(random, first, last));
  return {
    ids: Array(between(random, 2, 40))
      .fill(once)
      .flat(),
    given,
  };
}

function drawPiece(random: Rng, tokenizer: Tokenizer, options: TextOptions): Piece {
  const { shares, tokens, stuck } = options;
  const kind = random();
  if (kind < tokens) return randomTokens(random, tokenizer);
  const answer = () => makeExample(random, { split: 'train', shares }).answer;
  const text = mixed(random, answer(), answer(), options);
  const read = kind < tokens + stuck ? stuckText(random, text) : text;
  return { ids: tokenizer.encode(read, { bos: false }), given: 0 };
}

/**
 * Yields batches for ever, from batch number `from` on. A row is filled with texts, EOS after each,
 * until it is full: the last is cut off. No BOS and no EOS stands before the first, as in a text that
 * is judged by itself; a quarter of the rows begin inside it, as where a text is longer than the
 * context.
 */
export function* textBatches(
  tokenizer: Tokenizer,
  options: TextOptions & BatchOptions,
): Generator<Batch, never> {
  const { batchSize, maxLength, seed } = options;
  for (let n = options.from; ; n++) {
    const random = seededRandom(seed * 1_000_003 + n);
    const batch: Batch = { ids: [], predicted: [] };
    for (let b = 0; b < batchSize; b++) {
      const row: number[] = [];
      const predicted: boolean[] = [];
      while (row.length < maxLength) {
        const { ids, given } = drawPiece(random, tokenizer, options);
        const inside = row.length === 0 && random() < 0.25;
        const skipped = inside ? between(random, 0, ids.length - 1) : 0;
        row.push(...ids.slice(skipped), tokenizer.eosId!);
        predicted.push(...ids.map((_, t) => t >= given).slice(skipped), true);
      }
      predicted[0] = false;
      batch.ids.push(row.slice(0, maxLength));
      batch.predicted.push(predicted.slice(0, maxLength));
    }
    yield batch;
  }
}
