/** Words, in the two ways the official checkers count them. */
import { BOUNDARY, SPACE, splitSpace, stripEnd, WORD } from './python';
import { splitSentences } from './sentences';

/** Runs of word characters (Python's `\w+`), as "number of words" counts them. */
export function countWords(text: string): number {
  return text.match(new RegExp(`[${WORD}]+`, 'gu'))?.length ?? 0;
}

const CLITICS = '(?:re|ve|ll|m|t|s|d|n)';
const OPENING: [RegExp, string][] = [
  [/[«“‘„]|`+/gu, ' $& '],
  [/^"/, '``'],
  [/``/g, ' `` '],
  [/([ ([{<])("|'{2})/g, '$1 `` '],
  [new RegExp(`(?<![${WORD}])'(?!${CLITICS}(?![${WORD}]))(?=[${WORD}])`, 'giu'), '$& '],
];
const PUNCTUATION: [RegExp, string][] = [
  [/([:,])([^\p{Nd}])/gu, ' $1 $2'],
  [/[:,]$/, ' $& '],
  [/\.{2,}/g, ' $& '],
  [/[;@#$%&]/g, ' $& '],
  [/[\u2012-\u2015]/g, ' $& '],
  [/[?!]/g, ' $& '],
  [/([^'])' /gu, "$1 ' "],
  [/\*/g, ' $& '],
  [/[\][(){}<>]/g, ' $& '],
  [/--/g, ' -- '],
];
const CLOSING: [RegExp, string][] = [
  [/[»”’]/g, ' $& '],
  [/''/g, " '' "],
  [/"/g, " '' "],
  [new RegExp(`[${SPACE}]+`, 'g'), ' '],
  [/([^' ])('[sS]|'[mM]|'[dD]|') /gu, '$1 $2 '],
  [/([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) /gu, '$1 $2 '],
];
const CONTRACTIONS: [RegExp, string][] = [
  ...["can'not", "d''ye", "gim'me", "gon'na", "got'ta", "lem'me", "more''n"].map(
    (pair): [RegExp, string] => {
      const [, first, second] = /^(\w+)'(.+)$/.exec(pair)!;
      return [new RegExp(`${BOUNDARY}(${first})(${second})${BOUNDARY}`, 'giu'), ' $1 $2 '];
    },
  ),
  [new RegExp(`${BOUNDARY}(wan)(na)(?=[${SPACE}])`, 'giu'), ' $1 $2 '],
  [new RegExp(` ('t)(is|was)${BOUNDARY}`, 'giu'), ' $1 $2 '],
];

const apply = (text: string, rules: [RegExp, string][]) =>
  rules.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);

/** Sets apart the full stop that ends a sentence, with closing quotes and brackets after it. */
function splitFinalPeriod(sentence: string): string {
  const at = sentence.lastIndexOf('.');
  if (at < 1 || sentence[at - 1] === '.') return sentence;
  const rest = stripEnd(sentence.slice(at + 1));
  if (!/^[\])}>"'»”’ ]*$/.test(rest)) return sentence;
  return `${sentence.slice(0, at)} . ${rest} `;
}

/** Words and marks of a sentence as NLTK's NLTKWordTokenizer splits them. */
function splitSentence(sentence: string): string[] {
  const opened = splitFinalPeriod(apply(sentence, OPENING));
  return splitSpace(apply(` ${apply(opened, PUNCTUATION)} `, [...CLOSING, ...CONTRACTIONS]));
}

/** Words and marks of a text as NLTK's `word_tokenize` splits them. */
export function splitWords(text: string): string[] {
  return splitSentences(text).flatMap(splitSentence);
}
