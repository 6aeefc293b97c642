import * as library from '@huggingface/tokenizers';
import type { JsonPart } from '../jsonPart';

// The npm library's own types lack this class, which is there.
const { SplitPreTokenizer } = library as unknown as {
  SplitPreTokenizer: new (config: object) => { pattern: RegExp };
};

/** A part of a text on its way to the model. */
export interface Piece {
  text: string;
  /** Whether it begins where the whole text begins. */
  first: boolean;
}

export type Behavior =
  | 'Removed'
  | 'Isolated'
  | 'MergedWithPrevious'
  | 'MergedWithNext'
  | 'Contiguous';

interface Span {
  start: number;
  end: number;
  hit: boolean;
}

/** Spans that cover a text: what the pattern matches, and what is between. */
export function spansOf(text: string, pattern: RegExp, invert = false): Span[] {
  const spans: Span[] = [];
  let last = 0;
  for (const match of text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    if (match.index > last) spans.push({ start: last, end: match.index, hit: invert });
    spans.push({ start: match.index, end, hit: !invert });
    last = end;
  }
  if (last < text.length) spans.push({ start: last, end: text.length, hit: invert });
  return spans;
}

function merge(spans: Span[], behavior: Behavior): Span[] {
  if (behavior === 'Removed') return spans.filter((span) => !span.hit);
  if (behavior === 'Isolated') return spans;
  const out: Span[] = [];
  if (behavior === 'MergedWithNext') {
    let next = false;
    for (const span of spans.slice().reverse()) {
      if (span.hit && !next && out[0]) out[0].start = span.start;
      else out.unshift({ ...span });
      next = span.hit;
    }
    return out;
  }
  let previous = false;
  for (const span of spans) {
    const joins = behavior === 'Contiguous' ? span.hit === previous : span.hit && !previous;
    const before = out.at(-1);
    if (joins && before) before.end = span.end;
    else out.push({ ...span });
    previous = span.hit;
  }
  return out;
}

/** Cuts a piece where a pattern matches; what comes out empty is left out. */
export function split(piece: Piece, pattern: RegExp, behavior: Behavior, invert = false): Piece[] {
  return merge(spansOf(piece.text, pattern, invert), behavior)
    .filter(({ start, end }) => end > start)
    .map(({ start, end }) => ({
      text: piece.text.slice(start, end),
      first: piece.first && start === 0,
    }));
}

/** The pattern `{"String": …}` or `{"Regex": …}` under a key, for global use. */
export function patternOf(part: JsonPart, key = 'pattern'): RegExp {
  // Older files write a plain text.
  if (typeof part.values[key] === 'string') return literal(part.text(key));
  const pattern = part.part(key);
  if (pattern?.has('String')) return literal(pattern.text('String'));
  const source = pattern?.text('Regex');
  if (source === undefined) throw part.error(key, 'must be a "String" or a "Regex".');
  try {
    // The npm library translates Oniguruma's language, which the Rust library reads, to JavaScript's.
    return new SplitPreTokenizer({ pattern: { Regex: source }, invert: false }).pattern;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw part.error(key, `holds a regular expression that JavaScript can't compute (${why}).`);
  }
}

const literal = (text: string) => new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu');

/** Replaces all matches by a text, in which `$` means nothing. */
export const replaceAll = (text: string, pattern: RegExp, content: string) =>
  text.replace(pattern, () => content);
