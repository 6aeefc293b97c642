/**
 * The wordings of instructions, out of the authors' scripts: there they stand in lists of strings.
 * Which list is which is told by what it holds and by its place, as far as possible not by its name.
 */
import { type PythonString, type PythonValue, readAssignments, readStrings } from './pythonStrings';

/** What a script doesn't have, or has otherwise than expected. */
export class WordingsError extends Error {
  override name = 'WordingsError';
}

/** A list of wordings that a script assigns to a name. */
interface WordingList {
  name: string;
  /** With `{}` where a number or a word goes. */
  wordings: string[];
  /** Whether each has the place for it; undefined where only some have. */
  filled: boolean | undefined;
}

/** The five levels, from the shortest answers to the longest, with the number of their wordings. */
const LEVELS = {
  extremely_concise: 7,
  concise: 7,
  moderate: 4,
  verbose: 4,
  extremely_verbose: 4,
};
const SENTENCES = 4;
const KEYWORDS = { include: 5, exclude: 6 };

/** What the evaluation calls its constraints. */
const CONSTRAINTS = { at_most: 'at most', at_least: 'at least', exactly: 'exactly' };

/** Of the script that computes length vectors: `{n}` is the number of sentences. */
export interface LengthWordings {
  levels: Record<string, string[]>;
  /** For two sentences and more. */
  sentences: string[];
  one_sentence: { sentences: string[] };
}

/**
 * @param script the source of `length/compute_representations.py`
 * @throws WordingsError saying which lists it has
 */
export function lengthWordings(script: string): LengthWordings {
  const lists = readLists(script);
  const [many, ...others] = lists.filter(({ filled }) => filled);
  const plain = lists.filter(({ filled }) => filled === false);
  const levels = levelLists(script, plain);
  const one = plain.filter((list) => !levels.includes(list));
  const expected = Object.values(LEVELS);
  if (
    others.length ||
    many?.wordings.length !== SENTENCES ||
    one.length !== 1 ||
    one[0].wordings.length !== SENTENCES ||
    `${levels.map(({ wordings }) => wordings.length)}` !== `${expected}`
  ) {
    throw new WordingsError(
      `expected are lists of ${expected.join(', ')} wordings for the levels of length, one of ` +
        `${SENTENCES} with {} for several sentences and one of ${SENTENCES} for one sentence; ` +
        `found are ${describe(lists)}`,
    );
  }
  return {
    levels: Object.fromEntries(
      Object.keys(LEVELS).map((level, i) => [level, levels[i].wordings.map((text) => fill(text))]),
    ),
    sentences: many.wordings.map((text) => fill(text, '{n}')),
    one_sentence: { sentences: one[0].wordings.map((text) => fill(text)) },
  };
}

/** Those that a list of names puts together; else all but the neighbour of the list with places. */
function levelLists(script: string, plain: WordingList[]): WordingList[] {
  const count = Object.keys(LEVELS).length;
  for (const { value } of readAssignments(script)) {
    if (value.kind !== 'list' || value.items.length !== count) continue;
    const lists = value.items.map(
      (item) => item.kind === 'name' && plain.find(({ name }) => name === item.name),
    );
    if (lists.every((list) => list)) return lists as WordingList[];
  }
  const one = plain.find(({ name }) => /single|one/i.test(name)) ?? plain[0];
  return plain.filter((list) => list !== one);
}

/** Of the script that evaluates length: a wording for each constraint; `{n}` is the number. */
export interface ConstraintWordings {
  constraints: Record<string, string[]>;
  one_sentence: Record<string, string[]>;
}

/**
 * @param script the source of `length/evaluate.py`, which has two f-strings with the constraint: one
 *   for one sentence, one with the number
 * @throws WordingsError saying what it has
 */
