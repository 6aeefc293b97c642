/** Pieces of a response: what a checker counted, or found wrong. */
import { strip, stripStart } from './python';

/** [start, end) in UTF-16 units. */
export type Span = [start: number, end: number];

/** Where a pattern matches. @param pattern with the flag `g` */
export function matchesOf(text: string, pattern: RegExp): Span[] {
  return Array.from(text.matchAll(pattern), ({ index, 0: match }) => [index, index + match.length]);
}

/** Where a text occurs, one occurrence after the other. */
export function occurrencesOf(text: string, part: string): Span[] {
  const spans: Span[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) {
    spans.push([at, at + part.length]);
  }
  return spans;
}

/** What `strip` leaves. */
export function strippedSpan(text: string): Span {
  const start = text.length - stripStart(text).length;
  return [start, start + strip(text).length];
}

/**
 * Spans of `text.toLowerCase()` in the text itself: `İ` becomes longer.
 * @param find finds them in the lower case
 */
export function inLowerCase(text: string, find: (lower: string) => Span[]): Span[] {
  const lower = text.toLowerCase();
  const spans = find(lower);
  if (!spans.length || lower.length === text.length) return spans;
  const origins: number[] = [];
  let at = 0;
  for (const character of text) {
    for (let i = 0; i < character.toLowerCase().length; i++) origins.push(at);
    at += character.length;
  }
  origins.push(at);
  return spans.map(([start, end]) => {
    let close = end;
    while (close < lower.length && origins[close] === origins[end - 1]) close++;
    return [origins[start], origins[close]];
  });
}

/** In their order, those that touch or overlap as one, empty ones left out. */
export function joined(spans: Span[]): Span[] {
  const result: Span[] = [];
  for (const [start, end] of spans.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else if (start < end) result.push([start, end]);
  }
  return result;
}
