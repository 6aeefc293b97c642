import * as fs from 'node:fs';
import * as path from 'node:path';
import type { CausalLM } from '../../../src/engine/model';
import { type ConfigOf, nullable, text } from '../../../src/runs/config';
import { type Row, RunFolder, readRun } from '../../../src/runs/runFolder';
import type { Tokenizer } from '../../../src/text/tokenizer';
import { groupBy } from '../groupBy';
import { findModel, hashOf, type ModelFiles } from '../provenance';
import { finishRows } from './finishRows';

/** The config keys of a perplexity judge. */
export const judgeSchema = {
  perplexity_model: nullable(text()),
};
export type JudgeConfig = ConfigOf<typeof judgeSchema>;

/** A line of `perplexity/out.jsonl`. */
export interface PerplexityRow extends Row {
  /** exp of the mean loss per token; null for an answer with nothing to predict. */
  perplexity: number | null;
  /** In tokens of the judge. */
  tokens: number;
}

/** By row id. */
export type Perplexities = Map<string, number | null>;

/** @throws InputError for a judge that there isn't: better before the answers than after them */
export function findJudge({ perplexity_model }: JudgeConfig): ModelFiles | undefined {
  return perplexity_model === null ? undefined : findModel(perplexity_model);
}

const BATCH = 16;
let open: { files: ModelFiles; model: CausalLM; tokenizer: Tokenizer } | undefined;

/**
 * Judges the responses of a finished run by a language model (GPT-2 in the paper), and keeps the
 * figures in its folder, under `perplexity`. The same response is judged once.
 * @returns undefined when no judge is configured
 * @throws InputError for a judge there isn't, or a folder judged by another one
 */
export async function judgeResponses(
  folder: string,
  rows: { id: string; response: string }[],
  config: JudgeConfig,
): Promise<Perplexities | undefined> {
  const files = findJudge(config);
  if (!files) return undefined;
  // By id: the same, whether the rows come from a plan or from a file.
  const inOrder = [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
  const run = RunFolder.open<PerplexityRow>(path.join(folder, 'perplexity'), {
    judge: files.name,
    judge_fingerprint: files.fingerprint,
    responses: hashOf(inOrder.map(({ id, response }) => [id, response])),
  });
  // Neighbours in length share a batch; the order follows from the responses alone.
  const groups = groupBy(inOrder, ({ response }) => response.trim()).sort(
    ([a], [b]) => a.response.length - b.response.length,
  );
  await finishRows(run, groups, { unit: 'perplexities', batchSize: BATCH }, (batch) =>
    judgeBatch(files, batch),
  );
  const perplexities: Perplexities = new Map();
  for (const { id } of rows) perplexities.set(id, run.rows.get(id)!.perplexity);
  run.close();
  return perplexities;
}

/** The perplexities of a run that was judged; undefined for one that was not. */
export function readPerplexities(folder: string): Perplexities | undefined {
  const judged = path.join(folder, 'perplexity');
  if (!fs.existsSync(judged)) return undefined;
  const { rows } = readRun<PerplexityRow>(judged);
  return new Map(rows.map(({ id, perplexity }) => [id, perplexity]));
}

async function judgeBatch(
  files: ModelFiles,
  batch: { id: string; response: string }[][],
): Promise<PerplexityRow[]> {
  const { meanNll, perplexityOf } =
    require('../../../src/engine/perplexity') as typeof import('../../../src/engine/perplexity');
  const { model, tokenizer } = loadJudge(files);
  const ids = batch.map(([{ response }]) => tokenizer.encode(response.trim()));
  const losses = await meanNll(model, ids, { batchSize: batch.length });
  return batch.flatMap((group, i) =>
    group.map(({ id }) => ({ id, perplexity: perplexityOf(losses[i]), tokens: ids[i].length })),
  );
}

/** Loaded at the first text, and kept for the steps that follow in the same process. */
function loadJudge(files: ModelFiles) {
  if (open?.files.fingerprint === files.fingerprint) return open;
  open?.model.dispose();
  const { loadModel } = require('../../../models') as typeof import('../../../models');
  const { loadTokenizer } =
    require('../../../src/text/tokenizer') as typeof import('../../../src/text/tokenizer');
  open = { files, model: loadModel(files.dir), tokenizer: loadTokenizer(files.dir) };
  return open;
}
