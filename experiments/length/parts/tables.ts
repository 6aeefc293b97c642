import { type ColumnOf, fixed, percent, type Table, tableOf } from '../../../src/util/table';
import { isMostlyBroken } from '../../shared/answers/broken';
import { excerpt, promptSection, signed, statsColumns } from '../../shared/answers/tables';
import { groupBy } from '../../shared/groupBy';
import { type LengthCell, type LengthRow, type LengthStats, weightText } from './cells';

const LABELS: ColumnOf<LengthCell>[] = [
  { name: 'steering', label: true, cell: ({ steering }) => steering },
  { name: 'weight', label: true, cell: weightText },
  { name: 'layer', label: true, cell: ({ layer }) => layer },
];

/** The four cells; `obeyed` is the constraint's share. */
export function cellsTable(cells: LengthCell[], wide: boolean): Table {
  const columns: ColumnOf<LengthCell>[] = [
    ...LABELS,
    ...statsColumns(wide, cells),
    { name: '≤ 2 sentences', extra: true, cell: (cell) => percent(cell.accuracy_at_most_2) },
    { name: 'sentences', cell: ({ mean_sentences }) => fixed(mean_sentences) },
  ];
  return tableOf(columns, cells, promptSection);
}

/** A figure of every cell per requested number of sentences. */
export interface Figure {
  name: string;
  of(stats: LengthStats): number;
  digits: number;
}

/** The figures that `load_results` shows by the number of sentences asked for. */
export const figures = (constraint: string, wide: boolean): Figure[] => [
  {
    name: `Obeyed "${constraint.replace('_', ' ')} n sentences", in percent`,
    of: ({ accuracy }) => 100 * accuracy,
    digits: wide ? 1 : 0,
  },
  { name: 'Sentences, mean', of: ({ mean_sentences }) => mean_sentences, digits: 2 },
  { name: 'Characters, mean', of: ({ mean_chars }) => mean_chars, digits: 0 },
];

/** One figure per requested number of sentences, over all of them, and against no steering. */
export function byLengthTable(cells: LengthCell[], { of, digits }: Figure): Table {
  const lengths = [...new Set(cells.flatMap((cell) => cell.by_n_sent.map((by) => by.n_sent)))];
  lengths.sort((a, b) => a - b);
  const at = (cell: LengthCell, n: number) => {
    const by = cell.by_n_sent.find(({ n_sent }) => n_sent === n);
    return by ? of(by) : null;
  };
  const change = (cell: LengthCell) => {
    const base = cells.find((c) => c.instructed === cell.instructed && c.steering === 'none');
    return base && base !== cell ? signed(of(cell) - of(base), digits) : null;
  };
  const columns: ColumnOf<LengthCell>[] = [
    ...LABELS,
    ...lengths.map((n) => ({
      name: `n=${n}`,
      cell: (cell: LengthCell) => fixed(at(cell, n), digits),
    })),
    { name: 'all', cell: (cell) => fixed(of(cell), digits) },
    { name: 'against none', cell: change },
  ];
  return tableOf(columns, cells, promptSection);
}

/**
 * In words: for each steering, its weight with the greatest effect on length without the
 * instruction, and the same question answered without and with it. Weights that leave mostly empty or
 * repeating answers do not count: their lengths are no effect.
 */
export function highlights(cells: LengthCell[], rows: LengthRow[]): string {
  const plain = cells.filter((cell) => !cell.instructed);
  const base = plain.find(({ steering }) => steering === 'none');
  if (!base) return '';
  const steerings = groupBy(
    plain.filter((cell) => cell !== base),
    ({ steering }) => steering,
  );
  const best = steerings.flatMap((group) => {
    const sound = group.filter((cell) => !isMostlyBroken(cell));
    return sound.length
      ? [sound.reduce((a, b) => (effect(b, base) > effect(a, base) ? b : a))]
      : [];
  });
  const key = rows[0].key;
  const answer = (cell: LengthCell) => {
    const row = rows.find(
      (r) =>
        r.key === key &&
        !r.instructed &&
        r.steering === cell.steering &&
        r.layer === cell.layer &&
        weightText(r) === weightText(cell),
    );
    return excerpt(row?.response ?? '');
  };
  const question = rows.find((row) => row.key === key && !row.instructed)?.prompt;
  const lines = steerings.map(([{ steering }]) => {
    const cell = best.find((one) => one.steering === steering);
    if (!cell) {
      return `Without any instruction, ${steering}: most answers are empty or repeat themselves.`;
    }
    return (
      `Without any instruction, ${howOf(cell, cells)}: ${fixed(base.mean_sentences, 1)} → ` +
      `${fixed(cell.mean_sentences, 1)} sentences; at most 2 sentences: ` +
      `${percent(base.accuracy_at_most_2)} → ${percent(cell.accuracy_at_most_2)}.`
    );
  });
  const examples = [base, ...best].map((cell) => `  ${howOf(cell, cells)}: ${answer(cell)}`);
  return [...lines, '', `For example, "${question}"`, ...examples].join('\n');
}

const effect = (cell: LengthCell, base: LengthCell) =>
  Math.abs(Math.log((cell.mean_sentences + 0.1) / (base.mean_sentences + 0.1)));

/** `add_vector_verbosity at weight 1x`; with the layer where the cells have several. */
function howOf(cell: LengthCell, cells: LengthCell[]): string {
  if (cell.steering === 'none') return 'unsteered';
  const layers = new Set(cells.flatMap(({ layer }) => layer ?? []));
  const weight = weightText(cell);
  const at = [weight && `weight ${weight}`, layers.size > 1 && `layer ${cell.layer}`];
  return [cell.steering, at.filter(Boolean).join(', ')].filter(Boolean).join(' at ');
}
