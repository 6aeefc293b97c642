import type { Row } from '../../../src/runs/runFolder';
import { groupBy } from '../groupBy';
import type { Answer } from '../session';
import { isBroken } from './broken';
import {
  type BootstrapOptions,
  bootstrap,
  type Interval,
  mean,
  median,
  middle,
} from './statistics';

/** An answer, which may have been checked. */
export interface AnsweredRow extends Row, Answer {
  /** Of the query: rows of one key are paired across cells. */
  key: string;
  /** Whether the response obeys what is asked for, in the prompt or not; null: nothing was checked. */
  ok: boolean | null;
}

/** An answer that was checked. */
export interface ScoredRow extends AnsweredRow {
  ok: boolean;
}

/** What a row has in the experiments with one instruction. */
export interface EvaluatedRow extends ScoredRow {
  /** Whether the instruction was in the prompt. */
  instructed: boolean;
  /** `none`, or how it was steered. */
  steering: string;
}

export interface CellStats {
  n: number;
  accuracy: number;
  accuracy_interval: Interval;
  /** Against the unsteered cell with the same prompts; null for that cell itself. */
  gain: number | null;
  gain_interval: Interval | null;
  /** Over the answers that have one; null when none has, or nothing was judged. */
  mean_perplexity: number | null;
  /** Of the same answers. A single one can rule the mean: one that repeats itself, or is garbled. */
  median_perplexity: number | null;
  /** Answers with a perplexity. */
  n_perplexity: number;
  /** From 0 to 1, over the answers that have a score; null when none has, or none was asked for. */
  mean_quality: number | null;
  /** Answers with a score. */
  n_quality: number;
  mean_tokens: number;
  median_tokens: number;
  mean_chars: number;
  median_chars: number;
  /** Share of answers that hit the token limit. */
  cut_off: number;
  /** Share of answers that are empty or repeat themselves, see `isBroken`. */
  broken: number;
}

/** What judges say of answers, by row id; null where one has nothing to say. */
export interface Judgements {
  perplexities?: ReadonlyMap<string, number | null>;
  /** From 0 to 1. */
  qualities?: ReadonlyMap<string, number | null>;
}

export interface CellOptions<R> extends BootstrapOptions, Judgements {
  /** An answer of lower perplexity is broken; default: the paper's. */
  threshold?: number;
  /** What a row counts; default `ok`. */
  score?: (row: R) => boolean;
}

/** The rows of one cell, and those to hold them against. */
export interface CellRows<R, K extends keyof R> {
  /** What the rows have in common. */
  cell: Pick<R, K>;
  rows: R[];
  /** The unsteered rows with the same prompts; null for that cell itself. */
  baseline: R[] | null;
}

/**
 * Rows in cells, in the order of their first rows, those with fewer instructions in the prompt first.
 * @param names the columns that make a cell
 * @param prompts those of them that say what the prompt held: equal in a cell and its baseline
 */
export function cellsOf<R extends { steering: string }, K extends keyof R>(
  rows: R[],
  names: readonly K[],
  prompts: readonly (keyof R)[],
): CellRows<R, K>[] {
  const valuesOf = (row: R, keys: readonly (keyof R)[]) => JSON.stringify(keys.map((k) => row[k]));
  const unsteered = rows.filter(({ steering }) => steering === 'none');
  const cells = groupBy(rows, (row) => valuesOf(row, names)).map((members) => {
    const [first] = members;
    const prompt = valuesOf(first, prompts);
    const same = unsteered.filter((row) => valuesOf(row, prompts) === prompt);
    return {
      cell: Object.fromEntries(names.map((name) => [name, first[name]])) as Pick<R, K>,
      rows: members,
      baseline: first.steering === 'none' ? null : same,
      prompt,
    };
  });
  // `false` stands before `true`.
  return cells.sort((a, b) => a.prompt.localeCompare(b.prompt, 'en'));
}

/**
 * The figures of one cell, with 95 % percentile intervals from a paired bootstrap: queries (keys) are
 * drawn with replacement, the same draws for the cell and its baseline.
 * @param baseline the rows of the unsteered cell with the same prompts; null for that cell itself
 */
export function cellStats<R extends AnsweredRow>(
  rows: R[],
  baseline: R[] | null,
  options: CellOptions<R> = {},
): CellStats {
  const { score = ({ ok }) => ok === true } = options;
  const judged = (figures?: ReadonlyMap<string, number | null>) =>
    rows.map(({ id }) => figures?.get(id) ?? null).filter((value) => value !== null);
  const perplexities = judged(options.perplexities);
  const qualities = judged(options.qualities);
  const over = (value: (row: R) => number | boolean) => mean(rows.map((row) => Number(value(row))));
  const tokens = rows.map((row) => row.tokens);
  const chars = rows.map(({ response }) => response.trim().length);
  const accuracy = over(score);
  const draws = bootstrap(rows, baseline ?? [], score, options);
  const base = baseline && baseline.filter(score).length / baseline.length;
  return {
    n: rows.length,
    accuracy,
    accuracy_interval: middle(draws.map(([own]) => own)),
    gain: base === null ? null : accuracy - base,
    gain_interval: base === null ? null : middle(draws.map(([own, other]) => own - other)),
    mean_perplexity: perplexities.length ? mean(perplexities) : null,
    median_perplexity: perplexities.length ? median(perplexities) : null,
    n_perplexity: perplexities.length,
    mean_quality: qualities.length ? mean(qualities) : null,
    n_quality: qualities.length,
    mean_tokens: mean(tokens),
    median_tokens: median(tokens),
    mean_chars: mean(chars),
    median_chars: median(chars),
    cut_off: over(({ stopped }) => stopped === 'length'),
    broken: over((row) => isBroken(row, options.perplexities?.get(row.id), options.threshold)),
  };
}
