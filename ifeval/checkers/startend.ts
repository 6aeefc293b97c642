/** How a response starts and ends. */
import { quote } from '../evidence';
import { strip, stripCharacter } from '../python';
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
