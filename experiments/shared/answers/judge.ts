import * as fs from 'node:fs';
import * as path from 'node:path';
import type { CausalLM } from '../../../src/engine/model';
import { findModel, type ModelFiles } from '../../../src/hub/fingerprint';
import { modelName } from '../../../src/hub/modelFolder';
import { type ConfigOf, nullable, text } from '../../../src/runs/config';
import { type Row, readRun } from '../../../src/runs/runFolder';
import type { Tokenizer } from '../../../src/text/tokenizer';
import { InputError } from '../../../src/util/errors';
import { toolVersion } from '../../../src/util/version';
import { compatCheck, isOn } from '../command/compat';
import { groupBy } from '../groupBy';
import { finishRows } from './finishRows';
import { holdsFiguresOf, inOrder, isJudged, openJudged } from './judgedFolder';

/** The config keys of a perplexity judge. */
export const perplexitySchema = {
  perplexity_model: nullable(text()),
  compat: compatCheck,
};
type Compat = ConfigOf<typeof perplexitySchema>['compat'];
type PerplexityConfig = { perplexity_model: string | null; compat?: Compat };

/** A line of `perplexity/out.jsonl`. */
export interface PerplexityRow extends Row {
  /** exp of the mean loss per token; null for an answer with nothing to predict. */
  perplexity: number | null;
  /** In tokens of the judge. */
  tokens: number;
}

interface Judged extends Row {
  response: string;
}

/** By row id. */
export type Perplexities = Map<string, number | null>;

/** @throws InputError for a judge that there isn't: better before the answers than after them */
export function findJudge({ perplexity_model }: PerplexityConfig): ModelFiles | undefined {
  return perplexity_model === null ? undefined : findModel(perplexity_model);
}

/** Texts that are read together. */
export const JUDGED_TOGETHER = 16;
let open: { files: ModelFiles; model: CausalLM; tokenizer: Tokenizer } | undefined;

/** Where the figures of a judge are kept in a run's folder: those of several stand side by side. */
export const judgeFolder = (folder: string, judge: string) =>
  path.join(folder, `perplexity_${modelName(judge)}`);

/**
 * Judges the responses of a finished run by a language model (GPT-2 in the paper), and keeps the
 * figures in its folder. The same response is judged once; figures of other responses, from before
 * the run went on, are thrown away.
 * @returns undefined when no judge is configured
 * @throws InputError for a judge there isn't, or a folder judged by another one of that name
 */
export async function judgeResponses(
  folder: string,
  rows: Judged[],
  config: PerplexityConfig,
): Promise<Perplexities | undefined> {
  const files = findJudge(config);
  if (!files) return undefined;
  const textOf = judgedText(config.compat);
  const place = judgeFolder(folder, files.name);
  const run = openJudged<PerplexityRow>(place, textsOf(rows, config.compat), {
    judge: files.name,
    judge_fingerprint: files.fingerprint,
    tool: toolVersion,
  });
  // Neighbours in length share a batch; the order follows from the responses alone.
  const groups = groupBy(inOrder(rows), ({ response }) => textOf(response)).sort(
    ([a], [b]) => a.response.length - b.response.length,
  );
  await finishRows(run, groups, { unit: 'perplexities', batchSize: JUDGED_TOGETHER }, (batch) =>
    judgeBatch(files, batch, textOf),
  );
  const perplexities: Perplexities = new Map();
  for (const { id } of rows) perplexities.set(id, run.rows.get(id)!.perplexity);
  run.close();
  return perplexities;
}

/** What is judged of a response: it without the space around it, or all of it. */
const judgedText = (compat: Compat = null) => {
  const raw = isOn('raw_perplexity', compat);
  return (response: string) => (raw ? response : response.trim());
};

/** What a judge's figures depend on. */
function textsOf(rows: Judged[], compat: Compat = null): string[][] {
  const how = isOn('raw_perplexity', compat) ? [['raw_perplexity']] : [];
  const textOf = judgedText(compat);
  return [...how, ...inOrder(rows).map(({ id, response }) => [id, textOf(response)])];
}

/** @throws InputError where a judge's figures are of other responses, or of other parts of them */
export function checkPerplexities(
  folder: string,
  judge: string,
  rows: Judged[],
  compat: Compat,
): void {
  if (holdsFiguresOf(judgeFolder(folder, judge), textsOf(rows, compat))) return;
  throw new InputError(
    `The figures in ${judgeFolder(folder, judge)} are of other texts: compat=raw_perplexity counts the ` +
      'white space around answers too. Run compute_response_perplexity again, with the same compat.',
  );
}

/**
 * The perplexities of a run that was judged; undefined for one that was not.
 * @param judge a model; null: the only one that judged it
 * @throws InputError when several did and none is named
 */
export function readPerplexities(folder: string, judge: string | null): Perplexities | undefined {
  const name = judge ?? judgedBy(folder);
  const place = name && judgeFolder(folder, name);
  if (!place || !isJudged(place)) return undefined;
  const { rows } = readRun<PerplexityRow>(place);
  return new Map(rows.map(({ id, perplexity }) => [id, perplexity]));
}

/** The models that judged a run. */
export const judgesOf = (folder: string): string[] =>
  judgesAmong(fs.existsSync(folder) ? fs.readdirSync(folder) : []);

const judgesAmong = (names: string[]) =>
  names.flatMap((name) => /^perplexity_(.+)$/.exec(name)?.[1] ?? []);

/**
 * The name of the model that judged a run: the one of this `run.ts`, else the only one.
 * @param made by earlier steps of the same `run.ts`
 * @throws InputError when several did
 */
export function judgedBy(folder: string, made: readonly string[] = []): string | undefined {
  const own = judgesAmong(made.map((place) => path.relative(folder, place)));
  const all = judgesOf(folder);
  if (own.length || all.length < 2) return own.at(-1) ?? all[0];
  throw new InputError(
    `${folder} was judged by ${all.join(' and ')}. Choose one: perplexity_model=${all[0]}`,
  );
}

async function judgeBatch(
  files: ModelFiles,
  batch: Judged[][],
  textOf: (response: string) => string,
): Promise<PerplexityRow[]> {
  const { perplexitiesOf } =
    require('../../../src/language/perplexities') as typeof import('../../../src/language/perplexities');
  const texts = batch.map(([{ response }]) => textOf(response));
  const judged = await perplexitiesOf(loadJudge(files), texts, { batchSize: batch.length });
  return batch.flatMap((group, i) => group.map(({ id }) => ({ id, ...judged[i] })));
}

/** Loaded at the first text, and kept for the steps that follow in the same process. */
function loadJudge(files: ModelFiles) {
  if (open?.files.fingerprint === files.fingerprint) return open;
  open?.model.dispose();
  const { loadModel } = require('../../../models') as typeof import('../../../models');
  const { loadTokenizer } =
    require('../../../src/text/loadTokenizer') as typeof import('../../../src/text/loadTokenizer');
  open = { files, model: loadModel(files.dir), tokenizer: loadTokenizer(files.dir) };
  return open;
}
