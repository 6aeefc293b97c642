import type { JsonPart } from '../jsonPart';
import type { Model } from './models';
import { Vocabulary } from './vocabulary';

/** What becomes of two neighbours, and how early. */
interface Merge {
  rank: number;
  id: number;
}

/** A number per pair of ids; ids are below 2^26. */
const pairKey = (left: number, right: number) => left * 2 ** 26 + right;

function mergesOf(part: JsonPart, vocabulary: Vocabulary, prefix: string): Map<number, Merge> {
  const merges = new Map<number, Merge>();
  part.list('merges').forEach((value, rank) => {
    const pair = typeof value === 'string' ? value.split(' ') : value;
    const wrong = (what: string) => part.error(`merges[${rank}]`, what);
    if (!Array.isArray(pair) || pair.length !== 2 || pair.some((one) => typeof one !== 'string')) {
      throw wrong('must be two tokens.');
    }
    const [a, b] = pair as [string, string];
    const parts = [a, b, a + b.slice(prefix.length)].map((token) => {
      const id = vocabulary.idOf(token);
      if (id === undefined) throw wrong(`needs ${JSON.stringify(token)}, which vocab lacks.`);
      return id;
    });
    merges.set(pairKey(parts[0], parts[1]), { rank, id: parts[2] });
  });
  return merges;
}

/** The smallest of a set of numbers comes first. */
class Heap {
  private readonly items: number[] = [];

  push(value: number): void {
    const { items } = this;
    let i = items.length;
    items.push(value);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (items[parent] <= value) break;
      items[i] = items[parent];
      i = parent;
    }
    items[i] = value;
  }

  pop(): number | undefined {
    const { items } = this;
    const top = items[0];
    const value = items.pop();
    if (value === undefined || items.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1] < items[child]) child++;
      if (items[child] >= value) break;
      items[i] = items[child];
      i = child;
    }
    items[i] = value;
    return top;
  }
}

/** Merges neighbours, the earliest-learnt pair first and of equal ones the leftmost. */
function mergeAll(symbols: number[], merges: Map<number, Merge>): number[] {
  const ids = symbols.slice();
  const next = ids.map((_, i) => (i + 1 < ids.length ? i + 1 : -1));
  const previous = ids.map((_, i) => i - 1);
  const gone = new Uint8Array(ids.length);
  const results: number[] = [];
  const heap = new Heap();
  const consider = (at: number) => {
    const merge = at < 0 || next[at] < 0 ? undefined : merges.get(pairKey(ids[at], ids[next[at]]));
    if (!merge) return;
    results[merge.rank] = merge.id;
    heap.push(merge.rank * 2 ** 26 + at);
  };
  for (let i = 0; i + 1 < ids.length; i++) consider(i);
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const at = top % 2 ** 26;
    const id = results[Math.floor(top / 2 ** 26)];
    const right = next[at];
    // A pair that is no longer there, since one of the two was merged otherwise.
    if (gone[at] || right < 0 || merges.get(pairKey(ids[at], ids[right]))?.id !== id) continue;
    ids[at] = id;
    gone[right] = 1;
    next[at] = next[right];
    if (next[at] >= 0) previous[next[at]] = at;
    consider(previous[at]);
    consider(at);
  }
  return ids.filter((_, i) => !gone[i]);
}

/** Byte-pair encoding, as the Rust library computes it. */
export function bpe(part: JsonPart): Model {
  if (part.has('dropout') && part.values.dropout !== 0) {
    throw part.error('dropout', 'makes ids random. Take it out.');
  }
  const vocabulary = Vocabulary.of(part);
  const prefix = part.text('continuing_subword_prefix', '');
  const suffix = part.text('end_of_word_suffix', '');
  const unknown = part.has('unk_token') ? part.text('unk_token') : undefined;
  const fuses = part.flag('fuse_unk');
  const falls = part.flag('byte_fallback');
  const whole = part.flag('ignore_merges');
  const merges = mergesOf(part, vocabulary, prefix);

  const unknownId = () => {
    const id = unknown === undefined ? undefined : vocabulary.idOf(unknown);
    if (id === undefined) throw part.error('unk_token', `is "${unknown}", which vocab lacks.`);
    return id;
  };
  /** The characters' ids. What the vocabulary lacks is left out where there is no unknown token. */
  const symbolsOf = (text: string): number[] => {
    const characters = Array.from(text);
    const out: number[] = [];
    let waiting: number | undefined;
    characters.forEach((character, i) => {
      const last = i === characters.length - 1;
      const symbol = (i > 0 ? prefix : '') + character + (last ? suffix : '');
      const id = vocabulary.idOf(symbol);
      if (id !== undefined) {
        if (waiting !== undefined) out.push(waiting);
        waiting = undefined;
        out.push(id);
        return;
      }
      const bytes = falls ? vocabulary.bytesOf(symbol) : undefined;
      if (bytes) {
        out.push(...bytes);
      } else if (unknown !== undefined) {
        if (waiting !== undefined && !fuses) out.push(waiting);
        waiting = unknownId();
      }
    });
    if (waiting !== undefined) out.push(waiting);
    return out;
  };
  const cache = new Map<string, number[]>();
  return {
    type: 'BPE',
    vocabulary,
    tokenize(text) {
      const id = whole ? vocabulary.idOf(text) : undefined;
      if (id !== undefined) return [id];
      const known = cache.get(text);
      if (known) return known;
      const ids = mergeAll(symbolsOf(text), merges);
      if (cache.size >= 10_000) cache.clear();
      if (text.length <= 256) cache.set(text, ids);
      return ids;
    },
  };
}
