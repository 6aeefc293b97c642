/** Capital and small letters. */
import { detectLanguage } from '../detectLanguage';
import { compare, quote } from '../evidence';
import { isLower, isUpper } from '../python';
import { matchesOf, type Span } from '../spans';
import type { Kwargs, Verdict } from '../types';
import { splitWords } from '../words';

/** Words in capitals, as NLTK splits words: `I` is one, and so are both parts of `DON'T`. */
export function capitalWordFrequency(
  response: string,
  { capital_frequency, capital_relation }: Pick<Kwargs, 'capital_frequency' | 'capital_relation'>,
): Verdict {
  const count = hasCapitals(response) ? splitWords(response).filter(isUpper).length : 0;
  return compare(count, capital_relation, capital_frequency, 'word', ' in capitals');
}

const hasCapitals = (text: string) => /\p{Uppercase}/u.test(text);

/** The words in capitals. */
export function capitalWords(response: string): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const word of hasCapitals(response) ? splitWords(response) : []) {
    const at = response.indexOf(word, from);
    // Straight quotes are written `` and '' there.
    if (at < 0 || word === '``' || word === "''") continue;
    from = at + word.length;
    if (isUpper(word)) spans.push([at, from]);
  }
  return spans;
}

const NOT_CAPITAL = /[\p{Lowercase}\p{Lt}]/u;
const NOT_LOWERCASE = /[\p{Uppercase}\p{Lt}]/u;

/** The letters that are not of the case wanted. */
const strays = (stray: RegExp) => (response: string) =>
  matchesOf(response, new RegExp(stray, 'gu'));
export const notCapital = strays(NOT_CAPITAL);
export const notLowercase = strays(NOT_LOWERCASE);

export function englishCapital(response: string): Verdict {
  return english(response, isUpper, NOT_CAPITAL);
}

export function englishLowercase(response: string): Verdict {
  return english(response, isLower, NOT_LOWERCASE);
}

/** English in one case. A text of no language known counts as English, as officially. */
function english(response: string, isCase: (text: string) => boolean, stray: RegExp): Verdict {
  if (!isCase(response)) {
    const at = stray.exec(response)?.index;
    if (at === undefined) return { followed: false, evidence: 'no letters that have a case' };
    const span = response.slice(Math.max(0, at - 10), at + 15);
    return { followed: false, evidence: `${quote(response[at])} in ${quote(span)}` };
  }
  const language = detectLanguage(response) ?? 'en';
  return { followed: language === 'en', evidence: `all in one case; language ${language}` };
}
