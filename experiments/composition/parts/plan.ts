import { countSentences, countWords } from '../../../ifeval';
import type { Positions } from '../../../src/engine/steering';
import type { Weight } from '../../../src/vectors/weight';
import { editTowards, type FormatSteering } from '../../format/parts/plan';
import { satisfies } from '../../length/parts/cells';
import {
  constraintInstruction,
  type LengthConstraint,
  type LengthPhrasings,
} from '../../length/parts/phrasings';
import { lengthEdits } from '../../length/parts/plan';
import type { Planned } from '../../shared/answers/answering';
import { inPrompts } from '../../shared/answers/grid';
import { drawFor } from '../../shared/data/draws';
import { follows, type InstructionRow } from '../../shared/data/instructionRows';
import type { Answer } from '../../shared/session';
import type { NamedEdit } from '../../shared/vectors/edits';
import { type CompositionRow, type CompositionSteering, STEERINGS } from './cells';

export type CompositionPlan = Planned &
  Pick<
    CompositionRow,
    'key' | 'instruction_id' | 'n_sent' | 'format_instruction' | 'length_instruction' | 'steering'
  > & { row: InstructionRow };

export interface CompositionConfig {
  include_format_instructions: boolean | 'both';
  include_length_instructions: boolean | 'both';
  steering: CompositionSteering[];
  format_steering: FormatSteering;
  format_weight: Weight;
  length_steering: 'none' | 'conciseness' | 'verbosity';
  length_source_layer_idx: number;
  length_weight: Weight;
  format_positions: Positions;
  length_positions: Positions;
  constraint_type: LengthConstraint;
  n_sent_max: number;
  seed: number;
}

/** The ways to steer that a config leaves, unsteered first. */
export function steeringsOf(
  config: Pick<CompositionConfig, 'steering' | 'format_steering' | 'length_steering'>,
): CompositionSteering[] {
  const { steering, format_steering, length_steering } = config;
  const off = [
    ...(format_steering === 'none' ? ['format'] : []),
    ...(length_steering === 'none' ? ['length'] : []),
  ];
  return STEERINGS.filter(
    (one) => one === 'none' || (steering.includes(one) && !off.some((part) => one.includes(part))),
  );
}

/** What a plan has to know of the vectors. */
export interface CompositionVectors {
  /** Where a format is steered, in prompts with or without its instruction; null: nowhere. */
  formatLayer(id: string, instructed: boolean): number | null;
  /** Directions of length, shortest first. */
  lengthNames: string[];
  /** The layer that the length vector is taken from; left out, the one that it acts at. */
  lengthSource?: number;
}

/**
 * All rows: {neither, one, both instructions in the prompt} × {unsteered, each vector, both} × prompt.
 * Each prompt has a number of sentences of its own, drawn with the seed.
 * The format acts before the length: at one layer the other order undoes it.
 */
export function planComposition(
  rows: InstructionRow[],
  config: CompositionConfig,
  vectors: CompositionVectors,
  phrasings: LengthPhrasings,
): CompositionPlan[] {
  const { constraint_type, n_sent_max, seed } = config;
  const numbers = Array.from({ length: n_sent_max }, (_, i) => i + 1);
  const steerings = steeringsOf(config);
  const act = { steering: config.format_steering, weight: config.format_weight };
  const { lengthNames, lengthSource: source } = vectors;
  return inPrompts(config.include_format_instructions).flatMap((format_instruction) =>
    inPrompts(config.include_length_instructions).flatMap((length_instruction) =>
      steerings.flatMap((steering) =>
        rows.map((row) => {
          const { key, id: instruction_id } = row;
          const n_sent = drawFor(numbers, seed, key, 'n_sent');
          const ask = constraintInstruction(phrasings, constraint_type, n_sent, seed, key);
          const prompt = format_instruction ? row.prompt : row.withoutInstruction;
          const edits: NamedEdit[] = [];
          const formatLayer = vectors.formatLayer(instruction_id, format_instruction);
          if (steering.includes('format') && formatLayer !== null) {
            edits.push(editTowards(instruction_id, formatLayer, config.format_positions, act));
          }
          if (steering.includes('length') && config.length_steering !== 'none') {
            edits.push(
              ...lengthEdits(`add_vector_${config.length_steering}`, lengthNames, n_sent, {
                layer: config.length_source_layer_idx,
                ...(source === undefined ? {} : { source }),
                positions: config.length_positions,
                weight: config.length_weight,
              }),
            );
          }
          return {
            id: [key, format_instruction, length_instruction, steering].join('|'),
            key,
            instruction_id,
            n_sent,
            format_instruction,
            length_instruction,
            steering,
            prompt: length_instruction ? `${prompt} ${ask}` : prompt,
            edits,
            row,
          };
        }),
      ),
    ),
  );
}

/** The checked row of an answer: the format loosely, as in the paper. */
export function checkAnswer(
  { edits: _, row, ...planned }: CompositionPlan,
  answer: Answer,
  constraint: LengthConstraint,
): CompositionRow {
  const sentences = countSentences(answer.response.trim());
  const format_ok = follows(row, answer.response, 'loose');
  const length_ok = satisfies(constraint, planned.n_sent, sentences);
  const words = countWords(answer.response);
  const ok = format_ok && length_ok;
  return { ...planned, ...answer, format_ok, length_ok, ok, sentences, words };
}
