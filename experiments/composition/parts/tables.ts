import { type ColumnOf, fixed, percent, type Table, tableOf } from '../../../src/util/table';
import { shortIds } from '../../format/parts/tables';
import type { CellStats } from '../../shared/answers/cells';
import { mean } from '../../shared/answers/statistics';
import { points, qualityColumns, shortPercent } from '../../shared/answers/tables';
import { groupBy } from '../../shared/groupBy';
import type { CompositionCell, CompositionRow } from './cells';

/** What is obeyed in each cell, and what changed against the unsteered cell of the same prompts. */
export function cellsTable(cells: CompositionCell[]): Table {
  const columns: ColumnOf<CompositionCell>[] = [
    { name: 'steering', label: true, cell: ({ steering }) => steering },
    { name: 'n', extra: true, cell: ({ both }) => both.n },
    { name: 'format', cell: ({ format }) => change(format) },
    { name: 'length', cell: ({ length }) => change(length) },
    { name: 'both', cell: ({ both }) => change(both) },
    { name: 'sentences', extra: true, cell: ({ mean_sentences }) => fixed(mean_sentences) },
    { name: 'words', extra: true, cell: ({ mean_words }) => fixed(mean_words, 0) },
    { name: 'median ppl', cell: ({ both }) => fixed(both.median_perplexity) },
    { name: 'mean ppl', extra: true, cell: ({ both }) => fixed(both.mean_perplexity) },
    ...qualityColumns(cells.map(({ both }) => both)).map(({ cell, ...column }) => {
      return { ...column, cell: ({ both }: CompositionCell) => cell(both) };
    }),
  ];
  return tableOf(columns, cells, promptSection);
}

/** The share that obeys both, a row per format and a column per way to steer. */
export function byFormatTable(rows: CompositionRow[], wide: boolean): Table {
  const nameOf = shortIds(rows.map(({ instruction_id }) => instruction_id));
  const hows = [...new Set(rows.map(({ steering }) => steering))];
  const groups = groupBy(rows, (row) => JSON.stringify([promptSection(row), row.instruction_id]));
  groups.sort(([a], [b]) => a.instruction_id.localeCompare(b.instruction_id, 'en'));
  const obeyed = (group: CompositionRow[], how: string) => {
    const some = group.filter(({ steering }) => steering === how);
    return some.length ? mean(some.map(({ ok }) => Number(ok))) : null;
  };
  const columns: ColumnOf<CompositionRow[]>[] = [
    {
      name: 'format',
      label: true,
      cell: ([{ instruction_id: id }]) => (wide ? id : nameOf(id)),
    },
    { name: 'n', cell: (group) => group.filter(({ steering }) => steering === hows[0]).length },
    ...hows.map((how) => ({
      name: how,
      cell: (group: CompositionRow[]) => shortPercent(obeyed(group, how), wide),
    })),
  ];
  return tableOf(columns, groups, ([row]) => promptSection(row));
}

/** `48.1 % (+48)`: the share, and the points won against the unsteered cell. */
const change = ({ accuracy, gain }: CellStats) =>
  `${percent(accuracy)}${gain === null ? '' : ` (${points(gain, 0)})`}`;

type Prompt = Pick<CompositionRow, 'format_instruction' | 'length_instruction'>;

/** The section of a table that a cell belongs to. */
export function promptSection({
  format_instruction: format,
  length_instruction: length,
}: Prompt): string {
  if (format !== length) return `${format ? 'Format' : 'Length'} instruction in the prompt`;
  return `${format ? 'Both instructions' : 'No instruction'} in the prompt`;
}
