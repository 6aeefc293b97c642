/** An instruction with its arguments, checked before anything is counted with them. */
import { knownLanguages } from './detectLanguage';
import { strip } from './python';
import { REGISTRY } from './registry';
import type { Checker, Kwargs, Marker } from './types';

export interface Instruction {
  id: string;
  check: Checker;
  marks: Marker;
  kwargs: Kwargs;
}

/** An unknown id, or arguments that an instruction can't be checked with. */
export class InstructionError extends Error {
  override name = 'InstructionError';

  constructor(readonly problems: string[]) {
    super(problems.join('; '));
  }
}

/** What a value should be, when it isn't; undefined when it is. */
type Test = (value: unknown) => string | undefined;

const isText = (value: unknown) => typeof value === 'string' && strip(value) !== '';
const count: Test = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : 'a whole number, 0 or more';
const text: Test = (value) => (isText(value) ? undefined : 'a text that is not blank');
const texts: Test = (value) =>
  Array.isArray(value) && value.length > 0 && value.every(isText)
    ? undefined
    : 'a list of texts that are not blank';
const relation: Test = (value) =>
  value === 'less than' || value === 'at least' ? undefined : '"less than" or "at least"';
const letter: Test = (value) =>
  isText(value) && [...(value as string)].length === 1 ? undefined : 'one character';
const language: Test = (value) =>
  isText(value) && knownLanguages().includes(value as string)
    ? undefined
    : `a language that can be detected (${knownLanguages().join(' ')})`;

const TESTS: { [Name in keyof Kwargs]: Test } = {
  capital_frequency: count,
  capital_relation: relation,
  end_phrase: text,
  first_word: text,
  forbidden_words: texts,
  frequency: count,
  keyword: text,
  keywords: texts,
  language,
  let_frequency: count,
  let_relation: relation,
  letter,
  nth_paragraph: count,
  num_bullets: count,
  num_highlights: count,
  num_paragraphs: count,
  num_placeholders: count,
  num_sections: count,
  num_sentences: count,
  num_words: count,
  postscript_marker: text,
  prompt_to_repeat: text,
  relation,
  section_spliter: text,
};

/**
 * An instruction ready to be checked. Arguments that are null count as not given, as in the
 * dataset's copy on the Hugging Face Hub. Where the official code would draw a missing argument at
 * random, this throws.
 * @throws InstructionError which names every problem
 */
export function parseInstruction(id: string, kwargs: unknown): Instruction {
  if (!Object.hasOwn(REGISTRY, id)) {
    throw new InstructionError([`unknown instruction id ${JSON.stringify(id)}`]);
  }
  const { check, marks, kwargs: names } = REGISTRY[id];
  if (typeof kwargs !== 'object' || kwargs === null || Array.isArray(kwargs)) {
    throw new InstructionError([`${id}: kwargs must be an object, not ${JSON.stringify(kwargs)}`]);
  }
  const given = Object.entries(kwargs).filter(([, value]) => value !== null);
  const values = Object.fromEntries(given);
  const problems = [];
  for (const name of names) {
    const wanted = name in values ? TESTS[name](values[name]) : undefined;
    if (!(name in values)) problems.push(`${id}: ${name} is missing`);
    else if (wanted) {
      problems.push(`${id}: ${name} must be ${wanted}, not ${JSON.stringify(values[name])}`);
    }
  }
  for (const [name] of given) {
    if (!names.includes(name as keyof Kwargs)) problems.push(`${id}: takes no ${name}`);
  }
  const { nth_paragraph: nth, num_paragraphs: paragraphs } = values;
  if (!problems.length && nth !== undefined && (nth < 1 || nth > paragraphs)) {
    problems.push(`${id}: nth_paragraph must be from 1 to num_paragraphs, not ${nth}`);
  }
  if (problems.length) throw new InstructionError(problems);
  return { id, check, marks, kwargs: values as unknown as Kwargs };
}
