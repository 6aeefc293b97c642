import type { Weight } from '../../../src/vectors/weight';
import {
  type CellStats,
  cellStats,
  cellsOf,
  type EvaluatedRow,
  type Judgements,
} from '../../shared/answers/cells';
import { groupBy } from '../../shared/groupBy';

/** One line of a run's `out.jsonl`, of the layer search as of the evaluation. */
export interface FormatRow extends EvaluatedRow {
  instruction_id: string;
  /** The layer tried or fixed for all; `selected`: each instruction's own; null: unsteered. */
  layers: number | 'selected' | null;
  /** The layer that this row was steered at; null: none. */
  layer: number | null;
  weight: Weight | null;
  prompt: string;
}

const CELL = ['instructed', 'steering', 'layers', 'weight'] as const;

/** One cell of the summary: {instruction in the prompt or not} × {unsteered, or a steering}. */
export interface FormatCell extends Pick<FormatRow, (typeof CELL)[number]>, CellStats {
  /** Each with the layer that it was steered at; null: none. */
  by_instruction: ({ instruction_id: string; layer: number | null } & CellStats)[];
}

/** The cells of a run, without the instruction first, each in the order of its rows. */
export function computeCells(rows: FormatRow[], judged?: Judgements): FormatCell[] {
  return cellsOf(rows, CELL, ['instructed']).map(({ cell, rows: own, baseline }) => {
    const stats = (some: FormatRow[], base?: FormatRow[] | null) =>
      cellStats(some, base ?? null, judged);
    const by_instruction = groupBy(own, idOf).map((some) => {
      const { instruction_id, layer } = some[0];
      const base = baseline?.filter((row) => row.instruction_id === instruction_id);
      return { instruction_id, layer, ...stats(some, base) };
    });
    return { ...cell, ...stats(own, baseline), by_instruction };
  });
}

const idOf = ({ instruction_id }: { instruction_id: string }) => instruction_id;
