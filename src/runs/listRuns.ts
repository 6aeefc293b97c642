import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../util/errors';
import { systemReason } from '../util/files';
import { isMap } from './config';
import { type Row, readRun } from './runFolder';

/** What a run's best way to steer achieves, without any instruction in the prompt where it has that. */
export interface MainFigures {
  /** Whether the instruction is in the prompt. */
  instructed: boolean;
  /** Share that obeys without steering; null where the run has no such answers. */
  unsteered: number | null;
  /** The largest share that obeys with steering; null where the run steers nowhere. */
  steered: number | null;
  /** How that was steered: `add_vector_conciseness, weight 1x, layer 0`. */
  how: string;
  /** Of the same answers, from 0 to 1, where a judge was asked. */
  quality?: { unsteered: number | null; steered: number | null };
}

/** A run folder, finished or not, or what is left of one. */
export interface ListedRun {
  folder: string;
  experiment: string;
  model: string;
  /** Below the model's folder: `default`, `layer_search/default`. */
  name: string;
  finished: boolean;
  /** What makes the folder unusable, or null. */
  problem: string | null;
  /** Finished rows. */
  rows: number;
  /** How many there are to be; null where that is not known. */
  planned: number | null;
  /** When it was last written to, in milliseconds since 1970. */
  written: number;
  config: Record<string, unknown>;
  /** The settings that set it apart from the other runs of its experiment and model. */
  differs: Record<string, unknown>;
  /** Null for an unfinished run, and for one whose summary has none. */
  figures: MainFigures | null;
  /** Its report.html, where there is one. */
  report: string | null;
}

const OF_A_RUN = ['config.yaml', 'out.jsonl', 'summary.json'];

/** They say where a run is, not what it is. */
const NO_DIFFERENCE = ['name', 'output_path', 'dry_run', 'judge', 'planned_rows'];

/**
 * All runs below a folder of results, by experiment, model and time. Nothing is changed, and a
 * damaged run is listed with what is wrong.
 * @param root `output_path` of the runs, or a folder in it
 * @throws InputError when there is no such folder, or it can't be read
 */
export function listRuns(root: string): ListedRun[] {
  if (!isReadable(root)) throw new InputError(`There is no folder ${root} that can be read.`);
  const runs = findRunFolders(root).map((folder) => describeRun(root, folder));
  const place = ({ experiment, model }: ListedRun) => `${experiment}\n${model}`;
  runs.sort((a, b) => place(a).localeCompare(place(b), 'en') || a.written - b.written);
  for (const run of runs) {
    const others = runs.filter((other) => kindOf(other) === kindOf(run));
    run.differs = differences(run, others);
  }
  return runs;
}

/** Folders that hold runs; what lies in a run (perplexities) is no run of its own. */
function findRunFolders(folder: string): string[] {
  const entries = fs.readdirSync(folder, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  if (files.some((name) => OF_A_RUN.includes(name))) return [folder];
  return entries
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const inner = path.join(folder, name);
      // One that can't be read is listed as a run with that problem.
      return isReadable(inner) ? findRunFolders(inner) : [inner];
    });
}

