import { countSentences, countWords } from '../../../ifeval';
import { fixed, formatTable, percent } from '../../../src/util/table';
import { formatEdit } from '../../format/parts/plan';
import {
  constraintInstruction,
  type LengthConstraint,
  type LengthPhrasings,
} from '../../length/parts/phrasings';
import { lengthEdit, satisfies } from '../../length/parts/vectors';
import type { Planned } from '../../shared/answers/answerRows';
import { type CellStats, cellStats, groupBy, type ScoredRow } from '../../shared/answers/cells';
import type { Perplexities } from '../../shared/answers/judge';
import { drawFor } from '../../shared/data/draws';
import { follows, type InstructionRow } from '../../shared/data/instructionRows';
import type { Answer } from '../../shared/session';
import type { NamedEdit, Weight } from '../../shared/vectors/vectorFile';

/** Unsteered, by one of the two vectors, and by both. */
export const STEERINGS = ['none', 'format', 'length', 'format + length'] as const;
export type CompositionSteering = (typeof STEERINGS)[number];

/** How the format acts, as in the paper. */
const ADJUST_RS = { steering: 'adjust_rs', weight: null } as const;

/** One line of `out.jsonl`. `ok`: it obeys both. */
export interface CompositionRow extends ScoredRow {
  instruction_id: string;
  n_sent: number;
  /** Which of the two instructions the prompt holds. */
  format_instruction: boolean;
  length_instruction: boolean;
  steering: CompositionSteering;
  prompt: string;
  format_ok: boolean;
  length_ok: boolean;
  sentences: number;
  words: number;
}

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
  constraint_type: LengthConstraint;
  n_sent_max: number;
  seed: number;
}

/**
 * All rows: {neither, one, both instructions in the prompt} × {unsteered, each vector, both} × prompt.
 * Each prompt has a number of sentences of its own, drawn with the seed.
 * The format acts before the length: at one layer the other order undoes it.
 * @param selected each format's layer; without one it is not steered
 * @param lengthNames directions of length, shortest first
 * @param sourceLayer of a format: the layer that the length vector is taken from, where that is not
 *   the layer it acts at
 */
export function planComposition(
  rows: InstructionRow[],
  config: CompositionConfig,
  vectors: {
    selected: ReadonlyMap<string, number | null>;
    lengthNames: string[];
    sourceLayer?(id: string): number;
  },
  phrasings: LengthPhrasings,
): CompositionPlan[] {
  const { constraint_type, n_sent_max, seed, length_source_layer_idx: layer } = config;
  const numbers = Array.from({ length: n_sent_max }, (_, i) => i + 1);
  const flags = (include: boolean | 'both') => (include === 'both' ? [false, true] : [include]);
  const steerings = STEERINGS.filter((one) => one === 'none' || config.steering.includes(one));
  return flags(config.include_format_instructions).flatMap((format_instruction) =>
    flags(config.include_length_instructions).flatMap((length_instruction) =>
      steerings.flatMap((steering) =>
        rows.map((row) => {
          const { key, id: instruction_id } = row;
          const n_sent = drawFor(numbers, seed, key, 'n_sent');
          const ask = constraintInstruction(phrasings, constraint_type, n_sent, seed, key);
          const prompt = format_instruction ? row.prompt : row.withoutInstruction;
          const edits: NamedEdit[] = [];
          const formatLayer = vectors.selected.get(instruction_id) ?? null;
          if (steering.includes('format') && formatLayer !== null) {
            edits.push(formatEdit(instruction_id, formatLayer, ADJUST_RS));
          }
          if (steering.includes('length')) {
            const aim = `add_vector_${config.length_steering}` as const;
            const source = vectors.sourceLayer?.(instruction_id);
            for (const edit of lengthEdit(
              aim,
              vectors.lengthNames,
              n_sent,
              layer,
              config.length_weight,
            )) {
              edits.push(source === undefined ? edit : { ...edit, source });
            }
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
export function compositionRow(
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

/** One cell of the summary; `format` and `length` count the rows that obey the one and the other. */
export interface CompositionCell
  extends Pick<CompositionRow, 'format_instruction' | 'length_instruction' | 'steering'> {
  both: CellStats;
  format: CellStats;
  length: CellStats;
  mean_sentences: number;
  mean_words: number;
}

/** The cells of a run, in the order of its rows. */
export function compositionCells(
  rows: CompositionRow[],
  perplexities?: Perplexities,
): CompositionCell[] {
  const prompts = ({ format_instruction, length_instruction }: CompositionRow) =>
    `${format_instruction} ${length_instruction}`;
  const unsteered = rows.filter(({ steering }) => steering === 'none');
  return groupBy(rows, (row) => `${prompts(row)} ${row.steering}`).map((members) => {
    const { format_instruction, length_instruction, steering } = members[0];
    const baseline =
      steering === 'none' ? null : unsteered.filter((row) => prompts(row) === prompts(members[0]));
    const stats = (score: (row: CompositionRow) => boolean) =>
      cellStats(members, baseline, { perplexities, score });
    const mean = (value: (row: CompositionRow) => number) =>
      members.reduce((sum, row) => sum + value(row), 0) / members.length;
    return {
      format_instruction,
      length_instruction,
      steering,
      both: stats(({ ok }) => ok),
      format: stats(({ format_ok }) => format_ok),
      length: stats(({ length_ok }) => length_ok),
      mean_sentences: mean(({ sentences }) => sentences),
      mean_words: mean(({ words }) => words),
    };
  });
}

/** What is obeyed in each cell, and what changed against the unsteered cell of the same prompts. */
export function compositionTable(cells: CompositionCell[]): string {
  const change = ({ accuracy, gain }: CellStats) => {
    const points = gain === null ? '' : ` (${gain < 0 ? '' : '+'}${(100 * gain).toFixed(0)})`;
    return `${percent(accuracy)}${points}`;
  };
  return formatTable(
    [
      ...['in the prompt', 'steering', 'n', 'format', 'length', 'both'],
      ...['sentences', 'words', 'perplexity'],
    ],
    cells.map((cell) => [
      [cell.format_instruction && 'format', cell.length_instruction && 'length']
        .filter(Boolean)
        .join(' + ') || 'none',
      cell.steering,
      cell.both.n,
      change(cell.format),
      change(cell.length),
      change(cell.both),
      fixed(cell.mean_sentences),
      fixed(cell.mean_words, 0),
      fixed(cell.both.mean_perplexity),
    ]),
  );
}
