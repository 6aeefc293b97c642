/** What a report says, before it is laid out. */
import type { Table } from '../util/table';

/** One page about one run, or about several side by side. */
export interface Report {
  title: string;
  /** In a sentence, what was done: model, experiment. */
  summary: string;
  sections: Section[];
  /** Every answer, filterable; left out where a report has none. */
  answers?: AnswerTable;
  /** The runs it is about, each with all its settings. */
  runs: ReportedRun[];
}

export interface ReportedRun {
  name: string;
  /** Where it lies, as it was given. */
  folder: string;
  /** What a reader can copy to get the same run. */
  command: string;
  /** Everything in config.yaml, unchanged. */
  settings: Record<string, unknown>;
  /** Unfinished, skipped rows, answers without a perplexity: what the reader must know. */
  notices: string[];
}

export interface Section {
  /** Where a report is of several runs: which it is about. Sections of one part stand together. */
  part?: string;
  title: string;
  /** Paragraphs of plain text. */
  text?: string[];
  tables?: { title?: string; table: Table }[];
  figures?: Figure[];
}

/** A picture; also written as SVG and PNG, `figures/<id>.svg`. */
export interface Figure {
  /** `layer-curve`: lower case, digits and hyphens; one of each in a report. */
  id: string;
  title: string;
  /** What is drawn, what the bands and marks mean. */
  caption: string;
  /** Made by the functions of src/report/charts: vega-lite with the data in it. */
  spec: Record<string, unknown>;
}

export interface AnswerTable {
  /** The filters: what tells answers apart, such as cell, instruction. The verdict is always one. */
  filters: string[];
  rows: ReportedAnswer[];
}

export interface ReportedAnswer {
  /** Of the query: answers of one key stand side by side. */
  key: string;
  prompt: string;
  /** One value for each of `filters`. */
  values: string[];
  response: MarkedText;
  ok: boolean;
  /** Why, in IFEval's words; empty where no checker says. */
  evidence: string;
  perplexity?: number | null;
  tokens: number;
  /** The unsteered answer to the same prompt, by its place in `rows`; absent for that one itself. */
  unsteered?: number;
}

/** A text with the pieces that decided a verdict: [start, end) in UTF-16 units, ascending, apart. */
export interface MarkedText {
  text: string;
  marks: [start: number, end: number][];
}