function isReadable(folder: string): boolean {
  try {
    fs.accessSync(folder, fs.constants.R_OK | fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function describeRun(root: string, folder: string): ListedRun {
  const run: ListedRun = {
    folder,
    ...{ experiment: '', model: '', name: path.basename(folder) },
    ...{ finished: false, problem: null, rows: 0, planned: null, written: 0 },
    ...{ config: {}, differs: {}, figures: null, report: null },
  };
  try {
    run.written = Math.max(...OF_A_RUN.map((name) => timeOf(path.join(folder, name))));
    const { config, rows } = readRun<Row>(folder);
    run.config = isMap(config) ? config : {};
    run.rows = rows.length;
    const { planned_rows: planned } = run.config;
    run.planned = typeof planned === 'number' ? planned : null;
    const summary = readSummary(path.join(folder, 'summary.json'));
    run.finished = summary !== undefined;
    run.figures = mainFigures(summary);
    const report = path.join(folder, 'report.html');
    if (fs.existsSync(report)) run.report = report;
  } catch (error) {
    const reason = systemReason(error);
    run.problem = reason ?? (error instanceof Error ? error.message : String(error));
  }
  return { ...run, ...placeOf(root, run) };
}

const timeOf = (file: string) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** `<output_path>/<experiment>/<model>/<name>`, whichever of these folders the root is. */
function placeOf(root: string, { folder, config }: ListedRun) {
  const whole = path.resolve(folder).split(path.sep);
  const base = path.basename(String(config.output_path ?? ''));
  const recorded = base ? whole.slice(whole.lastIndexOf(base) + 1) : [];
  const given = path.relative(root, folder).split(path.sep);
  const enough = (parts: string[]) => parts.length >= 3 && parts.length < whole.length;
  const [experiment, model, ...name] = [recorded, given].find(enough) ?? whole.slice(-3);
  return { experiment, model, name: name.join('/') };
}

/** @returns undefined when there is none: the run is not finished. @throws InputError when damaged */
function readSummary(file: string): unknown {
  if (!fs.existsSync(file)) return undefined;
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    throw new InputError(`${file} is damaged: the same command again writes it anew.`);
  }
}

/** Of the cells in a summary; those of a composition count what obeys both instructions. */
function mainFigures(summary: unknown): MainFigures | null {
  if (!isMap(summary) || !Array.isArray(summary.cells)) return null;
  const cells = summary.cells.filter(isMap).flatMap((cell) => {
    const { accuracy, mean_quality } = isMap(cell.both) ? cell.both : cell;
    const quality = typeof mean_quality === 'number' ? mean_quality : null;
    const instructed = isInstructed(cell);
    return typeof accuracy === 'number' ? [{ cell, accuracy, quality, instructed }] : [];
  });
  const instructed = cells.every((cell) => cell.instructed);
  const own = cells.filter((cell) => cell.instructed === instructed);
  const none = own.find(({ cell }) => cell.steering === 'none');
  const steered = own.filter((one) => one !== none);
  const best = steered.length ? steered.reduce((a, b) => (b.accuracy > a.accuracy ? b : a)) : null;
  const quality = { unsteered: none?.quality ?? null, steered: best?.quality ?? null };
  return {
    instructed,
    unsteered: none?.accuracy ?? null,
    steered: best?.accuracy ?? null,
    how: best ? howSteered(best.cell) : '',
    ...((quality.unsteered ?? quality.steered) !== null && { quality }),
  };
}

const isInstructed = (cell: Record<string, unknown>) =>
  [cell.instructed, cell.instruction, cell.format_instruction, cell.length_instruction].some(
    Boolean,
  );

/** How a cell was steered: `add_vector_conciseness, weight 1x, layer 0`. */
export function howSteered({
  steering,
  weight,
  weight_unit,
  layer,
  layers,
}: Record<string, unknown>): string {
  const unit = weight_unit === 'mean difference' ? 'x' : '';
  const at = layers ?? layer;
  return [
    steering,
    (weight ?? null) !== null && `weight ${weight}${unit}`,
    (at ?? null) !== null && `layer ${at}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** Runs of one kind are those that one would compare: of a step, with a model. */
const kindOf = ({ experiment, model, name }: ListedRun) =>
  JSON.stringify([experiment, model, path.dirname(name)]);

/** Settings of a run that some of the others have otherwise. */
function differences(run: ListedRun, others: ListedRun[]): Record<string, unknown> {
  const same = (key: string) =>
    others.every(
      ({ config }) =>
        !(key in config) || JSON.stringify(config[key]) === JSON.stringify(run.config[key]),
    );
  const own = Object.entries(run.config).filter(
    ([key]) => !NO_DIFFERENCE.includes(key) && !same(key),
  );
  return Object.fromEntries(own);
}
