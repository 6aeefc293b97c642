/** What an experiment says of a run, for its report: see parts/figures.ts of each. */
import type { Span } from '../../../ifeval';
import type { Section } from '../../../src/report/types';
import type { Table } from '../../../src/util/table';
import type { CellStats, ScoredRow } from '../answers/cells';
import type { Results } from '../answers/readRun';

/** A cell as all reports show it. */
export interface ReportCell {
  /** What its prompts hold: `Without the instruction in the prompt`. */
  prompts: string;
  /** `none`, or how it was steered, without weight and layer. */
  steering: string;
  /** As in the config: `0.5x`, 20. */
  weight?: string | number | null;
  layer?: number | null;
  stats: CellStats;
}

/** What is said of one answer. */
export interface ReportedRow {
  /** Which answers are to the same query, in whatever cell. */
  key: string;
  /** One for each of the filters. */
  values: string[];
  /** Why it obeys or not. */
  evidence: string;
  /** The pieces of the response that decided, in their order. */
  marks: Span[];
}

export interface Described<R extends ScoredRow = ScoredRow> {
  /** Of the experiment: `Length`. */
  title: string;
  /** The script that makes such a run: `length/evaluate`. */
  script: string;
  /** In a sentence, what was asked and how it was steered. */
  summary: string;
  /** In the order of the table. */
  cells: ReportCell[];
  /** The cells as the run's end shows them, with all columns. */
  table: Table;
  /** The experiment's own sections; the cells, curves of layers and weights and lengths are every report's. */
  sections: Section[];
  /** What tells its answers apart, beside the cell. */
  filters: string[];
  /** The cell of a row, by its `prompts` and `howOf`. */
  cellOf(row: R): { prompts: string; how: string };
  rowOf(row: R): ReportedRow;
  /** What the reader must know. */
  notices: string[];
}

/** Arguments: a run as it lies in its folder, finished or not. */
export type Describe<R extends ScoredRow = never> = (run: Results<R>) => Described<R>;

/** How a cell was steered, in a few words: `add_vector 0.5x, layer 2`. */
export function howOf({ steering, weight, layer }: Omit<ReportCell, 'prompts' | 'stats'>): string {
  if (steering === 'none') return 'unsteered';
  const much = (weight ?? null) === null ? '' : ` ${weight}`;
  return `${steering}${much}${(layer ?? null) === null ? '' : `, layer ${layer}`}`;
}
