import { isDegenerate } from '../../../src/language/degenerate';
import type { Weight } from '../../../src/vectors/weight';
import { isMostlyBroken } from '../../shared/answers/broken';
import {
  type CellStats,
  cellStats,
  cellsOf,
  type EvaluatedRow,
  type Judgements,
} from '../../shared/answers/cells';
import type { Perplexities } from '../../shared/answers/judge';

/** One line of a keyword run's `out.jsonl`. `ok`: it follows the instruction, in the prompt or not. */
export interface KeywordRow extends EvaluatedRow {
  words: string[];
  /** As it was added: 40, -40, 2x; null where nothing was. */
  weight: Weight | null;
  layer: number | null;
  prompt: string;
}

const CELL = ['instructed', 'steering', 'weight', 'layer'] as const;

/** One cell of the summary: {instruction or not} × {unsteered, or a steering, layer and weight}. */
export interface KeywordCell extends Pick<KeywordRow, (typeof CELL)[number]>, CellStats {}

/** The cells of a run, without the instruction first, each in the order of its rows. */
export function computeCells(rows: KeywordRow[], judged?: Judgements): KeywordCell[] {
  return cellsOf(rows, CELL, ['instructed']).map(({ cell, rows: own, baseline }) => {
    return { ...cell, ...cellStats(own, baseline, judged) };
  });
}

/** A cell of a (layer, weight) grid, with the share of its answers that are degenerate. */
export interface GridCell extends KeywordCell {
  /** Share of blank ones and of those with a perplexity below the threshold. */
  degenerate: number;
}

/** @param threshold an answer of lower perplexity is degenerate (2.5 in the paper) */
export function computeGrid(
  rows: KeywordRow[],
  perplexities: Perplexities,
  threshold: number,
): GridCell[] {
  return cellsOf(rows, CELL, ['instructed']).map(({ cell, rows: own, baseline }) => {
    const degenerate = own.filter(({ id, response }) =>
      isDegenerate(response, perplexities.get(id) ?? null, threshold),
    );
    return {
      ...cell,
      ...cellStats(own, baseline, { perplexities, threshold }),
      degenerate: degenerate.length / own.length,
    };
  });
}

/**
 * The steered cell to choose, of those without the instruction where there are any: the highest share
 * that obeys among those with no more degenerate answers than unsteered; the first of equals. One with
 * mostly empty or repeating answers is never the best.
 */
export function bestCell(cells: GridCell[]): GridCell | undefined {
  const { instructed } = cells[0];
  const own = cells.filter((cell) => cell.instructed === instructed);
  const limit = own.find(({ steering }) => steering === 'none')?.degenerate ?? 0;
  return own
    .filter(({ steering, degenerate }) => steering !== 'none' && degenerate <= limit)
    .filter((cell) => !isMostlyBroken(cell))
    .reduce<GridCell | undefined>(
      (best, cell) => (best && best.accuracy >= cell.accuracy ? best : cell),
      undefined,
    );
}
