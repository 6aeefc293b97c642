import {
  type AnsweredRow,
  type CellStats,
  cellStats,
  cellsOf,
  type EvaluatedRow,
  type Judgements,
} from '../../shared/answers/cells';

/** One line of a run's `out.jsonl`. */
export interface CustomRow extends AnsweredRow, Pick<EvaluatedRow, 'instructed' | 'steering'> {
  prompt: string;
  system?: string;
}

const CELL = ['instructed', 'steering'] as const;

/** What is not known of answers that were not checked. */
type OfChecks = 'accuracy' | 'accuracy_interval' | 'gain' | 'gain_interval';
type CustomStats = Omit<CellStats, OfChecks> & { [K in OfChecks]: CellStats[K] | null };

/** One cell of the summary: {instruction or not} × {unsteered, or a way to steer}. */
export type CustomCell = Pick<CustomRow, (typeof CELL)[number]> & CustomStats;

const UNCHECKED = { accuracy: null, accuracy_interval: null, gain: null, gain_interval: null };

/** The cells of a run, without the instruction first, each in the order of its rows. */
export function computeCells(rows: CustomRow[], judged?: Judgements): CustomCell[] {
  const unchecked = rows.every(({ ok }) => ok === null);
  return cellsOf(rows, CELL, ['instructed']).map(({ cell, rows: own, baseline }) => ({
    ...cell,
    ...cellStats(own, baseline, judged),
    ...(unchecked && UNCHECKED),
  }));
}

/** Whether answers were checked. */
export const isChecked = (cell: CustomCell): cell is CustomCell & CellStats =>
  cell.accuracy !== null;
