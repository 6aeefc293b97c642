/** Our cells beside the paper's. */
import { type ColumnOf, percent, type Table, tableOf } from '../../../src/util/table';
import { points } from '../../shared/answers/tables';
import { CELL_NAMES, type ComparedCell, type ComparedTable } from './paperCells';

/** A cell as results.json has it: shares from 0 to 1. */
export interface ResultCell {
  cell: string;
  /** Null where the run has no such cell. */
  ours: number | null;
  n: number | null;
  /** 95 %, of a bootstrap over queries. */
  interval: [number, number] | null;
  /** Null where nothing was published. */
  paper: number | null;
  /** Ours less the paper's. */
  difference: number | null;
  /** Whether the paper's lies in our interval. */
  paper_in_interval: boolean | null;
}

/** The paper gives percents with one digit. */
const ROUNDING = 0.0005 + 1e-9;

export function resultCell({ cell, ours, paper }: ComparedCell): ResultCell {
  const share = paper === null ? null : paper / 100;
  const [low, high] = ours?.accuracy_interval ?? [0, 0];
  const both = ours !== undefined && share !== null;
  return {
    cell,
    ours: ours?.accuracy ?? null,
    n: ours?.n ?? null,
    interval: ours?.accuracy_interval ?? null,
    paper: share,
    difference: both ? ours.accuracy - share : null,
    paper_in_interval: both ? share >= low - ROUNDING && share <= high + ROUNDING : null,
  };
}

/**
 * The final table; columns of the paper where it has numbers for the model. Parts of cells that it has
 * no numbers of stand in the wide one only.
 */
export function resultsTable(tables: ComparedTable[], hasPaper: boolean, wide = false): Table {
  const isShown = ({ cell, paper }: ComparedCell) =>
    wide || paper !== null || (CELL_NAMES as readonly string[]).includes(cell);
  const items = tables.flatMap((table) =>
    table.cells.filter(isShown).map((cell) => ({
      ...resultCell(cell),
      title: titleOf(table),
      paper_n: table.paper_n,
    })),
  );
  return resultsOf(items, hasPaper, wide);
}

/** A cell, and the table that it is of. */
export interface ResultItem extends ResultCell {
  title: string;
  /** Queries that the paper's numbers are of. */
  paper_n?: number | null;
}

/** The table of such cells. */
export function resultsOf(items: ResultItem[], hasPaper: boolean, wide: boolean): Table {
  type Item = ResultItem;
  const ours: ColumnOf<Item>[] = [
    { name: 'cell', label: true, cell: ({ cell }) => cell },
    { name: 'n', cell: ({ n }) => n },
    { name: 'ours', cell: (item) => percent(item.ours) },
    { name: '95 %', cell: ({ interval }) => interval && ends(interval, wide ? 1 : 0) },
  ];
  const theirs: ColumnOf<Item>[] = [
    { name: 'paper', cell: ({ paper }) => percent(paper) },
    { name: "the paper's n", extra: true, cell: ({ paper_n }) => paper_n },
    {
      name: 'differs',
      cell: ({ difference }) => (difference === null ? null : points(difference)),
    },
    {
      name: 'within',
      cell: ({ paper_in_interval: is }) => (is === null ? null : is ? 'yes' : 'no'),
    },
  ];
  return tableOf([...ours, ...(hasPaper ? theirs : [])], items, ({ title }) => title);
}

const ends = (interval: number[], digits: number) =>
  interval.map((share) => (100 * share).toFixed(digits)).join(' to ');

/** A table of the paper, with what its steered cells are steered by. */
export const titleOf = ({ name, steered_by }: Pick<ComparedTable, 'name' | 'steered_by'>) =>
  steered_by ? `${name} (steered: ${steered_by})` : name;
