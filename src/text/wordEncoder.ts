import type { JsonPart } from './jsonPart';

const utf8 = new TextEncoder();

/** What is used of a model of the npm library. */
export interface Model {
  (words: string[]): string[];
  encode(words: string[]): string[];
  vocab: string[];
  scores: number[];
  tokens_to_ids: Map<string, number>;
}

/** Refuses what is malformed in a model, or computed otherwise than in Rust. */
export function checkModel(part: JsonPart, type: string): void {
  if (!['BPE', 'Unigram', 'WordPiece', 'WordLevel'].includes(type)) {
    throw part.error('type', `"${type}" isn't known to Tiller.`);
  }
  if (part.values.dropout) throw part.error('dropout', 'makes ids random. Take it out.');
  if (type === 'BPE' && part.text('continuing_subword_prefix', '') !== '') {
    throw part.error('continuing_subword_prefix', "isn't known to Tiller in a model of type BPE.");
  }
  if (type === 'Unigram') {
    part.list('vocab').forEach((entry, i) => {
      const [token, score] = Array.isArray(entry) ? entry : [];
      if (typeof token === 'string' && typeof score === 'number') return;
      throw part.error(`vocab[${i}]`, 'must be a token and its score.');
    });
    const last = part.list('vocab').length - 1;
    if (part.count('unk_id') > last) throw part.error('unk_id', `must be at most ${last}.`);
    return;
  }
  const vocab = part.part('vocab');
  if (!vocab) throw part.error('vocab', 'is missing.');
  for (const [token, id] of Object.entries(vocab.values)) {
    // A hostile id would make a list of that length.
    if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 26) continue;
    throw vocab.error(JSON.stringify(token), `must be an id, not ${JSON.stringify(id)}.`);
  }
  if (type !== 'BPE') return;
  part.list('merges').forEach((merge, i) => {
    const pair = typeof merge === 'string' ? merge.split(' ') : merge;
    const known = Array.isArray(pair) && pair.length === 2 && pair.join('') in vocab.values;
    if (!known) throw part.error(`merges[${i}]`, 'must be two tokens that make one of vocab.');
  });
}

/** Files from before the type was written: it shows in what else stands there. */
export function typeOf(model: JsonPart): string {
  if (model.has('type')) return model.text('type');
  if (Array.isArray(model.values.vocab)) return 'Unigram';
  if (model.has('merges')) return 'BPE';
  return model.has('max_input_chars_per_word') ? 'WordPiece' : 'WordLevel';
}

/** What turns a word into ids. */
export function encoderOf(model: Model, part: JsonPart, type: string): (word: string) => number[] {
  const ids = model.tokens_to_ids;
  const unknown = type === 'Unigram' ? part.count('unk_id') : ids.get(part.text('unk_token', ''));
  const idOf = (token: string): number => {
    const id = ids.get(token) ?? unknown;
    if (id !== undefined) return id;
    throw part.error('unk_token', `is missing, and a text holds ${JSON.stringify(token)}.`);
  };
  if (type === 'Unigram') return unigramOf(model, part, unknown!);
  if (type !== 'BPE') return (word) => model([word]).map(idOf);
  const hasBytes = (character: string) =>
    part.flag('byte_fallback') &&
    [...utf8.encode(character)].every((byte) => ids.has(byteToken(byte)));
  const whole = part.flag('ignore_merges');
  return (word) => {
    if (whole && ids.has(word)) return [ids.get(word)!];
    const strange = Array.from(word).filter((character) => !ids.has(character));
    const lost = strange.filter((character) => !hasBytes(character));
    if (lost.length === 0) return model([word]).map(idOf);
    if (part.has('unk_token')) {
      if (lost.length === strange.length) return model([word]).map(idOf);
      // Rust mixes up their order.
      throw part.error('vocab', `has byte tokens, but none for ${JSON.stringify(lost[0])}.`);
    }
    // Without an unknown token, what the vocabulary lacks is left out before its neighbours merge.
    if (part.text('end_of_word_suffix', '')) return [idOf(lost[0])];
    const rest = Array.from(word).filter((character) => !lost.includes(character));
    return rest.length === 0 ? [] : model([rest.join('')]).map(idOf);
  };
}

const byteToken = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;

/** Neighbours that are unknown are one; with `byte_fallback`, which the library lacks, their bytes. */
function unigramOf(model: Model, part: JsonPart, unknown: number): (word: string) => number[] {
  const ids = model.tokens_to_ids;
  const falls = part.flag('byte_fallback');
  // The library gives the unknown token's own text another score.
  model.scores[unknown] = (part.list('vocab')[unknown] as [string, number])[1];
  const idsOf = (token: string): number[] => {
    const id = ids.get(token);
    if (id !== undefined) return [id];
    const bytes = Array.from(utf8.encode(token), (byte) => ids.get(byteToken(byte)));
    return falls && !bytes.includes(undefined) ? (bytes as number[]) : [unknown];
  };
  return (word) => {
    const fused: string[] = [];
    let open = false;
    for (const token of model.encode([word])) {
      const isUnknown = (ids.get(token) ?? unknown) === unknown;
      if (open && isUnknown) fused.push(fused.pop() + token);
      else fused.push(token);
      open = isUnknown;
    }
    return fused.flatMap(idsOf);
  };
}
