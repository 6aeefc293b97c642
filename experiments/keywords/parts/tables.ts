import { type ColumnOf, percent, type Table, tableOf } from '../../../src/util/table';
import { isBroken } from '../../shared/answers/broken';
import { excerpt, promptSection, statsColumns } from '../../shared/answers/tables';
import type { GridCell, KeywordCell, KeywordRow } from './cells';

const LABELS: ColumnOf<KeywordCell>[] = [
  { name: 'steering', label: true, cell: ({ steering }) => steering },
  { name: 'layer', label: true, cell: ({ layer }) => layer },
  { name: 'weight', label: true, cell: ({ weight }) => weight },
];

/** The four cells; `obeyed` is the share with the words (existence) or without (forbidden). */
export const cellsTable = (cells: KeywordCell[], wide: boolean): Table =>
  tableOf<KeywordCell>([...LABELS, ...statsColumns(wide, cells)], cells, promptSection);

/** The cells of a (layer, weight) grid, with what makes one the best. */
export function gridTable(cells: GridCell[], wide: boolean): Table {
  const columns: ColumnOf<GridCell>[] = [
    ...LABELS,
    ...statsColumns(wide, cells),
    { name: 'degenerate', cell: ({ degenerate }) => percent(degenerate) },
  ];
  return tableOf(columns, cells, promptSection);
}

/**
 * A query answered in each cell without the instruction: one that steering changed, where there is, and
 * not by leaving nothing to read (an empty answer avoids every word).
 */
export function example(cells: KeywordCell[], rows: KeywordRow[]): string {
  const plain = rows.filter(({ instructed }) => !instructed);
  const changed = plain.find((after) => {
    const { key, steering, ok, words } = after;
    const before = plain.find(
      (row) => row.steering === 'none' && row.key === key && `${row.words}` === `${words}`,
    );
    return steering !== 'none' && ok && !isBroken(after) && before && !before.ok;
  });
  const shown = changed ?? plain[0];
  if (!shown) return '';
  const same = plain.filter(
    ({ key, words }) => key === shown.key && `${words}` === `${shown.words}`,
  );
  const lines = cells.flatMap(({ instructed, steering, layer, weight }) => {
    const row = same.find(
      (one) => one.steering === steering && one.layer === layer && one.weight === weight,
    );
    if (instructed || !row) return [];
    const how =
      steering === 'none'
        ? 'unsteered'
        : [steering, layer, weight].filter((x) => x !== null).join(' ');
    return [`  ${how}: ${excerpt(row.response)}`];
  });
  return [`For example, "${shown.prompt}" (${shown.words.join(', ')})`, ...lines].join('\n');
}
