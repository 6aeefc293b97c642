import { type Cell, fixed, formatTable, percent } from '../../../src/util/table';
import {
  type CellStats,
  cellStats,
  type EvaluatedRow,
  groupBy,
  STATS_HEAD,
  statsColumns,
} from '../../shared/answers/cells';
import type { Perplexities } from '../../shared/answers/judge';

/** One line of a length run's `out.jsonl`. `ok`: it obeys the constraint, in the prompt or not. */
export interface LengthRow extends EvaluatedRow {
  n_sent: number;
  /** As it was added: in units of the activations, or of the mean difference's norm. */
  weight: number | null;
  weight_unit: 'absolute' | 'mean difference' | null;
  layer: number | null;
  prompt: string;
  sentences: number;
}

export interface LengthStats extends CellStats {
  accuracy_at_most_2: number;
  mean_sentences: number;
}

/** One cell of the summary: {instruction or not} × {unsteered, or a steering and weight}. */
export interface LengthCell
  extends Pick<LengthRow, 'instruction' | 'steering' | 'weight' | 'weight_unit' | 'layer'>,
    LengthStats {
  by_n_sent: ({ n_sent: number } & LengthStats)[];
}

/** The cells of a run, without the instruction first, each in the order of its rows. */
export function lengthCells(rows: LengthRow[], perplexities?: Perplexities): LengthCell[] {
  const groups = groupBy(rows, (row) =>
    JSON.stringify([row.instruction, row.steering, row.weight, row.weight_unit, row.layer]),
  );
  const baselines = rows.filter(({ steering }) => steering === 'none');
  return groups
    .map((members) => {
      const { instruction, steering, weight, weight_unit, layer } = members[0];
      const baseline = baselines.filter((row) => row.instruction === instruction);
      const stats = (some: LengthRow[]) => {
        const n = new Set(some.map(({ n_sent }) => n_sent));
        const base = steering === 'none' ? null : baseline.filter((row) => n.has(row.n_sent));
        return lengthStats(some, base, perplexities);
      };
      const by = groupBy(members, (row) => String(row.n_sent)).map((some) => ({
        n_sent: some[0].n_sent,
        ...stats(some),
      }));
      by.sort((a, b) => a.n_sent - b.n_sent);
      const cell = { instruction, steering, weight, weight_unit, layer };
      return { ...cell, ...stats(members), by_n_sent: by };
    })
    .sort((a, b) => Number(a.instruction) - Number(b.instruction));
}

function lengthStats(
  rows: LengthRow[],
  baseline: LengthRow[] | null,
  perplexities?: Perplexities,
): LengthStats {
  const atMost2 = rows.filter(({ sentences }) => sentences >= 1 && sentences <= 2);
  return {
    ...cellStats(rows, baseline, { perplexities }),
    accuracy_at_most_2: atMost2.length / rows.length,
    mean_sentences: rows.reduce((sum, { sentences }) => sum + sentences, 0) / rows.length,
  };
}

/** `20`, `0.5x`, or null: a weight as it is written in the config. */
export function weightText({ weight, weight_unit }: Pick<LengthCell, 'weight' | 'weight_unit'>) {
  return weight === null ? null : `${weight}${weight_unit === 'mean difference' ? 'x' : ''}`;
}

const HEAD = ['instruction', 'steering', 'weight', 'layer'];
const head = (cell: LengthCell): Cell[] => [
  cell.instruction ? 'in the prompt' : 'none',
  cell.steering,
  weightText(cell),
  cell.layer,
];

/** The four-cell table that `evaluate` prints; `obeyed` is the constraint's share. */
export function cellsTable(cells: LengthCell[]): string {
  return formatTable(
    [...HEAD, ...STATS_HEAD, 'at most 2', 'sentences'],
    cells.map((cell) => [
      ...head(cell),
      ...statsColumns(cell),
      percent(cell.accuracy_at_most_2),
      fixed(cell.mean_sentences),
    ]),
  );
}

/** One figure of every cell per requested number of sentences, and against no steering. */
export function byLengthTable(
  cells: LengthCell[],
  value: (stats: LengthStats) => number,
  show: (value: number) => string | null,
): string {
  const lengths = [...new Set(cells.flatMap((cell) => cell.by_n_sent.map((by) => by.n_sent)))];
  lengths.sort((a, b) => a - b);
  return formatTable(
    [...HEAD, ...lengths.map((n) => `n=${n}`), 'all', 'against none'],
    cells.map((cell) => {
      const base = cells.find((c) => c.instruction === cell.instruction && c.steering === 'none');
      const change = base && cell !== base ? value(cell) - value(base) : null;
      const change_text = change === null ? null : show(change);
      return [
        ...head(cell),
        ...lengths.map((n) => {
          const by = cell.by_n_sent.find(({ n_sent }) => n_sent === n);
          return by ? show(value(by)) : null;
        }),
        show(value(cell)),
        change !== null && change > 0 ? `+${change_text}` : change_text,
      ];
    }),
  );
}

/**
 * In words: for each steering, its weight with the greatest effect on length without the
 * instruction, and the same question answered without and with it.
 */
export function highlights(cells: LengthCell[], rows: LengthRow[]): string {
  const plain = cells.filter((cell) => !cell.instruction);
  const base = plain.find(({ steering }) => steering === 'none');
  if (!base) return '';
  const best = groupBy(
    plain.filter((cell) => cell !== base),
    ({ steering }) => steering,
  ).map((group) => group.reduce((a, b) => (effect(b, base) > effect(a, base) ? b : a)));
  const key = rows[0].key;
  const answer = (cell: LengthCell) => {
    const row = rows.find(
      (r) =>
        r.key === key &&
        !r.instruction &&
        r.steering === cell.steering &&
        r.layer === cell.layer &&
        weightText(r) === weightText(cell),
    );
    const text = row?.response.trim().replace(/\s+/g, ' ') ?? '';
    return text.length > 240 ? `${text.slice(0, 240)}…` : text;
  };
  const question = rows.find((row) => row.key === key && !row.instruction)?.prompt;
  const lines = best.map(
    (cell) =>
      `Without any instruction, ${nameOf(cell)}: ${fixed(base.mean_sentences, 1)} → ` +
      `${fixed(cell.mean_sentences, 1)} sentences; at most 2 sentences: ` +
      `${percent(base.accuracy_at_most_2)} → ${percent(cell.accuracy_at_most_2)}.`,
  );
  const examples = [base, ...best].map((cell) => `  ${nameOf(cell)}: ${answer(cell)}`);
  return [...lines, '', `For example, "${question}"`, ...examples].join('\n');
}

const effect = (cell: LengthCell, base: LengthCell) =>
  Math.abs(Math.log((cell.mean_sentences + 0.1) / (base.mean_sentences + 0.1)));
const nameOf = (cell: LengthCell) =>
  cell.steering === 'none'
    ? 'unsteered'
    : [cell.steering, weightText(cell)].filter((part) => part !== null).join(' at weight ');
