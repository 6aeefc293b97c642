import { type Cell, fixed, formatTable, percent } from '../../../src/util/table';
import {
  type CellStats,
  cellStats,
  cellsOf,
  type EvaluatedRow,
  excerpt,
  promptName,
  STATS_HEAD,
  statsColumns,
} from '../../shared/answers/cells';
import type { Perplexities } from '../../shared/answers/judge';
import { mean } from '../../shared/answers/statistics';
import { groupBy } from '../../shared/groupBy';
import type { LengthConstraint } from './phrasings';

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

const CELL = ['instructed', 'steering', 'weight', 'weight_unit', 'layer'] as const;

/** One cell of the summary: {instruction or not} × {unsteered, or a steering and weight}. */
export interface LengthCell extends Pick<LengthRow, (typeof CELL)[number]>, LengthStats {
  by_n_sent: ({ n_sent: number } & LengthStats)[];
}

/** The cells of a run, without the instruction first, each in the order of its rows. */
export function computeCells(rows: LengthRow[], perplexities?: Perplexities): LengthCell[] {
  return cellsOf(rows, CELL, ['instructed']).map(({ cell, rows: own, baseline }) => {
    const stats = (some: LengthRow[]) => {
      const n = new Set(some.map(({ n_sent }) => n_sent));
      const base = baseline?.filter((row) => n.has(row.n_sent));
      return lengthStats(some, base ?? null, perplexities);
    };
    const by_n_sent = groupBy(own, (row) => String(row.n_sent))
      .map((some) => ({ n_sent: some[0].n_sent, ...stats(some) }))
      .sort((a, b) => a.n_sent - b.n_sent);
    return { ...cell, ...stats(own), by_n_sent };
  });
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
    mean_sentences: mean(rows.map(({ sentences }) => sentences)),
  };
}

/** Whether a response of so many sentences obeys the constraint. An empty one obeys none. */
export function satisfies(constraint: LengthConstraint, n: number, sentences: number): boolean {
  if (sentences === 0) return false;
  if (constraint === 'at_most') return sentences <= n;
  return constraint === 'at_least' ? sentences >= n : sentences === n;
}

/** `20`, `0.5x`, or null: a weight as it is written in the config. */
export function weightText({ weight, weight_unit }: Pick<LengthCell, 'weight' | 'weight_unit'>) {
  return weight === null ? null : `${weight}${weight_unit === 'mean difference' ? 'x' : ''}`;
}

const HEAD = ['instruction', 'steering', 'weight', 'layer'];
const head = (cell: LengthCell): Cell[] => [
  promptName(cell),
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
      const base = cells.find((c) => c.instructed === cell.instructed && c.steering === 'none');
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
  const plain = cells.filter((cell) => !cell.instructed);
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
        !r.instructed &&
        r.steering === cell.steering &&
        r.layer === cell.layer &&
        weightText(r) === weightText(cell),
    );
    return excerpt(row?.response ?? '');
  };
  const question = rows.find((row) => row.key === key && !row.instructed)?.prompt;
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
