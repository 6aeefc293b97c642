/** Words and letters that a response must or must not hold. */
import { compare, plural, quote } from '../evidence';
import { BOUNDARY, countCharacter, literalAnyCase, strip } from '../python';
import { inLowerCase, matchesOf, occurrencesOf, type Span } from '../spans';
import type { Kwargs, Verdict } from '../types';

/** Each keyword somewhere, inside other words too, in any case. */
export function existence(response: string, { keywords }: Pick<Kwargs, 'keywords'>): Verdict {
  const missing = keywords.filter(
    (keyword) => !new RegExp(literalAnyCase(keyword), 'iu').test(response),
  );
  const evidence = missing.length
    ? `without ${missing.map(quote).join(', ')}`
    : `holds ${plural(keywords.length, 'keyword')}`;
  return { followed: !missing.length, evidence };
}

/** Every occurrence of every keyword. */
export const keywordMarks = (response: string, { keywords }: Pick<Kwargs, 'keywords'>): Span[] =>
  keywords.flatMap((keyword) => matchesOf(response, new RegExp(literalAnyCase(keyword), 'giu')));

/** How often a keyword occurs, inside other words too, in any case. */
export function frequency(
  response: string,
  { keyword, frequency, relation }: Pick<Kwargs, 'keyword' | 'frequency' | 'relation'>,
): Verdict {
  const word = strip(keyword);
  const count = response.match(new RegExp(literalAnyCase(word), 'giu'))?.length ?? 0;
  return compare(count, relation, frequency, 'occurrence', ` of ${quote(word)}`);
}

/** Every occurrence of the keyword. */
export const keywordOccurrences = (
  response: string,
  { keyword }: Pick<Kwargs, 'keyword'>,
): Span[] => keywordMarks(response, { keywords: [strip(keyword)] });

/** None of the words as a whole word, in any case. */
export function forbiddenWords(
  response: string,
  { forbidden_words }: Pick<Kwargs, 'forbidden_words'>,
): Verdict {
  for (const word of forbidden_words) {
    const source = literalAnyCase(word);
    // Boundaries are slow to look for: first without.
    if (!new RegExp(source, 'iu').test(response)) continue;
    const match = new RegExp(`${BOUNDARY}${source}${BOUNDARY}`, 'iu').exec(response);
    if (match) {
      const span = response.slice(Math.max(0, match.index - 15), match.index + word.length + 15);
      return { followed: false, evidence: `${quote(match[0])} in ${quote(span)}` };
    }
  }
  return { followed: true, evidence: `none of ${plural(forbidden_words.length, 'word')}` };
}

/** Every occurrence of every forbidden word. */
export const forbiddenMarks = (
  response: string,
  { forbidden_words }: Pick<Kwargs, 'forbidden_words'>,
): Span[] =>
  forbidden_words
    .map(literalAnyCase)
    .filter((source) => new RegExp(source, 'iu').test(response))
    .flatMap((source) => matchesOf(response, new RegExp(`${BOUNDARY}${source}${BOUNDARY}`, 'giu')));

/** How often a letter (or any other character) occurs, in lower or upper case. */
export function letterFrequency(
  response: string,
  {
    letter,
    let_frequency,
    let_relation,
  }: Pick<Kwargs, 'letter' | 'let_frequency' | 'let_relation'>,
): Verdict {
  const count = countCharacter(response.toLowerCase(), strip(letter).toLowerCase());
  return compare(count, let_relation, let_frequency, 'occurrence', ` of ${quote(letter)}`);
}

/** Every occurrence of the letter. */
export const letterMarks = (response: string, { letter }: Pick<Kwargs, 'letter'>): Span[] =>
  inLowerCase(response, (lower) => occurrencesOf(lower, strip(letter).toLowerCase()));
