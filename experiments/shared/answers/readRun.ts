import * as fs from 'node:fs';
import * as path from 'node:path';
import { type ConfigOf, flag, isMap, nameText, nullable, text } from '../../../src/runs/config';
import { type Row, readRun } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';
import { parseJson } from '../../../src/util/json';
import { type Expected, findRun } from '../earlierSteps';
import type { Judgements } from './cells';
import { judgesOf, readPerplexities } from './judge';
import { readQualities } from './qualityJudge';

/** The config keys of a `load_results` that shows one run. */
export const resultsSchema = {
  model_name: text(),
  output_path: text(),
  name: nullable(nameText()),
  run_folder: nullable(text()),
  dry_run: flag(),
};

/** A run with its answers and, where they were judged, what the judges say of them. */
export interface Results<R extends Row> {
  folder: string;
  /** Whether its evaluation has not ended yet. */
  unfinished: boolean;
  config: Record<string, unknown>;
  /** Of a finished run; nothing where it is damaged. */
  summary?: Record<string, unknown>;
  rows: R[];
  judged: Judgements;
}

/**
 * The run that is asked for: by folder, by name; else the one of this `run.ts`; else the only
 * finished one in `base`.
 * @param expected what that one must say about itself
 * @param how what to run when there is none
 * @param made by earlier steps of the same `run.ts`
 * @returns undefined for a dry run, which only says where it would look
 * @throws InputError when there is no such run, or it has no rows yet; where there are several, saying
 *   in what they differ
 */
export function openResults<R extends Row>(
  config: ConfigOf<typeof resultsSchema>,
  base: string,
  expected: Expected,
  how: string,
  made: readonly string[] = [],
): Results<R> | undefined {
  const own = made.filter((place) => path.dirname(place) === path.normalize(base)).at(-1);
  const named = config.run_folder ?? (config.name ? path.join(base, config.name) : own);
  if (config.dry_run) {
    console.log(`Would read ${named ?? `the finished run in ${base}`}`);
    return undefined;
  }
  return readResults(
    named ?? findRun(base, { expected, usual: '', chosen: null, key: 'name', made, how }),
  );
}

/** @throws InputError for a folder that is not a run, or has no rows yet */
export function readResults<R extends Row>(folder: string): Results<R> {
  const { config, rows } = readRun<R>(folder);
  if (!rows.length) throw new InputError(`${folder} has no finished rows yet.`);
  const file = path.join(folder, 'summary.json');
  const unfinished = !fs.existsSync(file);
  const summary = unfinished ? undefined : parseJson(fs.readFileSync(file, 'utf8'));
  const judged = {
    perplexities: ownPerplexities(folder, config),
    qualities: readQualities(folder, process.env.TILLER_JUDGE_MODEL),
  };
  return {
    folder,
    unfinished,
    config,
    summary: isMap(summary) ? summary : undefined,
    rows,
    judged,
  };
}

/** By the judge that the run was to have; else by the only one that it had later, not one of several. */
function ownPerplexities(folder: string, config: Record<string, unknown>) {
  const judge = typeof config.perplexity_model === 'string' ? config.perplexity_model : null;
  const own = judge && readPerplexities(folder, judge);
  return own || (judgesOf(folder).length === 1 ? readPerplexities(folder, null) : undefined);
}
