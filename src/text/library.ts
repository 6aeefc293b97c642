import { Tokenizer as Library } from '@huggingface/tokenizers';
import { InputError } from '../util/errors';
import type { JsonPart } from './jsonPart';

/**
 * The npm library computes a tokenizer.json. Where it differs from the Rust library, which made the
 * vocabularies' ids what they are, a part's method is replaced here, or the file is refused.
 * docs/tokenizers.md lists the differences; scripts/compare_tokenizers.py finds them.
 */
export interface TokenizerLibrary {
  readonly modelType: string;
  readonly vocabulary: Vocabulary;
  normalize(text: string): string;
  /** Ids of a text between added tokens; `first` says that the whole text begins with it. */
  encode(text: string, first: boolean): number[];
  /** Ids with those that the post-processor adds. */
  process(ids: number[]): number[];
  decode(tokens: string[]): string;
}

/** The tokens of a model, without added ones. */
export interface Vocabulary {
  readonly size: number;
  /** The highest id, plus one. */
  readonly end: number;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
}

/** What is touched of the library's objects. */
interface Part {
  pattern: RegExp;
  byte_decoder: Record<string, number>;
  normalizers: Part[];
  tokenizers: Part[];
  decoders: Part[];
  normalize(text: string): string;
  clean_text(text: string): string;
  strip_accents(text: string): string;
  tokenize_chinese_chars(text: string): string;
  pre_tokenize(text: string, options: { section_index: number }): string[];
  pre_tokenize_text(text: string, options: { section_index: number }): string[];
  decode_chain(tokens: string[]): string[];
}
interface Model {
  (words: string[]): string[];
  encode(words: string[]): string[];
  vocab: string[];
  scores: number[];
  tokens_to_ids: Map<string, number>;
}

const SPACE = '\\p{White_Space}';
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';
const SIGN = '\\p{P}!-/:-@\\[-`{-~';
const regexp = (source: string) => new RegExp(source, 'gu');
const literal = (text: string) => regexp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));

