/** Words, in the two ways the official checkers count them. */
import { BOUNDARY, SPACE, splitSpace, stripEnd, WORD } from './python';
import { splitSentences } from './sentences';
import { matchesOf, type Span } from './spans';

const RUN = new RegExp(`[${WORD}]+`, 'gu');

/** Runs of word characters (Python's `\w+`), as "number of words" counts them. */
export const countWords = (text: string): number => text.match(RUN)?.length ?? 0;

/** Where those words are. */
export const wordSpans = (text: string): Span[] => matchesOf(text, RUN);

/** Stands between sentences while all of them are split at once, which is far faster. */
const BREAK = '\0';

const CLITICS = '(?:re|ve|ll|m|t|s|d|n)';
// Rules look behind only after a character that few texts are full of: elsewhere it's slow.
const OPENING: [RegExp, string][] = [
  [/[«“‘„]|`+/gu, ' $& '],
  [new RegExp(`"(?<=${BREAK}")`, 'g'), '``'],
  [/``/g, ' `` '],
  [/([ ([{<])("|'{2})/g, '$1 `` '],
  [new RegExp(`'(?<![${WORD}]')(?!${CLITICS}(?![${WORD}]))(?=[${WORD}])`, 'giu'), '$& '],
];
const PUNCTUATION: [RegExp, string][] = [
  [/([:,])([^\p{Nd}])/gu, ' $1 $2'],
  [/\.{2,}/g, ' $& '],
  [/[;@#$%&?!*[\](){}<>\u2012-\u2015]/g, ' $& '],
  [/'(?<=[^']') /g, ' $&'],
  [/--/g, ' -- '],
  [new RegExp(BREAK, 'g'), ` ${BREAK} `],
];
const CLOSING: [RegExp, string][] = [
  [/[»”’]|''/g, ' $& '],
  [/"/g, " '' "],
  [new RegExp(`[${SPACE}]+`, 'g'), ' '],
  [/'(?<=[^' ]')[sSmMdD]? /g, ' $&'],
  [/'(?<=[^' ]')(?:ll|LL|re|RE|ve|VE) |n(?<=[^' ]n)'t |N(?<=[^' ]N)'T /g, ' $&'],
];
const CONTRACTION = /cannot|d'ye|gimme|gonna|gotta|lemme|more'n|wanna|'tis|'twas/i;
const CONTRACTIONS: [RegExp, string][] = [
  ...[
    '(can)(not)',
    "(d)('ye)",
    '(gim)(me)',
    '(gon)(na)',
    '(got)(ta)',
    '(lem)(me)',
    "(more)('n)",
  ].map((pair): [RegExp, string] => [
    new RegExp(`${BOUNDARY}${pair}${BOUNDARY}`, 'giu'),
    ' $1 $2 ',
  ]),
  [new RegExp(`${BOUNDARY}(wan)(na)(?=[${SPACE}])`, 'giu'), ' $1 $2 '],
  [new RegExp(` ('t)(is|was)${BOUNDARY}`, 'giu'), ' $1 $2 '],
];

const apply = (text: string, rules: [RegExp, string][]) =>
  rules.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);

/** Sets apart the full stop that ends a sentence, with closing quotes and brackets after it. */
function splitFinalPeriod(sentence: string): string {
  const at = sentence.lastIndexOf('.');
  if (at < 1 || sentence[at - 1] === '.') return sentence;
  if (at === sentence.length - 1) return `${sentence.slice(0, at)} . `;
  const rest = stripEnd(sentence.slice(at + 1));
  if (!/^[\])}>"'»”’ ]*$/.test(rest)) return sentence;
  return `${sentence.slice(0, at)} . ${rest} `;
}

/** Words and marks of a text as NLTK's `word_tokenize` (its NLTKWordTokenizer) splits them. */
export function splitWords(text: string): string[] {
  const sentences = splitSentences(text.replaceAll(BREAK, ' '));
  const opened = apply(BREAK + [...sentences, ''].join(BREAK), OPENING);
  const ended = opened.split(BREAK).map(splitFinalPeriod).join(BREAK);
  const spaced = apply(ended, [...PUNCTUATION, ...CLOSING]);
  const words = CONTRACTION.test(spaced) ? apply(spaced, CONTRACTIONS) : spaced;
  return splitSpace(words.replaceAll(BREAK, ''));
}
