/** What the tables of all experiments have in common. */
import { type ColumnOf, fixed, percent } from '../../../src/util/table';
import type { CellStats } from './cells';

/**
 * The figures that every cell has; its quality where that was asked for.
 * @param cells of the table
 */
export function statsColumns(wide: boolean, cells: CellStats[]): ColumnOf<CellStats>[] {
  return [
    { name: 'n', extra: true, cell: ({ n }) => n },
    { name: 'obeyed', cell: ({ accuracy }) => percent(accuracy) },
    { name: '95 %', extra: true, cell: accuracyInterval },
    { name: 'against none', cell: (stats) => gain(stats, wide ? 1 : 0) },
    { name: 'median ppl', cell: ({ median_perplexity }) => fixed(median_perplexity) },
    { name: 'mean ppl', extra: true, cell: ({ mean_perplexity }) => fixed(mean_perplexity) },
    ...qualityColumns(cells),
    { name: 'tokens', extra: true, cell: ({ mean_tokens }) => fixed(mean_tokens, 0) },
    { name: 'cut off', extra: true, cell: ({ cut_off }) => percent(cut_off) },
  ];
}

/** None where no answer has a score: most runs are not judged. */
export function qualityColumns(cells: CellStats[]): ColumnOf<CellStats>[] {
  if (!cells.some(({ n_quality }) => n_quality)) return [];
  return [
    { name: 'quality', cell: ({ mean_quality }) => fixed(mean_quality) },
    { name: 'scored', extra: true, cell: ({ n_quality }) => n_quality },
  ];
}

const accuracyInterval = ({ accuracy_interval: [low, high] }: CellStats) =>
  `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)}`;

/** `+12.0 [+6, +18]`: points won against the unsteered cell, with their interval. */
function gain({ gain: won, gain_interval }: CellStats, digits: number): string | null {
  if (won === null) return null;
  return `${points(won)} [${gain_interval!.map((end) => points(end, digits)).join(', ')}]`;
}

/** 0.4 → `+40.0`: a difference of shares, in points. */
export const points = (share: number, digits = 1) => signed(100 * share, digits);

/** 1.5 → `+1.5`; what rounds to 0 has no sign. */
export function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  if (Number(text) === 0) return text.replace('-', '');
  return value > 0 ? `+${text}` : text;
}

/** The section of a table that a cell belongs to. */
export const promptSection = ({ instructed }: { instructed: boolean }) =>
  `${instructed ? 'With' : 'Without'} the instruction in the prompt`;

/** A share in narrow columns, as whole percents: `46`; else `46.7 %`. */
export const shortPercent = (share: number | null, wide: boolean) =>
  wide || share === null ? percent(share) : fixed(100 * share, 0);

/** A response on one line, cut where it is too long to read. */
export function excerpt(response: string): string {
  const text = response.trim().replace(/\s+/g, ' ') || '(empty)';
  return text.length > 240 ? `${text.slice(0, 240)}…` : text;
}