/** The words of GPT-2's byte-level tokenizer, with Unicode's white space. */
const BYTE_LEVEL_WORDS = regexp(
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${SPACE}\\p{L}\\p{N}]+|` +
    `${SPACE}+(?!\\P{White_Space})|${SPACE}+`,
);
const CHINESE = regexp(
  '[\\u4e00-\\u9fff\\u3400-\\u4dbf\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2b73f}' +
    '\\u{2b740}-\\u{2b81f}\\u{2b920}-\\u{2ceaf}\\uf900-\\ufaff\\u{2f800}-\\u{2fa1f}]',
);

/** Cuts a text where a pattern matches, in one of Rust's five manners. */
function cut(text: string, pattern: RegExp, behavior: string, invert = false): string[] {
  const spans: { text: string; hit: boolean }[] = [];
  let last = 0;
  const add = (end: number, hit: boolean) => {
    if (end > last || hit) spans.push({ text: text.slice(last, end), hit: hit !== invert });
    last = end;
  };
  for (const match of text.matchAll(pattern)) {
    add(match.index, false);
    add(match.index + match[0].length, true);
  }
  add(text.length, false);

  const kept = behavior === 'Removed' ? spans.filter((span) => !span.hit) : spans;
  const backwards = behavior === 'MergedWithNext';
  if (backwards) kept.reverse();
  const pieces: string[] = [];
  let previous = false;
  for (const span of kept) {
    const joins =
      behavior === 'Contiguous'
        ? span.hit === previous
        : behavior.startsWith('MergedWith') && span.hit && !previous;
    if (!joins || pieces.length === 0) pieces.push(span.text);
    else pieces.push(backwards ? span.text + pieces.pop() : pieces.pop() + span.text);
    previous = span.hit;
  }
  return (backwards ? pieces.reverse() : pieces).filter((piece) => piece !== '');
}

function behaviorOf(part: JsonPart, otherwise?: string): string {
  const behavior = part.text('behavior', otherwise);
  const known = ['Removed', 'Isolated', 'Contiguous', 'MergedWithPrevious', 'MergedWithNext'];
  if (!known.includes(behavior))
    throw part.error('behavior', `must be one of ${known.join(', ')}.`);
  return behavior;
}

type Correction = (part: JsonPart, built: Part) => Partial<Part>;
const asItIs: Correction = () => ({});

/** What JavaScript would do otherwise: a final sigma, U+FEFF as white space, `$&` in a text. */
const NORMALIZERS: Record<string, Correction> = {
  Sequence: asItIs,
  NFC: asItIs,
  NFD: asItIs,
  NFKC: asItIs,
  NFKD: asItIs,
  StripAccents: asItIs,
  Prepend: asItIs,
  Lowercase: () => ({ normalize: lowercase }),
  Strip: (part) => {
    const left = regexp(part.flag('strip_left', true) ? `^${SPACE}+` : '(?!)');
    const right = regexp(part.flag('strip_right', true) ? `${SPACE}+$` : '(?!)');
    return { normalize: (text) => text.replace(left, '').replace(right, '') };
  },
  Replace: (part, { pattern }) => {
    const content = part.text('content', '');
    return { normalize: (text) => text.replace(pattern, () => content) };
  },
  BertNormalizer: (part, built) => {
    const lower = part.flag('lowercase', true);
    const bare = part.flag('strip_accents', lower);
    return {
      normalize(text) {
        const clean = part.flag('clean_text', true) ? built.clean_text(text) : text;
        const spaced = part.flag('handle_chinese_chars', true)
          ? clean.replace(CHINESE, ' $& ')
          : clean;
        const plain = bare ? built.strip_accents(spaced) : spaced;
        return lower ? lowercase(plain) : plain;
      },
    };
  },
};

const lowercase = (text: string) => Array.from(text, (c) => c.toLowerCase()).join('');

const matches = (pattern: RegExp): Partial<Part> => ({
  pre_tokenize_text: (text) => text.match(pattern) ?? [],
});

const PRE_TOKENIZERS: Record<string, Correction> = {
  Sequence: (part) => {
    // All pieces count as the first there, also those after a cut.
    for (const one of part.parts('pretokenizers').slice(1)) {
      if (one.values.prepend_scheme !== 'first') continue;
      throw one.error('prepend_scheme', '"first" isn\'t known to Tiller behind another part.');
    }
    return {};
  },
  ByteLevel: (_, built) => {
    built.pattern = BYTE_LEVEL_WORDS;
    return {};
  },
  Whitespace: () => matches(regexp(`[${WORD}]+|[^${WORD}${SPACE}]+`)),
  WhitespaceSplit: () => matches(regexp('\\P{White_Space}+')),
  BertPreTokenizer: () => matches(regexp(`[^${SPACE}${SIGN}]+|[${SIGN}]`)),
  Digits: (part) => matches(regexp(`\\P{N}+|\\p{N}${part.flag('individual_digits') ? '' : '+'}`)),
  FixedLength: (part) => matches(regexp(`[\\s\\S]{1,${part.count('length', 5)}}`)),
  Punctuation: (part) => {
    const behavior = behaviorOf(part, 'Isolated');
    return { pre_tokenize_text: (text) => cut(text, regexp(`[${SIGN}]`), behavior) };
  },
  Split: (part, { pattern }) => {
    const behavior = behaviorOf(part);
    const invert = part.flag('invert');
    return { pre_tokenize_text: (text) => cut(text, pattern, behavior, invert) };
  },
  Metaspace: (part, built) => {
    if (!part.flag('split', true)) return {};
    const whole = built.pre_tokenize_text.bind(built);
    const sign = literal(part.text('replacement'));
    return {
      pre_tokenize_text: (text, options) =>
        whole(text, options).flatMap((one) => cut(one, sign, 'MergedWithNext')),
    };
  },
};

const DECODERS: Record<string, Correction> = {
  Sequence: asItIs,
  Fuse: asItIs,
  Strip: asItIs,
  WordPiece: asItIs,
  BPEDecoder: asItIs,
  Replace: (part, { pattern }) => {
    const content = part.text('content', '');
    return {
      decode_chain: (tokens) => tokens.map((token) => token.replace(pattern, () => content)),
    };
  },
  ByteFallback: () => ({ decode_chain: joinBytes }),
  ByteLevel: (_, { byte_decoder: bytes }) => ({
    decode_chain(tokens) {
      const all = tokens.map((token) => {
        const spelled = Array.from(token, (character) => bytes[character]);
        // A token with a character of another alphabet stands for itself.
        return spelled.includes(undefined as never) ? Buffer.from(token) : Buffer.from(spelled);
      });
      return [new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(all))];
    },
  }),
  Metaspace: (part) => {
    const sign = part.text('replacement');
    const drops = schemeOf(part) !== 'never';
    return {
      decode_chain: (tokens) =>
        tokens.map((token, i) => token.replaceAll(sign, i === 0 && drops ? '' : ' ')),
    };
  },
};

/** Older files say `add_prefix_space` instead. */
const schemeOf = (part: JsonPart) =>
  part.text('prepend_scheme', part.flag('add_prefix_space', true) ? 'always' : 'never');

/**
 * Byte tokens become characters: a run of bytes that isn't UTF-8 gives one U+FFFD per byte, and a
 * byte order mark is kept.
 */
function joinBytes(tokens: string[]): string[] {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      out.push(utf8.decode(Uint8Array.from(bytes)));
    } catch {
      out.push('\uFFFD'.repeat(bytes.length));
    }
    bytes = [];
  };
  for (const token of tokens) {
    if (/^<0x[0-9A-Fa-f]{2}>$/.test(token)) {
      bytes.push(Number.parseInt(token.slice(3, 5), 16));
    } else {
      flush();
      out.push(token);
    }
  }
  flush();
  return out;
}

/** Corrects a part, and the parts of a sequence of them. */
function correct(
  part: JsonPart | undefined,
  built: Part | null,
  corrections: Record<string, Correction>,
  [listed, kept]: [string, 'normalizers' | 'tokenizers' | 'decoders'],
): void {
  if (!part || !built) return;
  const type = part.text('type');
  const correction = corrections[type];
  if (!correction) throw part.error('type', `"${type}" isn't known to Tiller.`);
  Object.assign(built, correction(part, built));
  if (type !== 'Sequence') return;
  part.parts(listed).forEach((one, i) => {
    correct(one, built[kept][i], corrections, [listed, kept]);
  });
}

