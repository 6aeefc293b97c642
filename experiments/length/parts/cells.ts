import {
  type CellStats,
  cellStats,
  cellsOf,
  type EvaluatedRow,
  type Judgements,
} from '../../shared/answers/cells';
import { mean } from '../../shared/answers/statistics';
import { groupBy } from '../../shared/groupBy';
import type { LengthConstraint } from './phrasings';

/** One line of a length run's `out.jsonl`. `ok`: it obeys the constraint, in the prompt or not. */
export interface LengthRow extends EvaluatedRow {
  n_sent: number;
  /** As it was added: in units of the activations, or of the mean difference's norm. */
  weight: number | null;
  weight_unit: 'absolute' | 'mean difference' | null;
  layer: number | null;
  prompt: string;
  sentences: number;
}

export interface LengthStats extends CellStats {
  accuracy_at_most_2: number;
  mean_sentences: number;
}

const CELL = ['instructed', 'steering', 'weight', 'weight_unit', 'layer'] as const;

/** One cell of the summary: {instruction or not} × {unsteered, or a steering and weight}. */
export interface LengthCell extends Pick<LengthRow, (typeof CELL)[number]>, LengthStats {
  by_n_sent: ({ n_sent: number } & LengthStats)[];
}

/** The cells of a run, without the instruction first, each in the order of its rows. */
export function computeCells(rows: LengthRow[], judged?: Judgements): LengthCell[] {
  return cellsOf(rows, CELL, ['instructed']).map(({ cell, rows: own, baseline }) => {
    const stats = (some: LengthRow[]) => {
      const n = new Set(some.map(({ n_sent }) => n_sent));
      const base = baseline?.filter((row) => n.has(row.n_sent));
      return lengthStats(some, base ?? null, judged);
    };
    const by_n_sent = groupBy(own, (row) => String(row.n_sent))
      .map((some) => ({ n_sent: some[0].n_sent, ...stats(some) }))
      .sort((a, b) => a.n_sent - b.n_sent);
    return { ...cell, ...stats(own), by_n_sent };
  });
}

function lengthStats(
  rows: LengthRow[],
  baseline: LengthRow[] | null,
  judged?: Judgements,
): LengthStats {
  const atMost2 = rows.filter(({ sentences }) => sentences >= 1 && sentences <= 2);
  return {
    ...cellStats(rows, baseline, judged),
    accuracy_at_most_2: atMost2.length / rows.length,
    mean_sentences: mean(rows.map(({ sentences }) => sentences)),
  };
}

/** Whether a response of so many sentences obeys the constraint. An empty one obeys none. */
export function satisfies(constraint: LengthConstraint, n: number, sentences: number): boolean {
  if (sentences === 0) return false;
  if (constraint === 'at_most') return sentences <= n;
  return constraint === 'at_least' ? sentences >= n : sentences === n;
}

/** `20`, `0.5x`, or null: a weight as it is written in the config. */
export function weightText({ weight, weight_unit }: Pick<LengthCell, 'weight' | 'weight_unit'>) {
  return weight === null ? null : `${weight}${weight_unit === 'mean difference' ? 'x' : ''}`;
}
