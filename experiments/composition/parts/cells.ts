import {
  type CellStats,
  cellStats,
  cellsOf,
  type Judgements,
  type ScoredRow,
} from '../../shared/answers/cells';
import { mean } from '../../shared/answers/statistics';

/** Unsteered, by one of the two vectors, and by both. */
export const STEERINGS = ['none', 'format', 'length', 'format + length'] as const;
export type CompositionSteering = (typeof STEERINGS)[number];

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

const PROMPT = ['format_instruction', 'length_instruction'] as const;
const CELL = [...PROMPT, 'steering'] as const;

/** One cell of the summary; `format` and `length` count the rows that obey the one and the other. */
export interface CompositionCell extends Pick<CompositionRow, (typeof CELL)[number]> {
  both: CellStats;
  format: CellStats;
  length: CellStats;
  mean_sentences: number;
  mean_words: number;
}

/** The cells of a run, those with fewer instructions in the prompt first. */
export function computeCells(rows: CompositionRow[], judged?: Judgements): CompositionCell[] {
  return cellsOf(rows, CELL, PROMPT).map(({ cell, rows: own, baseline }) => {
    const stats = (score: (row: CompositionRow) => boolean) =>
      cellStats(own, baseline, { ...judged, score });
    return {
      ...cell,
      both: stats(({ ok }) => ok),
      format: stats(({ format_ok }) => format_ok),
      length: stats(({ length_ok }) => length_ok),
      mean_sentences: mean(own.map(({ sentences }) => sentences)),
      mean_words: mean(own.map(({ words }) => words)),
    };
  });
}
