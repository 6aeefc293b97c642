import { formatTable, percent } from '../../../src/util/table';
import {
  type CellStats,
  cellStats,
  type EvaluatedRow,
  groupBy,
  mean,
  median,
  STATS_HEAD,
  statsColumns,
} from '../../shared/answers/cells';
import type { Perplexities } from '../../shared/answers/judge';
import type { Weight } from '../../shared/vectors/vectorFile';

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

/** One cell of the summary: {instruction in the prompt or not} × {unsteered, or a steering}. */
export interface FormatCell
  extends Pick<FormatRow, 'instruction' | 'steering' | 'layers' | 'weight'>,
    CellStats {
  by_instruction: ({ instruction_id: string } & CellStats)[];
}

/** The cells of a run, without the instruction first, each in the order of its rows. */
export function formatCells(rows: FormatRow[], perplexities?: Perplexities): FormatCell[] {
  const groups = groupBy(rows, (row) =>
    JSON.stringify([row.instruction, row.steering, row.layers, row.weight]),
  );
  const unsteered = rows.filter(({ steering }) => steering === 'none');
  return groups
    .map((members) => {
      const { instruction, steering, layers, weight } = members[0];
      const baseline = unsteered.filter((row) => row.instruction === instruction);
      const stats = (some: FormatRow[], base: FormatRow[]) =>
        cellStats(some, steering === 'none' ? null : base, { perplexities });
      const by_instruction = groupBy(members, (row) => row.instruction_id).map((some) => {
        const { instruction_id } = some[0];
        const base = baseline.filter((row) => row.instruction_id === instruction_id);
        return { instruction_id, ...stats(some, base) };
      });
      const cell = { instruction, steering, layers, weight };
      return { ...cell, ...stats(members, baseline), by_instruction };
    })
    .sort((a, b) => Number(a.instruction) - Number(b.instruction));
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
      cell.instruction ? 'in the prompt' : 'none',
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
  const column = ({ instruction, steering, weight }: FormatCell) =>
    `${instruction ? 'with' : 'without'}, ${steering}${weight === null ? '' : ` ${weight}`}`;
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
  const plain = cells.filter(({ instruction }) => !instruction);
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
