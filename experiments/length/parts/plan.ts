import type { Positions } from '../../../src/engine/steering';
import { InputError } from '../../../src/util/errors';
import type { Weight } from '../../../src/vectors/weight';
import type { Planned } from '../../shared/answers/answering';
import { inPrompts, steeringGrid } from '../../shared/answers/grid';
import type { Question } from '../../shared/data/questions';
import type { NamedEdit } from '../../shared/vectors/edits';
import { weightParts } from '../../shared/vectors/weight';
import type { LengthRow } from './cells';
import {
  constraintInstruction,
  directionNames,
  type LengthConstraint,
  type LengthPhrasings,
  type LengthSet,
} from './phrasings';

const ACTS = ['add_vector', 'adjust_rs'] as const;
const AIMS = ['conciseness', 'verbosity', 'length_specific'] as const;
export type LengthSteering = 'none' | `${(typeof ACTS)[number]}_${(typeof AIMS)[number]}`;
/** `none`, and each way to act with each aim. */
export const LENGTH_STEERINGS: LengthSteering[] = [
  'none',
  ...ACTS.flatMap((act) => AIMS.map((aim) => `${act}_${aim}` as const)),
];

/** A planned row of the length evaluation. */
export type LengthPlan = Planned &
  Pick<
    LengthRow,
    'key' | 'n_sent' | 'instructed' | 'steering' | 'weight' | 'weight_unit' | 'layer'
  >;

export interface LengthPlanConfig {
  constraint_type: LengthConstraint;
  n_sent_max: number;
  include_instructions: boolean | 'both';
  steering: LengthSteering[];
  steering_weights: Weight[];
  source_layer_idx: number[];
  positions: Positions;
  length_rep_type: LengthSet;
  seed: number;
}

/**
 * All rows: {without, with instruction} × {unsteered, each steering, layer and weight} × query ×
 * number of sentences. The unsteered cell is always there, run by the same engine: without it a
 * steered one says nothing (paper, reviews).
 * @throws InputError as `lengthEdits`
 */
export function planLengthRows(
  questions: Question[],
  config: LengthPlanConfig,
  phrasings: LengthPhrasings,
): LengthPlan[] {
  const { constraint_type, n_sent_max, seed, positions } = config;
  const names = directionNames(phrasings, config.length_rep_type, n_sent_max);
  const lengths = Array.from({ length: n_sent_max }, (_, i) => i + 1);
  const grid = steeringGrid(config.steering, config.source_layer_idx, config.steering_weights);
  return inPrompts(config.include_instructions).flatMap((instructed) =>
    grid.flatMap(({ steering, layer, weight }) =>
      questions.flatMap(({ key, prompt }) =>
        lengths.map((n_sent) => {
          const parts = weight === null ? null : weightParts(weight);
          const ask = constraintInstruction(phrasings, constraint_type, n_sent, seed, key);
          return {
            id: [key, n_sent, instructed, steering, layer, weight].join('|'),
            key,
            n_sent,
            instructed,
            steering,
            weight: parts?.amount ?? null,
            weight_unit: parts?.unit ?? null,
            layer,
            prompt: instructed ? `${prompt} ${ask}` : prompt,
            edits:
              layer === null
                ? []
                : lengthEdits(steering, names, n_sent, { layer, weight, positions }),
          };
        }),
      ),
    ),
  );
}

/**
 * The edits of one steered row. Conciseness is the first direction of the set, verbosity the last,
 * length-specific the n-th; `adjust_rs` aims at the n-th one's mean projection, as in the paper.
 * @param names of the set's directions, shortest first
 * @throws InputError when the set has no n-th direction
 */
export function lengthEdits(
  steering: LengthSteering,
  names: string[],
  nSent: number,
  {
    weight,
    ...where
  }: { layer: number; source?: number; positions: Positions; weight: Weight | null },
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
    return [{ kind: 'project', vector, ...where, target: specific() }];
  }
  return [{ kind: 'add', vector, ...where, weight: weight as Weight }];
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
