import type { Planned } from '../../shared/answers/answerRows';
import { steeringGrid } from '../../shared/answers/grid';
import type { Question } from '../../shared/data/questions';
import { type Weight, weightParts } from '../../shared/vectors/vectorFile';
import type { LengthRow } from './cells';
import {
  constraintInstruction,
  directionNames,
  type LengthConstraint,
  type LengthPhrasings,
  type LengthSet,
} from './phrasings';
import { type LengthSteering, lengthEdit } from './vectors';

/** A planned row of the length evaluation. */
export type LengthPlan = Planned &
  Pick<
    LengthRow,
    'key' | 'n_sent' | 'instruction' | 'steering' | 'weight' | 'weight_unit' | 'layer'
  >;

export interface LengthPlanConfig {
  constraint_type: LengthConstraint;
  n_sent_max: number;
  include_instructions: boolean | 'both';
  steering: LengthSteering[];
  steering_weights: Weight[];
  source_layer_idx: number[];
  length_rep_type: LengthSet;
  seed: number;
}

/**
 * All rows: {without, with instruction} × {unsteered, each steering, layer and weight} × query ×
 * number of sentences. The unsteered cell is always there, run by the same engine: without it a
 * steered one says nothing (paper, reviews).
 * @throws InputError as `lengthEdit`
 */
export function planLengthRows(
  questions: Question[],
  config: LengthPlanConfig,
  phrasings: LengthPhrasings,
): LengthPlan[] {
  const { constraint_type, n_sent_max, seed, include_instructions } = config;
  const names = directionNames(phrasings, config.length_rep_type, n_sent_max);
  const lengths = Array.from({ length: n_sent_max }, (_, i) => i + 1);
  const inPrompt = include_instructions === 'both' ? [false, true] : [include_instructions];
  const grid = steeringGrid(config.steering, config.source_layer_idx, config.steering_weights);
  return inPrompt.flatMap((instruction) =>
    grid.flatMap(({ steering, layer, weight }) =>
      questions.flatMap(({ key, prompt }) =>
        lengths.map((n_sent) => {
          const parts = weight === null ? null : weightParts(weight);
          const ask = constraintInstruction(phrasings, constraint_type, n_sent, seed, key);
          return {
            id: [key, n_sent, instruction, steering, layer, weight].join('|'),
            key,
            n_sent,
            instruction,
            steering,
            weight: parts?.amount ?? null,
            weight_unit: parts?.unit ?? null,
            layer,
            prompt: instruction ? `${prompt} ${ask}` : prompt,
            edits: layer === null ? [] : lengthEdit(steering, names, n_sent, layer, weight),
          };
        }),
      ),
    ),
  );
}
