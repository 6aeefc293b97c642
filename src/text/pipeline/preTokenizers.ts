import type { JsonPart } from '../jsonPart';
import { toByteCharacters } from './bytes';
import { type Behavior, type Piece, patternOf, split } from './pieces';

export type PreTokenizer = (piece: Piece) => Piece[];

const SPACE = /\p{White_Space}/gu;
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/gu;
/** The words of GPT-2's byte-level tokenizer. */
const BYTE_LEVEL_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
const W = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';
const WORDS_AND_SIGNS = new RegExp(`[${W}]+|[^${W}\\p{White_Space}]+`, 'gu');

const BEHAVIORS: Behavior[] = [
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
];

function behaviorOf(part: JsonPart, otherwise?: Behavior): Behavior {
  const name = part.text('behavior', otherwise);
  const found = BEHAVIORS.find((one) => one === name);
  if (!found) throw part.error('behavior', `"${name}" is none of ${BEHAVIORS.join(', ')}.`);
  return found;
}

/** Whether a Metaspace part writes its sign in front: always, never, or at the start of the text. */
export function prependSchemeOf(part: JsonPart): 'always' | 'never' | 'first' {
  const otherwise = part.flag('add_prefix_space', true) ? 'always' : 'never';
  const scheme = part.text('prepend_scheme', otherwise);
  if (scheme === 'always' || scheme === 'never' || scheme === 'first') return scheme;
  throw part.error('prepend_scheme', `"${scheme}" is none of always, never, first.`);
}

function metaspace(part: JsonPart): PreTokenizer {
  const sign = part.text('replacement', '▁');
  const scheme = prependSchemeOf(part);
  const cuts = part.flag('split', true);
  const pattern = new RegExp(sign.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu');
  return ({ text, first }) => {
    let out = text.replaceAll(' ', () => sign);
    const prefixed = scheme === 'always' || (scheme === 'first' && first);
    if (prefixed && !out.startsWith(sign)) out = sign + out;
    return cuts ? split({ text: out, first }, pattern, 'MergedWithNext') : [{ text: out, first }];
  };
}

function byteLevel(part: JsonPart): PreTokenizer {
  const prefixed = part.flag('add_prefix_space', true);
  const words = part.flag('use_regex', true);
  return ({ text, first }) => {
    const whole = { text: prefixed && !text.startsWith(' ') ? ` ${text}` : text, first };
    const pieces = words ? split(whole, BYTE_LEVEL_WORDS, 'Isolated') : [whole];
    return pieces.map((piece) => ({ text: toByteCharacters(piece.text), first: piece.first }));
  };
}

/** Pieces of `length` characters. */
function fixedLength(length: number): PreTokenizer {
  const pattern = new RegExp(`[\\s\\S]{1,${length}}`, 'gu');
  return (piece) => split(piece, pattern, 'Isolated');
}

/**
 * The pre-tokenizer of a tokenizer.json, computed as the Rust library does.
 *
 * @throws InputError for a type that isn't known here
 */
export function preTokenizerOf(part: JsonPart): PreTokenizer {
  const type = part.text('type');
  switch (type) {
    case 'Sequence': {
      const all = part.parts('pretokenizers').map(preTokenizerOf);
      return (piece) => all.reduce((pieces, cut) => pieces.flatMap(cut), [piece]);
    }
    case 'Metaspace':
      return metaspace(part);
    case 'ByteLevel':
      return byteLevel(part);
    case 'Whitespace':
      return (piece) => split(piece, WORDS_AND_SIGNS, 'Removed', true);
    case 'WhitespaceSplit':
      return (piece) => split(piece, SPACE, 'Removed');
    case 'BertPreTokenizer':
      return (piece) =>
        split(piece, SPACE, 'Removed').flatMap((word) => split(word, PUNCTUATION, 'Isolated'));
    case 'Punctuation': {
      const behavior = behaviorOf(part, 'Isolated');
      return (piece) => split(piece, PUNCTUATION, behavior);
    }
    case 'Digits': {
      const behavior = part.flag('individual_digits') ? 'Isolated' : 'Contiguous';
      return (piece) => split(piece, /\p{N}/gu, behavior);
    }
    case 'Split': {
      const pattern = patternOf(part);
      const behavior = behaviorOf(part);
      const invert = part.flag('invert');
      return (piece) => split(piece, pattern, behavior, invert);
    }
    case 'CharDelimiterSplit': {
      const delimiter = patternOf(part, 'delimiter');
      return (piece) => split(piece, delimiter, 'Removed');
    }
    case 'FixedLength':
      return fixedLength(part.count('length', 5));
    default:
      throw part.error('type', `"${type}" is a pre-tokenizer that Tiller doesn't know.`);
  }
}
