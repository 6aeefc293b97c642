import type { JsonPart } from '../jsonPart';
import type { Model } from './models';
import { Vocabulary } from './vocabulary';

/** What a character that no token covers costs beyond the rarest token. */
const UNKNOWN_PENALTY = 10;

function entriesOf(part: JsonPart): [string, number][] {
  const entries = part.list('vocab');
  entries.forEach((entry, i) => {
    const [token, score] = Array.isArray(entry) ? entry : [];
    if (typeof token !== 'string' || typeof score !== 'number') {
      throw part.error(`vocab[${i}]`, 'must be a token and its score.');
    }
  });
  return entries as [string, number][];
}

/** The likeliest cut into tokens, as the Rust library finds it. */
export function unigram(part: JsonPart): Model {
  const entries = entriesOf(part);
  const vocabulary = new Vocabulary(entries.map(([token], id) => [token, id]));
  const unknown = part.has('unk_id') ? part.count('unk_id') : undefined;
  if (unknown !== undefined && unknown >= entries.length) {
    throw part.error('unk_id', `is ${unknown}, but vocab has ${entries.length} tokens.`);
  }
  const falls = part.flag('byte_fallback');
  const scores = entries.map(([, score]) => score);
  const least = scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const longest = entries.reduce((most, [token]) => Math.max(most, token.length), 0);

  /** Start and id of the best token that ends at each place. */
  const bestPath = (text: string) => {
    const best: ({ from: number; id: number; total: number } | undefined)[] = [];
    const offer = (from: number, end: number, id: number, score: number) => {
      const total = score + (best[from]?.total ?? 0);
      if (!best[end] || total > best[end].total) best[end] = { from, id, total };
    };
    for (let start = 0, width = 1; start < text.length; start += width) {
      width = text.codePointAt(start)! > 0xffff ? 2 : 1;
      let covered = false;
      for (let end = start + width; end <= Math.min(text.length, start + longest); end++) {
        const id = vocabulary.idOf(text.slice(start, end));
        if (id === undefined) continue;
        offer(start, end, id, scores[id]);
        if (end === start + width) covered = true;
      }
      if (covered) continue;
      if (unknown === undefined) {
        const character = text.slice(start, start + width);
        throw part.error('unk_id', `is missing, and no token covers "${character}".`);
      }
      offer(start, start + width, unknown, least - UNKNOWN_PENALTY);
    }
    return best;
  };

  return {
    type: 'Unigram',
    vocabulary,
    tokenize(text) {
      const best = bestPath(text);
      const words: string[] = [];
      let fused = '';
      const flush = () => {
        if (fused) words.unshift(fused);
        fused = '';
      };
      for (let end = text.length; end > 0; end = best[end]!.from) {
        const { from, id } = best[end]!;
        const word = text.slice(from, end);
        if (id === unknown) {
          fused = word + fused;
        } else {
          flush();
          words.unshift(word);
        }
      }
      flush();
      return words.flatMap((word) => {
        const id = vocabulary.idOf(word);
        return id ?? (falls ? vocabulary.bytesOf(word) : undefined) ?? unknown!;
      });
    },
  };
}