/** Refuses what is malformed in a model, or computed otherwise than in Rust. */
function checkModel(part: JsonPart, type: string): void {
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
function typeOf(model: JsonPart): string {
  if (model.has('type')) return model.text('type');
  if (Array.isArray(model.values.vocab)) return 'Unigram';
  if (model.has('merges')) return 'BPE';
  return model.has('max_input_chars_per_word') ? 'WordPiece' : 'WordLevel';
}

/** What turns a word into ids. */
function encoderOf(model: Model, part: JsonPart, type: string): (word: string) => number[] {
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
    [...Buffer.from(character)].every((byte) => ids.has(byteToken(byte)));
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
    const bytes = Array.from(Buffer.from(token), (byte) => ids.get(byteToken(byte)));
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

/** Ids of the special tokens that a post-processor names. */
function specialIdsOf(part: JsonPart | undefined): Map<unknown, number[]> {
  const found = new Map<unknown, number[]>();
  for (const one of part ? [part, ...part.parts('processors')] : []) {
    for (const name of Object.keys(one.part('special_tokens')?.values ?? {})) {
      found.set(name, one.part('special_tokens')!.part(name)!.list('ids') as number[]);
    }
    for (const key of ['cls', 'sep']) {
      const [name, id] = one.list(key);
      found.set(name, [id as number]);
    }
  }
  return found;
}

/**
 * The library over a tokenizer.json, made to agree with Rust.
 *
 * @throws InputError naming the key, for what is missing, malformed or not known here
 */
export function openLibrary(data: JsonPart): TokenizerLibrary {
  const modelPart = data.part('model');
  if (!modelPart) throw data.error('model', "is missing: this isn't a tokenizer.");
  const type = typeOf(modelPart);
  checkModel(modelPart, type);
  const parts = ['normalizer', 'pre_tokenizer', 'decoder', 'post_processor'] as const;
  const [normalizer, preTokenizer, decoder, postProcessor] = parts.map((key) => data.part(key));
  let library: Library;
  try {
    const none = Object.fromEntries(parts.map((key) => [key, null]));
    library = new Library({ ...none, ...data.values, added_tokens: [] } as never, {} as never);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(`${data.file} isn't a tokenizer that can be used: ${why}.`);
  }
  const built = library as unknown as Record<'normalizer' | 'pre_tokenizer' | 'decoder', Part> & {
    model: Model;
  };
  correct(normalizer, built.normalizer, NORMALIZERS, ['normalizers', 'normalizers']);
  correct(preTokenizer, built.pre_tokenizer, PRE_TOKENIZERS, ['pretokenizers', 'tokenizers']);
  correct(decoder, built.decoder, DECODERS, ['decoders', 'decoders']);
  const { model } = built;
  const encodeWord = encoderOf(model, modelPart, type);
  const specialIds = specialIdsOf(postProcessor);
  const normalize = (text: string) => (normalizer ? built.normalizer.normalize(text) : text);
  return {
    modelType: type,
    vocabulary: {
      size: type === 'Unigram' ? model.vocab.length : model.tokens_to_ids.size,
      end: model.vocab.length,
      idOf: (token) => model.tokens_to_ids.get(token),
      tokenOf: (id) => model.vocab[id],
    },
    normalize,
    encode(text, first) {
      const words = preTokenizer
        ? built.pre_tokenizer.pre_tokenize(text, { section_index: first ? 0 : 1 })
        : [text];
      return words.flatMap((word) => (word === '' ? [] : encodeWord(word)));
    },
    process(ids) {
      if (!library.post_processor) return ids;
      const { tokens } = library.post_processor.post_process(ids as never);
      return (tokens as unknown[]).flatMap((token): number[] =>
        typeof token === 'number' ? [token] : (specialIds.get(token) ?? []),
      );
    },
    decode: (tokens) => (decoder ? built.decoder.decode_chain(tokens).join('') : tokens.join(' ')),
  };
}
