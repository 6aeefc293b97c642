import * as fs from 'node:fs';
import * as path from 'node:path';
import { type ConfigOf, flag, nameText, nullable, text } from '../../../src/runs/config';
import { type Row, readRun } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';
import { type Expected, findRun } from '../earlierSteps';
import { type Perplexities, readPerplexities } from './judge';

/** The config keys of a `load_results` that shows one run. */
export const resultsSchema = {
  model_name: text(),
  output_path: text(),
  name: nullable(nameText()),
  run_folder: nullable(text()),
  dry_run: flag(),
};

/** A run with its answers and, where they were judged, their perplexities. */
export interface Results<R extends Row> {
  folder: string;
  /** Whether its evaluation has not ended yet. */
  unfinished: boolean;
  config: Record<string, unknown>;
  rows: R[];
  perplexities: Perplexities | undefined;
}

/**
 * The run that is asked for: by folder, by name, else the newest finished one in `base`.
 * @param expected what the newest one must say about itself
 * @param how what to run when there is none
 * @returns undefined for a dry run, which only says where it would look
 * @throws InputError when there is no such run, or it has no rows yet
 */
export function openResults<R extends Row>(
  config: ConfigOf<typeof resultsSchema>,
  base: string,
  expected: Expected,
  how: string,
): Results<R> | undefined {
  const named = config.run_folder ?? (config.name && path.join(base, config.name));
  if (config.dry_run) {
    console.log(`Would read ${named ?? `the newest run in ${base}`}`);
    return undefined;
  }
  const folder = named ?? findRun(base, expected, how);
  return readResults(folder);
}

/** @throws InputError for a folder that is not a run, or has no rows yet */
export function readResults<R extends Row>(folder: string): Results<R> {
  const { config, rows } = readRun<R>(folder);
  if (!rows.length) throw new InputError(`${folder} has no finished rows yet.`);
  const unfinished = !fs.existsSync(path.join(folder, 'summary.json'));
  return { folder, unfinished, config, rows, perplexities: readPerplexities(folder) };
}
