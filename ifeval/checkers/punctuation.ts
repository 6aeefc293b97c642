/** Punctuation to do without. */
import { quote } from '../evidence';
import { occurrencesOf, type Span } from '../spans';
import type { Verdict } from '../types';

/** No `,`; other commas, like those of Arabic or Chinese, are allowed. */
export function noComma(response: string): Verdict {
  const at = response.indexOf(',');
  if (at < 0) return { followed: true, evidence: 'no comma' };
  return {
    followed: false,
    evidence: `comma in ${quote(response.slice(Math.max(0, at - 15), at + 15))}`,
  };
}

export const commas = (response: string): Span[] => occurrencesOf(response, ',');
