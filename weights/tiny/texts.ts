/** What the tiny GPT-2 reads: answers of the corpus as plain text, and texts that got stuck. */
import { seededRandom } from '../../src/random';
import type { Tokenizer } from '../../src/tokenizer';
import { between, type Rng } from './answers';
import type { Batch } from './batches';
import { makeExample, type Split } from './corpus';

export interface TextOptions {
  /** The share of answers to a question alone; the others obey instructions of any family. */
  plain: number;
  /** The share of texts that say one thing again and again. */
  loops: number;
}

/** One answer of the corpus. */
export function answerText(random: Rng, split: Split, plain: number): string {
  return makeExample(random, { split, family: random() < plain ? 'none' : undefined }).answer;
}

/** A text cut after each full stop, the space left out. */
export const sentencesOf = (text: string): string[] => text.split(/(?<=\.) /);

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
  const stuck = parts.slice(from, from + length);
  const times = between(random, 4, 40);
  return [...before, ...Array<string[]>(times).fill(stuck).flat()].join(' ');
}

/**
 * Yields batches for ever, from batch number `from` on; number n is the same wherever one starts. A
 * row is filled with texts, EOS after each, until it is full: the last is cut off. No BOS and no EOS
 * stands before the first, as in a text that is judged by itself; a quarter of the rows begin inside
 * it, as where a text is longer than the context.
 */
export function* textBatches(
  tokenizer: Tokenizer,
  options: TextOptions & { batchSize: number; maxLength: number; seed: number; from: number },
): Generator<Batch, never> {
  const { batchSize, maxLength, seed, plain, loops } = options;
  const predicted = Array.from({ length: batchSize }, () =>
    Array.from({ length: maxLength }, (_, t) => t > 0),
  );
  for (let n = options.from; ; n++) {
    const random = seededRandom(seed * 1_000_003 + n);
    const ids = predicted.map(() => {
      const row: number[] = [];
      while (row.length < maxLength) {
        const text = answerText(random, 'train', plain);
        const read = random() < loops ? stuckText(random, text) : text;
        const tokens = tokenizer.encode(read, { bos: false });
        const inside = row.length === 0 && random() < 0.25;
        row.push(...tokens.slice(inside ? between(random, 0, tokens.length - 1) : 0));
        row.push(tokenizer.eosId!);
      }
      return row.slice(0, maxLength);
    });
    yield { ids, predicted };
  }
}
