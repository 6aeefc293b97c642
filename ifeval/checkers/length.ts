/** How long a response is: sentences, words, paragraphs. */
import { compare, exactly, plural, quote } from '../evidence';
import { SPACE, strip, stripCharacter, stripStart } from '../python';
import { sentenceSpans, splitSentences } from '../sentences';
import { matchesOf, type Span } from '../spans';
import type { Kwargs, Verdict } from '../types';
import { countWords, wordSpans } from '../words';

export function numberSentences(
  response: string,
  { num_sentences, relation }: Pick<Kwargs, 'num_sentences' | 'relation'>,
): Verdict {
  return compare(splitSentences(response).length, relation, num_sentences, 'sentence');
}

/** The last character of each. */
export const sentenceEnds = (response: string): Span[] =>
  sentenceSpans(response).map(([, end]) => [end - 1, end]);

export function numberWords(
  response: string,
  { num_words, relation }: Pick<Kwargs, 'num_words' | 'relation'>,
): Verdict {
  return compare(countWords(response), relation, num_words, 'word');
}

/** The word that decides, where there are so many: the first too many, or the last that is wanted. */
export const decidingWord = (response: string, { num_words }: Pick<Kwargs, 'num_words'>): Span[] =>
  wordSpans(response).slice(Math.max(num_words, 1) - 1, Math.max(num_words, 1));

/** Paragraphs between `***`. An empty one may stand first or last, where it doesn't count. */
export function numberParagraphs(
  response: string,
  { num_paragraphs }: Pick<Kwargs, 'num_paragraphs'>,
): Verdict {
  const paragraphs = response.split(new RegExp(`[${SPACE}]?\\*\\*\\*[${SPACE}]?`));
  const last = paragraphs.length - 1;
  let count = paragraphs.length;
  for (const [i, paragraph] of paragraphs.entries()) {
    if (strip(paragraph)) continue;
    if (i > 0 && i < last) {
      return { followed: false, evidence: `nothing between dividers ${i} and ${i + 1}` };
    }
    count--;
  }
  return exactly(count, num_paragraphs, 'paragraph');
}

/** The dividers. */
export const paragraphDividers = (response: string): Span[] => matchesOf(response, /\*{3}/g);

/**
 * So many paragraphs between empty lines, and the nth starts with a word. The word ends at the first
 * of `.,?!'"`. As officially, an empty paragraph doesn't count, but still moves the nth.
 */
export function nthParagraphFirstWord(
  response: string,
  kwargs: Pick<Kwargs, 'num_paragraphs' | 'nth_paragraph' | 'first_word'>,
): Verdict {
  const { num_paragraphs, nth_paragraph, first_word } = kwargs;
  const paragraphs = response.split('\n\n');
  const count = paragraphs.filter((paragraph) => strip(paragraph)).length;
  if (nth_paragraph > count) {
    return { followed: false, evidence: `${plural(count, 'paragraph')}, no ${nth_paragraph}.` };
  }
  const [start] = new RegExp(`^[^${SPACE}]*`).exec(stripStart(paragraphs[nth_paragraph - 1]))!;
  if (!start) return { followed: false, evidence: `paragraph ${nth_paragraph} is empty` };
  const word = bareWord(start);
  const wanted = first_word.toLowerCase();
  // Letter by letter, as officially: a final Σ becomes σ.
  const lower = Array.from(word.slice(0, wanted.length + 1), (letter) => letter.toLowerCase());
  return {
    followed: count === num_paragraphs && lower.join('') === wanted,
    evidence:
      `${plural(count, 'paragraph')}, ${num_paragraphs} wanted; paragraph ${nth_paragraph} starts ` +
      `with ${quote(word)}, ${quote(first_word)} wanted`,
  };
}

/** Without quotes before it, up to the first of `.,?!'"`. */
function bareWord(start: string): string {
  const bare = stripCharacter(stripCharacter(start, "'", 'start'), '"', 'start');
  return /^[^.,?!'"]*/.exec(bare)![0];
}

/** The first word of the nth paragraph. */
export function firstWordOfNth(
  response: string,
  { nth_paragraph }: Pick<Kwargs, 'nth_paragraph'>,
): Span[] {
  const paragraphs = response.split('\n\n');
  const paragraph = paragraphs[nth_paragraph - 1] ?? '';
  const before = paragraphs.slice(0, nth_paragraph - 1).join('\n\n').length;
  const from = nth_paragraph > 1 ? before + 2 : 0;
  const [start] = new RegExp(`^[^${SPACE}]*`).exec(stripStart(paragraph))!;
  const word = bareWord(start);
  const at = from + paragraph.indexOf(start) + start.indexOf(word);
  return [[at, at + word.length]];
}
