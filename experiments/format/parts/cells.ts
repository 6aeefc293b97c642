import { formatTable, percent } from '../../../src/util/table';
import {
  type CellStats,
  cellStats,
  cellsOf,
  type EvaluatedRow,
  promptName,
  STATS_HEAD,
  statsColumns,
} from '../../shared/answers/cells';
import type { Perplexities } from '../../shared/answers/judge';
import { mean, median } from '../../shared/answers/statistics';
import { groupBy } from '../../shared/groupBy';
import type { Weight } from '../../shared/vectors/weight';

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
  by_instruction: ({ instruction_id: string } & CellStats)[];
}

/** The cells of a run, without the instruction first, each in the order of its rows. */
export function computeCells(rows: FormatRow[], perplexities?: Perplexities): FormatCell[] {
  return cellsOf(rows, CELL, ['instructed']).map(({ cell, rows: own, baseline }) => {
    const stats = (some: FormatRow[], base?: FormatRow[] | null) =>
      cellStats(some, base ?? null, { perplexities });
    const by_instruction = groupBy(own, idOf).map((some) => {
      const { instruction_id } = some[0];
      const base = baseline?.filter((row) => row.instruction_id === instruction_id);
      return { instruction_id, ...stats(some, base) };
    });
    return { ...cell, ...stats(own, baseline), by_instruction };
  });
}

/** All tables of a run. */
export function describeCells(cells: FormatCell[]): string {
  const parts = [byInstructionTable(cells), cellsTable(cells), layerComparison(cells)];
  return parts.filter(Boolean).join('\n\n');
}

/** All instructions together, a line per cell. */
export function cellsTable(cells: FormatCell[]): string {
  return formatTable(
    ['instruction', 'steering', 'weight', 'layer', ...STATS_HEAD],
    cells.map((cell) => [
      promptName(cell),
      cell.steering,
      cell.weight,
      cell.layers,
      ...statsColumns(cell),
    ]),
  );
}

/** The share that obeys, a line per instruction and a column per cell (fixed layers aside). */
function byInstructionTable(all: FormatCell[]): string {
  const cells = all.filter(({ layers }) => typeof layers !== 'number');
  const ids = [...new Set(cells.flatMap((cell) => cell.by_instruction.map(idOf)))].sort();
  const of = (cell: FormatCell, id: string) => cell.by_instruction.find((by) => idOf(by) === id);
  const column = ({ instructed, steering, weight }: FormatCell) =>
    `${instructed ? 'with' : 'without'}, ${steering}${weight === null ? '' : ` ${weight}`}`;
  return formatTable(
    ['share that obeys', 'n', ...cells.map(column)],
    [
      ...ids.map((id) => [
        id,
        of(cells[0], id)?.n,
        ...cells.map((cell) => percent(of(cell, id)?.accuracy ?? null)),
      ]),
      ['all', cells[0]?.n, ...cells.map(({ accuracy }) => percent(accuracy))],
    ],
  );
}

const idOf = ({ instruction_id }: { instruction_id: string }) => instruction_id;

/**
 * In words, per steering without the instruction in the prompt: each instruction at its selected
 * layer against the median of the fixed layers, where the run has both; instructions weigh the same.
 */
export function layerComparison(cells: FormatCell[]): string {
  const plain = cells.filter(({ instructed }) => !instructed);
  return plain
    .filter(({ layers }) => layers === 'selected')
    .flatMap((chosen) => {
      const fixed = plain.filter(
        (cell) =>
          typeof cell.layers === 'number' &&
          cell.steering === chosen.steering &&
          cell.weight === chosen.weight,
      );
      if (!fixed.length) return [];
      const medians = chosen.by_instruction.map(({ instruction_id: id }) =>
        median(
          fixed.flatMap((cell) => cell.by_instruction.filter((by) => idOf(by) === id).map(shareOf)),
        ),
      );
      const [own, other] = [chosen.by_instruction.map(shareOf), medians].map(mean);
      return [
        `${chosen.steering} without the instruction: ${percent(own)} at the selected layers, ` +
          `${percent(other)} at the median of layers ${fixed.map(({ layers }) => layers).join(', ')} ` +
          `(by instruction); best single layer ${percent(Math.max(...fixed.map(shareOf)))}.`,
      ];
    })
    .join('\n');
}

const shareOf = ({ accuracy }: CellStats) => accuracy;
