import * as path from 'node:path';
import { type ColumnOf, fixed, percent, type Table, tableOf } from '../../../src/util/table';
import { isMostlyBroken } from '../../shared/answers/broken';
import type { CellStats } from '../../shared/answers/cells';
import { excerpt, points, promptSection, statsColumns } from '../../shared/answers/tables';
import { type CustomCell, type CustomRow, isChecked } from './cells';

/** Columns that say nothing where answers were not checked. */
const OF_CHECKS = ['obeyed', '95 %', 'against none'];

/** The cells; without a check, what there is besides. */
export function cellsTable(cells: CustomCell[], wide: boolean): Table {
  const short = shortNames(cells);
  const checked = cells.every(isChecked);
  const stats = statsColumns(wide, cells as CellStats[]).map((column) => {
    // Tokens are all that is left to tell cells apart by.
    return !checked && column.name === 'tokens' ? { ...column, extra: false } : column;
  }) as unknown as ColumnOf<CustomCell>[];
  const columns: ColumnOf<CustomCell>[] = [
    { name: 'steering', label: true, cell: ({ steering }) => short(steering) },
    ...stats.filter(({ name }) => checked || !OF_CHECKS.includes(name)),
  ];
  return tableOf(columns, cells, promptSection);
}

/** Ways to steer without the folders and endings of their files, where that leaves them apart. */
export function shortNames(cells: CustomCell[]): (steering: string) => string {
  const names = new Set(cells.map(({ steering }) => steering));
  const shorten = (name: string) =>
    name
      .split(' + ')
      .map((edit) => path.posix.basename(edit).replace(/\.(safetensors|npz|gguf)(?=[:@]|$)/, ''))
      .join(' + ');
  const apart = new Set([...names].map(shorten)).size === names.size;
  return apart ? shorten : (name) => name;
}

/** In words: what the best way to steer does unasked, and one prompt answered in all ways. */
export function highlights(cells: CustomCell[], rows: CustomRow[]): string {
  const short = shortNames(cells);
  const plain = cells.filter((cell) => cell.instructed === cells[0].instructed);
  const [base, ...ways] = plain;
  const best = ways.filter((way) => !isMostlyBroken(way)).filter(isChecked);
  const top = best.length ? best.reduce((a, b) => (b.accuracy > a.accuracy ? b : a)) : undefined;
  const whether = base.instructed ? 'With' : 'Without';
  const lines = [
    top &&
      `${whether} the instruction, ${short(top.steering)}: ` +
        `${percent(base.accuracy)} → ${percent(top.accuracy)} obeyed (${points(top.gain!)} points), ` +
        `median perplexity ${fixed(base.median_perplexity)} → ${fixed(top.median_perplexity)}.`,
    !top &&
      best.length === 0 &&
      ways.some(isChecked) &&
      'Most steered answers are empty or repeat.',
    !isChecked(base) &&
      'Nothing was checked: check, regex or contains say what answers must be (--help).',
  ].filter(Boolean);
  const { key } = rows[0];
  const examples = plain.map(({ steering, instructed }) => {
    const row = rows.find(
      (one) => one.key === key && one.instructed === instructed && one.steering === steering,
    );
    return `  ${short(steering)}: ${excerpt(row?.response ?? '')}`;
  });
  return [...lines, '', `For example, "${rows[0].prompt}"`, ...examples].join('\n').trimStart();
}
