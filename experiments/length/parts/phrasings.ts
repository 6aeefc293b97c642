import { InputError } from '../../../src/util/errors';
import { phrasingsFile } from '../../shared/data/dataFolder';
import { drawFor } from '../../shared/data/draws';
import { readPhrasings } from '../../shared/data/questions';

/** `high-level`: levels from extremely concise to extremely verbose; `sentences`: 1 to n. */
export type LengthSet = 'high-level' | 'sentences';
export type LengthConstraint = 'at_most' | 'at_least' | 'exactly';

/** Instructions about length, in several wordings each. `{n}` is the number, `{s}` the plural s. */
export interface LengthPhrasings {
  /** By level, from the shortest answers to the longest. */
  levels: Record<string, string[]>;
  sentences: string[];
  constraints: Record<LengthConstraint, string[]>;
  /** In place of `sentences` or a constraint where the number is one. */
  one_sentence?: Partial<Record<'sentences' | LengthConstraint, string[]>>;
}

const CONSTRAINTS: LengthConstraint[] = ['at_most', 'at_least', 'exactly'];

/**
 * Reads the phrasings, see `phrasingsFile`.
 * @throws InputError naming what is missing in them, or as `phrasingsFile`
 */
export function loadPhrasings(given: string | null, dataPath = ''): LengthPhrasings {
  const file = phrasingsFile(given, dataPath, 'length_phrasings');
  const value = readPhrasings<LengthPhrasings>(file);
  const lists = {
    ...entries('levels', value?.levels),
    ...entries('constraints', {
      ...Object.fromEntries(CONSTRAINTS.map((name) => [name, undefined])),
      ...value?.constraints,
    }),
    ...entries('one_sentence', value?.one_sentence),
    sentences: value?.sentences,
  };
  for (const [key, list] of Object.entries(lists)) {
    if (Array.isArray(list) && list.length && list.every((one) => typeof one === 'string'))
      continue;
    throw new InputError(`${file}: ${key} must be a list of instructions.`);
  }
  const ones = Object.keys(value?.one_sentence ?? {});
  const other = ones.find((name) => !['sentences', ...CONSTRAINTS].includes(name));
  if (other !== undefined) {
    throw new InputError(
      `${file}: one_sentence.${other} is none of sentences, ${CONSTRAINTS.join(', ')}.`,
    );
  }
  if (Object.keys(value?.levels ?? {}).length < 2) {
    throw new InputError(`${file}: levels needs at least a shortest and a longest level.`);
  }
  return value as LengthPhrasings;
}

function entries(prefix: string, map: Record<string, unknown> | undefined) {
  return Object.fromEntries(Object.entries(map ?? {}).map(([key, v]) => [`${prefix}.${key}`, v]));
}

/** The names of a set's directions, shortest first. */
export function directionNames(
  phrasings: LengthPhrasings,
  set: LengthSet,
  nSentMax: number,
): string[] {
  return set === 'high-level'
    ? Object.keys(phrasings.levels)
    : Array.from({ length: nSentMax }, (_, i) => `sentences_${i + 1}`);
}

/** For each direction of a set: the instruction that a query (by key) gets, drawn with the seed. */
export function lengthInstructions(
  phrasings: LengthPhrasings,
  settings: { constraint_type: LengthSet; n_sent_max: number; seed: number },
): Map<string, LengthInstruction> {
  const { constraint_type: set, n_sent_max, seed } = settings;
  return new Map(
    directionNames(phrasings, set, n_sent_max).map((name, i) => {
      const choices =
        set === 'high-level'
          ? phrasings.levels[name]
          : wordingsFor(phrasings, 'sentences', i + 1).map((phrasing) => fill(phrasing, i + 1));
      const draw = (key: string) => drawFor(choices, seed, key, name);
      return [name, Object.assign(draw, { toJSON: () => choices })];
    }),
  );
}

/** Draws the wording for a query; as JSON it is the list of wordings. */
type LengthInstruction = ((key: string) => string) & { toJSON(): string[] };

/** E.g. `Answer using at most 2 sentences.`, in a wording drawn for this query and number. */
export function constraintInstruction(
  phrasings: LengthPhrasings,
  constraint: LengthConstraint,
  n: number,
  seed: number,
  key: string,
): string {
  return fill(drawFor(wordingsFor(phrasings, constraint, n), seed, key, constraint, n), n);
}

function wordingsFor(
  { sentences, constraints, one_sentence }: LengthPhrasings,
  about: 'sentences' | LengthConstraint,
  n: number,
): string[] {
  const one = n === 1 ? one_sentence?.[about] : undefined;
  return one ?? (about === 'sentences' ? sentences : constraints[about]);
}

function fill(phrasing: string, n: number) {
  return phrasing.replaceAll('{n}', String(n)).replaceAll('{s}', n === 1 ? '' : 's');
}
