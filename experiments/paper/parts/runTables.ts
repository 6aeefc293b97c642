/** The analyses of answers, as tables. */
import { type ColumnOf, fixed, percent, type Table, tableOf } from '../../../src/util/table';
import { shortIds } from '../../format/parts/tables';
import { points, promptSection } from '../../shared/answers/tables';
import { CELL_NAMES } from './paperCells';
import type {
  CellTest,
  Change,
  ExclusionComparison,
  InstructionChange,
  ScatterPoint,
} from './runAnalyses';

/** A row per instruction: points won without it in the prompt, and with it. */
export function changesTable(rows: InstructionChange[]): Table {
  const nameOf = shortIds(rows.map(({ instruction_id }) => instruction_id));
  const interval = (change: Change | null) =>
    change?.change_interval.map((end) => points(end, 0)).join(' to ');
  const columns: ColumnOf<InstructionChange>[] = [
    { name: 'instruction', label: true, cell: (row) => nameOf(row.instruction_id) },
    { name: 'n', cell: ({ n }) => n },
    { name: 'without', cell: (row) => row.without && points(row.without.change) },
    { name: '95 %', cell: (row) => interval(row.without) },
    { name: 'with', cell: (row) => row.with && points(row.with.change) },
    { name: '95 % ', cell: (row) => interval(row.with) },
  ];
  return tableOf(columns, rows);
}

export function scatterTable(cells: ScatterPoint[]): Table {
  const columns: ColumnOf<ScatterPoint>[] = [
    { name: 'steering', label: true, cell: ({ steering }) => steering },
    { name: 'layer', label: true, cell: ({ layer }) => layer },
    { name: 'weight', label: true, cell: ({ weight }) => weight },
    { name: 'n', extra: true, cell: ({ n }) => n },
    { name: 'obeyed', cell: ({ accuracy }) => percent(accuracy) },
    { name: 'low perplexity', cell: ({ low_perplexity }) => percent(low_perplexity) },
    { name: 'median ppl', cell: ({ median_perplexity }) => fixed(median_perplexity) },
  ];
  return tableOf(columns, cells, promptSection);
}

export function exclusionTable(cells: ExclusionComparison[]): Table {
  const columns: ColumnOf<ExclusionComparison>[] = [
    { name: 'cell', label: true, cell: ({ cell }) => cell },
    { name: 'subtracted', cell: ({ subtraction }) => percent(subtraction) },
    { name: 'added', cell: ({ addition }) => percent(addition) },
    {
      name: 'difference',
      cell: ({ subtraction: a, addition: b }) => (a === null || b === null ? null : points(b - a)),
    },
    { name: 'p', cell: ({ test }) => test && pText(test.p) },
  ];
  return tableOf(columns, cells);
}

/** Of each table, the tests that are about steering; all of them where there is room. */
export function testsTable(tests: CellTest[], wide: boolean): Table {
  const shown = tests.filter(({ first, second }) => wide || ABOUT_STEERING.get(first) === second);
  const columns: ColumnOf<CellTest>[] = [
    { name: 'first', label: true, cell: ({ first }) => first },
    { name: 'second', label: true, cell: ({ second }) => second },
    { name: 'n', cell: ({ n }) => n },
    { name: 'first alone', cell: ({ first_only }) => first_only },
    { name: 'second alone', cell: ({ second_only }) => second_only },
    { name: 'p', cell: ({ p }) => pText(p) },
  ];
  return tableOf(columns, shown, ({ table, steered_by }) =>
    steered_by ? `${table} (${steered_by})` : table,
  );
}

const [none, steered, instruction, both] = CELL_NAMES;
/** Which cell each is shown against. */
const ABOUT_STEERING = new Map<string, string>([
  [none, steered],
  [steered, instruction],
  [instruction, both],
]);

/** 0.0312 → `0.031`; what is smaller than 0.001 in one digit. */
const pText = (p: number) => (p < 0.001 ? p.toExponential(0) : p.toFixed(3));
