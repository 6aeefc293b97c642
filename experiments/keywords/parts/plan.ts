import type { Positions } from '../../../src/engine/steering';
import { InputError } from '../../../src/util/errors';
import type { Weight } from '../../../src/vectors/weight';
import type { Planned } from '../../shared/answers/answering';
import { inPrompts, steeringGrid } from '../../shared/answers/grid';
import type { NamedEdit } from '../../shared/vectors/edits';
import type { KeywordRow } from './cells';
import { describeInstruction, type KeywordQuery, type SpecificInstruction } from './data';

export const KEYWORD_STEERINGS = ['none', 'add_vector', 'adjust_rs'] as const;
export type KeywordSteering = (typeof KEYWORD_STEERINGS)[number];

/** A planned row of the keyword evaluation. */
export type KeywordPlan = Planned &
  Pick<KeywordRow, 'key' | 'words' | 'instructed' | 'steering' | 'weight' | 'layer'> & {
    query: KeywordQuery;
  };

export interface KeywordPlanConfig {
  specific_instruction: SpecificInstruction;
  include_instructions: boolean | 'both';
  steering: KeywordSteering[];
  steering_weights: Weight[];
  source_layer_idx: number[];
  positions: Positions;
}

/**
 * All rows: {without, with instruction} × {unsteered, each steering, layer and weight} × query. The
 * unsteered cell is always there, run by the same engine. A row gets one edit for each of its words.
 * @throws InputError for adjust_rs away from a vector
 */
export function planKeywordRows(queries: KeywordQuery[], config: KeywordPlanConfig): KeywordPlan[] {
  const { positions } = config;
  return inPrompts(config.include_instructions).flatMap((instructed) =>
    steerings(config).flatMap(({ steering, layer, weight }) =>
      queries.map((query) => ({
        id: [query.key, query.words.join(','), instructed, steering, layer, weight].join('|'),
        key: query.key,
        words: query.words,
        instructed,
        steering,
        weight,
        layer,
        prompt: instructed ? query.prompt : query.withoutInstruction,
        edits:
          layer === null ? [] : query.words.map((word) => edit(word, layer, positions, weight)),
        query,
      })),
    ),
  );
}

function edit(word: string, layer: number, positions: Positions, weight: Weight | null): NamedEdit {
  return weight === null
    ? { kind: 'project', vector: word, layer, positions, target: word }
    : { kind: 'add', vector: word, layer, positions, weight };
}

/** The grid of a config; away from a vector, all weights are negative. */
function steerings(config: KeywordPlanConfig) {
  const { away } = describeInstruction(config.specific_instruction);
  if (away && config.steering.includes('adjust_rs')) {
    throw new InputError(
      `${config.specific_instruction} steers away from the vector that includes the word; adjust_rs ` +
        'would move towards it. Use add_vector, or forbidden_w_forbidden_rep (its own vectors).',
    );
  }
  const weights = config.steering_weights.map((weight) => (away ? negative(weight) : weight));
  return steeringGrid(config.steering, config.source_layer_idx, weights);
}

/** 40 and -40 → -40, 2x → -2x. */
function negative(weight: Weight): Weight {
  return typeof weight === 'number' ? -Math.abs(weight) : (`-${weight.replace('-', '')}` as Weight);
}
