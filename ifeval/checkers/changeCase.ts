/** Capital and small letters. */
import { detectLanguage } from '../detectLanguage';
import { compare, quote } from '../evidence';
import { isLower, isUpper } from '../python';
import type { Kwargs, Verdict } from '../types';
import { splitWords } from '../words';

/** Words in capitals, as NLTK splits words: `I` is one, and so are both parts of `DON'T`. */
export function capitalWordFrequency(
  response: string,
  { capital_frequency, capital_relation }: Pick<Kwargs, 'capital_frequency' | 'capital_relation'>,
): Verdict {
  const hasCapitals = /\p{Uppercase}/u.test(response);
  const count = hasCapitals ? splitWords(response).filter(isUpper).length : 0;
  return compare(count, capital_relation, capital_frequency, 'word', ' in capitals');
}

export function englishCapital(response: string): Verdict {
  return english(response, isUpper, /[\p{Lowercase}\p{Lt}]/u);
}

export function englishLowercase(response: string): Verdict {
  return english(response, isLower, /[\p{Uppercase}\p{Lt}]/u);
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
