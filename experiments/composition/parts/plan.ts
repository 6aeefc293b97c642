import { countSentences, countWords } from '../../../ifeval';
import type { Positions } from '../../../src/engine/steering';
import { editTowards } from '../../format/parts/plan';
import type { Layers } from '../../format/parts/selectedLayers';
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
import type { Weight } from '../../shared/vectors/weight';
import { type CompositionRow, type CompositionSteering, STEERINGS } from './cells';

/** How the format acts, as in the paper. */
const ADJUST_RS = { steering: 'adjust_rs', weight: null } as const;

export type CompositionPlan = Planned &
  Pick<
    CompositionRow,
    'key' | 'instruction_id' | 'n_sent' | 'format_instruction' | 'length_instruction' | 'steering'
  > & { row: InstructionRow };

export interface CompositionConfig {
  include_format_instructions: boolean | 'both';
  include_length_instructions: boolean | 'both';
  steering: CompositionSteering[];
  length_steering: 'conciseness' | 'verbosity';
  length_source_layer_idx: number;
  length_weight: Weight;
  format_positions: Positions;
  length_positions: Positions;
  constraint_type: LengthConstraint;
  n_sent_max: number;
  seed: number;
}

/**
 * All rows: {neither, one, both instructions in the prompt} × {unsteered, each vector, both} × prompt.
 * Each prompt has a number of sentences of its own, drawn with the seed.
 * The format acts before the length: at one layer the other order undoes it.
 * @param selectedFor each format's layer, in prompts with or without its instruction; without one it is
 *   not steered
 * @param lengthNames directions of length, shortest first
 * @param sourceLayer of a format: the layer that the length vector is taken from, where that is not
 *   the layer it acts at
 */
export function planComposition(
  rows: InstructionRow[],
  config: CompositionConfig,
  vectors: {
    selectedFor(instructed: boolean): Layers;
    lengthNames: string[];
    sourceLayer?(id: string, instructed: boolean): number;
  },
  phrasings: LengthPhrasings,
): CompositionPlan[] {
  const { constraint_type, n_sent_max, seed } = config;
  const numbers = Array.from({ length: n_sent_max }, (_, i) => i + 1);
  const steerings = STEERINGS.filter((one) => one === 'none' || config.steering.includes(one));
  return inPrompts(config.include_format_instructions).flatMap((format_instruction) =>
    inPrompts(config.include_length_instructions).flatMap((length_instruction) =>
      steerings.flatMap((steering) =>
        rows.map((row) => {
          const { key, id: instruction_id } = row;
          const n_sent = drawFor(numbers, seed, key, 'n_sent');
          const ask = constraintInstruction(phrasings, constraint_type, n_sent, seed, key);
          const prompt = format_instruction ? row.prompt : row.withoutInstruction;
          const edits: NamedEdit[] = [];
          const formatLayer = vectors.selectedFor(format_instruction).get(instruction_id) ?? null;
          if (steering.includes('format') && formatLayer !== null) {
            const { format_positions } = config;
            edits.push(editTowards(instruction_id, formatLayer, format_positions, ADJUST_RS));
          }
          if (steering.includes('length')) {
            const source = vectors.sourceLayer?.(instruction_id, format_instruction);
            edits.push(
              ...lengthEdits(`add_vector_${config.length_steering}`, vectors.lengthNames, n_sent, {
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
