import type { Row } from '../../../src/runs/runFolder';
import { seededRandom } from '../../../src/util/random';
import { fixed, percent, type Cell as TableCell } from '../../../src/util/table';
import type { Answer } from '../session';

/** An answer that was checked. */
export interface ScoredRow extends Row, Answer {
  /** Of the query: rows of one key are paired across cells. */
  key: string;
  /** Whether the response obeys what is asked for, in the prompt or not. */
  ok: boolean;
}

/** What a row has in the experiments with one instruction. */
export interface EvaluatedRow extends ScoredRow {
  /** Whether the instruction was in the prompt. */
  instruction: boolean;
  /** `none`, or how it was steered. */
  steering: string;
}

/** From a low to a high end: 95 % of bootstrap draws lie between. */
export type Interval = [number, number];

export interface CellStats {
  n: number;
  accuracy: number;
  accuracy_interval: Interval;
  /** Against the unsteered cell with the same prompts; null for that cell itself. */
  gain: number | null;
  gain_interval: Interval | null;
  /** Over the answers that have one; null when none has, or nothing was judged. */
  mean_perplexity: number | null;
  /** Answers with a perplexity. */
  n_perplexity: number;
  mean_tokens: number;
  mean_chars: number;
  /** Share of answers that hit the token limit. */
  cut_off: number;
}

export interface CellOptions<R> {
  /** By row id; null where there is nothing to judge. */
  perplexities?: ReadonlyMap<string, number | null>;
  /** What a row counts; default `ok`. */
  score?: (row: R) => boolean;
  /** Bootstrap draws; default 2000. */
  draws?: number;
  seed?: number;
}

/**
 * The figures of one cell, with 95 % percentile intervals from a paired bootstrap: queries (keys) are
 * drawn with replacement, the same draws for the cell and its baseline.
 * @param baseline the rows of the unsteered cell with the same prompts; null for that cell itself
 */
export function cellStats<R extends ScoredRow>(
  rows: R[],
  baseline: R[] | null,
  options: CellOptions<R> = {},
): CellStats {
  const { perplexities, score = ({ ok }) => ok } = options;
  const judged = rows
    .map(({ id }) => perplexities?.get(id) ?? null)
    .filter((value) => value !== null);
  const over = (value: (row: R) => number | boolean) => mean(rows.map((row) => Number(value(row))));
  const accuracy = over(score);
  const draws = bootstrap(rows, baseline ?? [], score, options);
  const base = baseline && baseline.filter(score).length / baseline.length;
  return {
    n: rows.length,
    accuracy,
    accuracy_interval: middle(draws.map(([own]) => own)),
    gain: base === null ? null : accuracy - base,
    gain_interval: base === null ? null : middle(draws.map(([own, other]) => own - other)),
    mean_perplexity: judged.length ? mean(judged) : null,
    n_perplexity: judged.length,
    mean_tokens: over(({ tokens }) => tokens),
    mean_chars: over(({ response }) => response.trim().length),
    cut_off: over(({ stopped }) => stopped === 'length'),
  };
}

/** [accuracy of the rows, of the baseline] for each draw of keys. */
function bootstrap<R extends ScoredRow>(
  rows: R[],
  baseline: R[],
  score: (row: R) => boolean,
  { draws = 2000, seed = 0 }: CellOptions<R>,
): [number, number][] {
  // Sorted: the draws must not depend on the order in which rows were finished.
  const keys = [...new Set([...rows, ...baseline].map(({ key }) => key))].sort();
  const [own, other] = [rows, baseline].map((some) => countByKey(some, keys, score));
  const random = seededRandom(seed);
  return Array.from({ length: draws }, () => {
    const drawn = keys.map(() => Math.floor(random() * keys.length));
    return [share(own, drawn), share(other, drawn)];
  });
}

/** For each key: rows that score, and rows. */
function countByKey<R extends ScoredRow>(rows: R[], keys: string[], score: (row: R) => boolean) {
  const index = new Map(keys.map((key, i) => [key, i]));
  const counts = keys.map(() => ({ good: 0, all: 0 }));
  for (const row of rows) {
    const count = counts[index.get(row.key)!];
    count.all++;
    if (score(row)) count.good++;
  }
  return counts;
}

function share(counts: { good: number; all: number }[], drawn: number[]): number {
  let [good, all] = [0, 0];
  for (const i of drawn) {
    good += counts[i].good;
    all += counts[i].all;
  }
  return all ? good / all : 0;
}

/** The middle 95 %. */
function middle(values: number[]): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (quantile: number) => sorted[Math.round(quantile * (sorted.length - 1))];
  return [at(0.025), at(0.975)];
}

export const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The middle value; of an even number of them, the mean of the two in the middle. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}

/** Rows in groups, in the order of their first rows. */
export function groupBy<T>(items: T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return [...groups.values()];
}

/** The columns that every table of cells has. */
export const STATS_HEAD = ['n', 'obeyed', '95 %', 'against none', 'perplexity', 'tokens'];

export function statsColumns(stats: CellStats): TableCell[] {
  const { gain, gain_interval } = stats;
  return [
    stats.n,
    percent(stats.accuracy),
    interval(stats.accuracy_interval),
    gain === null ? null : `${points(gain)} [${gain_interval!.map(points).join(', ')}]`,
    fixed(stats.mean_perplexity),
    fixed(stats.mean_tokens, 0),
  ];
}

const interval = ([low, high]: Interval) =>
  `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)}`;
const points = (share: number) => `${share > 0 ? '+' : ''}${(100 * share).toFixed(1)}`;
