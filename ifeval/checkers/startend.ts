/** How a response starts and ends. */
import { quote } from '../evidence';
import { strip, stripCharacter } from '../python';
import { inLowerCase, type Span, strippedSpan } from '../spans';
import type { Kwargs, Verdict } from '../types';

/** The response ends with a phrase, in any case; double quotes around the response don't matter. */
export function endChecker(response: string, { end_phrase }: Pick<Kwargs, 'end_phrase'>): Verdict {
  const text = stripCharacter(strip(response), '"').toLowerCase();
  const phrase = strip(end_phrase).toLowerCase();
  const end = text.slice(-Math.max(phrase.length, 1));
  return { followed: text.endsWith(phrase), evidence: `ends with ${quote(end)}` };
}

/** The response stands in straight double quotes. */
export function quotation(response: string): Verdict {
  const text = strip(response);
  const followed = text.length > 1 && text.startsWith('"') && text.endsWith('"');
  const [first, last] = [[...text.slice(0, 2)][0] ?? '', [...text.slice(-2)].at(-1) ?? ''];
  return { followed, evidence: `from ${quote(first)} to ${quote(last)}` };
}

/** The last characters, as many as the phrase has. */
export const endMarks = (response: string, { end_phrase }: Pick<Kwargs, 'end_phrase'>): Span[] =>
  inLowerCase(response, (lower) => {
    let [start, end] = strippedSpan(lower);
    while (start < end && lower[end - 1] === '"') end--;
    while (start < end && lower[start] === '"') start++;
    return [[Math.max(start, end - strip(end_phrase).length), end]];
  });

/** The first and the last character. */
export function quotationMarks(response: string): Span[] {
  const [start, end] = strippedSpan(response);
  const [first, last] = [response.slice(start, end), response.slice(end - 2, end)];
  const widths = [[...first][0]?.length ?? 0, [...last].at(-1)?.length ?? 0];
  return [
    [start, start + widths[0]],
    [end - widths[1], end],
  ];
}
