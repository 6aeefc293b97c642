import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../../../src/util/errors';
import type { Question } from '../../shared/data/questions';
import { hashFile, hashOf } from '../../shared/provenance';
import type { Session } from '../../shared/session';
import {
  computeDirections,
  modelProvenance,
  type RepresentationOptions,
} from '../../shared/vectors/compute';
import {
  loadVectors,
  type NamedEdit,
  type Provenance,
  type VectorFile,
  type Weight,
} from '../../shared/vectors/vectorFile';
import {
  type LengthConstraint,
  type LengthPhrasings,
  type LengthSet,
  lengthInstructions,
} from './phrasings';

const ACTS = ['add_vector', 'adjust_rs'] as const;
const AIMS = ['conciseness', 'verbosity', 'length_specific'] as const;
export type LengthSteering = 'none' | `${(typeof ACTS)[number]}_${(typeof AIMS)[number]}`;
/** `none`, and each way to act with each aim. */
export const LENGTH_STEERINGS: LengthSteering[] = [
  'none',
  ...ACTS.flatMap((act) => AIMS.map((aim) => `${act}_${aim}` as const)),
];

/** What a set of length vectors is computed from. */
export interface LengthVectorSettings {
  constraint_type: LengthSet;
  n_sent_max: number;
  n_examples: number;
  num_final_tokens: number;
  seed: number;
  data_path: string;
  phrasings: LengthPhrasings;
}

/**
 * Base queries for vectors (the first ones) and for evaluation (the last ones). Where the file says
 * which rows are for training and evaluation, each part keeps to its own.
 * @throws InputError when the two would overlap
 */
export function splitQuestions(questions: Question[], forVectors: number, forEvaluation: number) {
  const first = questions.filter(({ split }) => split !== 'eval').slice(0, forVectors);
  const candidates = questions.filter(({ split }) => split !== 'train');
  const last = candidates.slice(Math.max(0, candidates.length - forEvaluation));
  const shared = first.filter((question) => last.includes(question)).length;
  if (shared) {
    throw new InputError(
      `The data has ${questions.length} queries. The first ${forVectors}, for the representations, ` +
        `and the last ${forEvaluation}, for the evaluation, overlap by ${shared}: ` +
        'vectors must not be tested on the queries that they come from. Take fewer of either.',
    );
  }
  if (first.length < forVectors || last.length < forEvaluation) {
    throw new InputError(
      `The data has ${first.length} queries for representations and ${last.length} for evaluation; ` +
        `${forVectors} and ${forEvaluation} were asked for.`,
    );
  }
  return { first, last };
}

/** Where a set is kept. The name is for people: what a file is for stands in its metadata. */
export function lengthVectorFile(folder: string, settings: LengthVectorSettings): string {
  const { constraint_type: set, n_examples, n_sent_max, seed } = settings;
  const which = set === 'sentences' ? `${n_sent_max}sentences` : 'high-level';
  const data = path.basename(settings.data_path).replace(/\.\w+$/, '');
  return path.join(folder, `${data}_${which}_${n_examples}examples_seed${seed}.safetensors`);
}

/** What must agree between a file of length vectors and their use. */
export function lengthProvenance(session: Session, settings: LengthVectorSettings): Provenance {
  const instructions = lengthInstructions(settings.phrasings, settings);
  return {
    kind: 'length vectors',
    ...modelProvenance(session),
    data_sha256: hashFile(settings.data_path),
    constraint_type: settings.constraint_type,
    n_examples: String(settings.n_examples),
    seed: String(settings.seed),
    phrasings: hashOf([...instructions]),
  };
}

/**
 * Step 1 of the length experiment: every query with a drawn phrasing of each level (or sentence
 * count) against the same query alone, at the last prompt token of every layer.
 * @throws InputError as `computeDirections`
 */
export async function computeLengthVectors(
  session: Session,
  questions: Question[],
  settings: LengthVectorSettings,
  file: string,
  options: Pick<RepresentationOptions, 'batchSize'> & Partial<RepresentationOptions>,
): Promise<void> {
  const instructions = lengthInstructions(settings.phrasings, settings);
  const without = questions.map(({ prompt }) => prompt);
  const groups = new Map(
    [...instructions].map(([name, draw]) => {
      const withIt = questions.map(({ key, prompt }) => `${prompt} ${draw(key)}`);
      return [name, { withIt, without }] as const;
    }),
  );
  const provenance = {
    ...lengthProvenance(session, settings),
    data_path: settings.data_path,
    example_keys: JSON.stringify(questions.map(({ key }) => key)),
  };
  await computeDirections(session, groups, file, provenance, {
    finalTokens: settings.num_final_tokens,
    layers: null,
    keepActivations: false,
    ...options,
  });
}

/**
 * The length vectors of a file, which are computed when it is not there.
 * @param questions the queries that they come from
 * @throws InputError as `computeLengthVectors` and `loadVectors`
 */
export async function needLengthVectors(
  session: Session,
  questions: Question[],
  settings: LengthVectorSettings,
  file: string,
  batchSize: number,
): Promise<VectorFile> {
  if (!fs.existsSync(file)) {
    console.log(
      `No length vectors yet: computing them from the first ${questions.length} queries.`,
    );
    await computeLengthVectors(session, questions, settings, file, { batchSize });
  }
  return loadVectors(file, lengthProvenance(session, settings));
}

/**
 * The edit of one steered row. Conciseness is the first direction of the set, verbosity the last,
 * length-specific the n-th; `adjust_rs` aims at the n-th one's mean projection, as in the paper.
 * @param names of the set's directions, shortest first
 * @throws InputError when the set has no n-th direction
 */
export function lengthEdit(
  steering: LengthSteering,
  names: string[],
  nSent: number,
  layer: number,
  weight: Weight | null,
): NamedEdit[] {
  if (steering === 'none') return [];
  const specific = () => {
    if (nSent <= names.length) return names[nSent - 1];
    throw new InputError(
      `${steering} needs a direction for ${nSent} sentences; the representations have ${names.length}. ` +
        'Lower n_sent_max, or use length_rep_type=sentences.',
    );
  };
  const vector = steering.endsWith('conciseness')
    ? names[0]
    : steering.endsWith('verbosity')
      ? names[names.length - 1]
      : specific();
  if (steering.startsWith('adjust_rs')) {
    return [{ kind: 'project', vector, layer, target: specific() }];
  }
  return [{ kind: 'add', vector, layer, weight: weight as Weight }];
}

/** Whether a response of so many sentences obeys the constraint. An empty one obeys none. */
export function satisfies(constraint: LengthConstraint, n: number, sentences: number): boolean {
  if (sentences === 0) return false;
  if (constraint === 'at_most') return sentences <= n;
  return constraint === 'at_least' ? sentences >= n : sentences === n;
}
