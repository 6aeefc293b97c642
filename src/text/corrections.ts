import type { JsonPart } from './jsonPart';

/**
 * The normalizers, pre-tokenizers and decoders of the npm library, made to agree with Rust: methods
 * that differ are replaced, types that aren't listed here are refused.
 */
/** What is touched of the library's objects. */
export interface Part {
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
const utf8 = new TextEncoder();
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
export const NORMALIZERS: Record<string, Correction> = {
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

export const PRE_TOKENIZERS: Record<string, Correction> = {
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

export const DECODERS: Record<string, Correction> = {
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
      const all = tokens.flatMap((token) => {
        const spelled = Array.from(token, (character) => bytes[character]);
        // A token with a character of another alphabet stands for itself.
        return spelled.includes(undefined as never) ? [...utf8.encode(token)] : spelled;
      });
      return [new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(all))];
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
export function correct(
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