export function constraintWordings(script: string): ConstraintWordings {
  const names = constraintNames(script);
  const fieldsOf = (string: PythonString) =>
    string.flatMap((part) => ('field' in part ? [part.field] : []));
  const found = readStrings(script).filter((string) =>
    fieldsOf(string).some((field) => names.includes(field)),
  );
  const forms = [...new Map(found.map((form) => [JSON.stringify(form), form])).values()];
  const [one, many] = [1, 2].map((count) =>
    forms.filter((form) => fieldsOf(form).length === count),
  );
  if (forms.length !== 2 || one.length !== 1 || many.length !== 1) {
    throw new WordingsError(
      `expected are two f-strings with the constraint (${Object.values(CONSTRAINTS).join(', ')}), ` +
        `one of them with the number, too; found are ${forms.length}`,
    );
  }
  const say = (form: PythonString, constraint: string) => {
    const parts = form.map((part) =>
      'text' in part ? part.text : names.includes(part.field) ? constraint : '{n}',
    );
    return [parts.join('').trim()];
  };
  const forEach = (form: PythonString) =>
    Object.fromEntries(
      Object.entries(CONSTRAINTS).map(([name, constraint]) => [name, say(form, constraint)]),
    );
  return { constraints: forEach(many[0]), one_sentence: forEach(one[0]) };
}

/** The names that stand for a constraint in words. */
function constraintNames(script: string): string[] {
  const texts = new Map<string, Set<string>>();
  for (const { name, value } of readAssignments(script)) {
    const text = value.kind === 'string' ? textOf(value)?.trim().toLowerCase() : undefined;
    if (text !== undefined) texts.set(name, (texts.get(name) ?? new Set()).add(text));
  }
  const wanted = Object.values(CONSTRAINTS);
  return [...texts].flatMap(([name, own]) => (wanted.every((one) => own.has(one)) ? [name] : []));
}

/** Of the script that computes keyword vectors: `{w}` is the word. */
export type KeywordWordings = Record<keyof typeof KEYWORDS, string[]>;

/**
 * @param script the source of `keywords/compute_representations.py`
 * @throws WordingsError saying which lists it has
 */
export function keywordWordings(script: string): KeywordWordings {
  const lists = readLists(script).filter(({ filled }) => filled);
  const named = (word: RegExp) => lists.find(({ name }) => word.test(name));
  const counted = (count: number) => lists.find(({ wordings }) => wordings.length === count);
  const include = named(/incl/i) ?? counted(KEYWORDS.include);
  const exclude = named(/excl/i) ?? counted(KEYWORDS.exclude);
  if (
    lists.length !== 2 ||
    include?.wordings.length !== KEYWORDS.include ||
    exclude?.wordings.length !== KEYWORDS.exclude
  ) {
    throw new WordingsError(
      `expected are lists with {} of ${KEYWORDS.include} wordings to include a word and ` +
        `${KEYWORDS.exclude} to exclude it; found are ${describe(lists)}`,
    );
  }
  const say = (list: WordingList) => list.wordings.map((text) => fill(text, '{w}'));
  return { include: say(include), exclude: say(exclude) };
}

/** The lists of a script that hold nothing but strings, some of several words; each once. */
function readLists(script: string): WordingList[] {
  const lists = readAssignments(script).flatMap(({ name, value }) => {
    const texts = value.kind === 'list' ? value.items.map(textOf) : [];
    const wordings = texts.flatMap((text) => text ?? []);
    // Lists of names and ids have no spaces.
    if (wordings.length < texts.length || !wordings.some((text) => /\S\s\S/.test(text))) return [];
    const places = wordings.map((text) => placesIn(text));
    const some = places.some(Boolean);
    const filled = some === places.every(Boolean) ? some : undefined;
    return [{ name, wordings, filled }];
  });
  return [
    ...new Map(lists.map((list) => [JSON.stringify([list.name, list.wordings]), list])).values(),
  ];
}

/** A plain string; undefined for f-strings and all else. */
function textOf(value: PythonValue): string | undefined {
  if (value.kind !== 'string' || value.string.some((part) => 'field' in part)) return undefined;
  return value.string.map((part) => ('text' in part ? part.text : '')).join('');
}

/** The places of `str.format` (`{}`, `{0}`, `{word}`), and its doubled braces. */
const PLACES = /\{\{|\}\}|\{\w*\}/g;
const placesIn = (text: string) =>
  [...text.matchAll(PLACES)].filter(([place]) => !/^(\{\{|\}\})$/.test(place)).length;

/** A wording in our form: without the space before it, the place called as we call it. */
function fill(text: string, place?: string): string {
  if (place === undefined) return text.trim();
  return text
    .replace(PLACES, (found) => (found === '{{' || found === '}}' ? found[0] : place))
    .trim();
}

function describe(lists: WordingList[]): string {
  if (!lists.length) return 'none';
  return lists
    .map(({ name, wordings, filled }) => `${name} (${wordings.length}${filled ? ' with {}' : ''})`)
    .join(', ');
}
