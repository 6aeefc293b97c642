import * as path from 'node:path';
import { modelName } from '../../../src/hub/modelFolder';
import { flag, integer, nameText, nullable, text } from '../../../src/runs/config';
import { type Row, RunFolder, refuseOtherRun } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';
import { hashFile } from '../../../src/util/hashFile';
import { toolVersion } from '../../../src/util/version';
import type { Vectors } from '../../../src/vectors/steer';
import type { ScriptContext } from '../command/script';
import { groupBy } from '../groupBy';
import { longPromptsSchema } from '../prompts';
import { type Answer, type Session, type SessionConfig, sessionSchema } from '../session';
import { type NamedEdit, resolveEdit } from '../vectors/edits';
import type { Judgements, ScoredRow } from './cells';
import { finishRows } from './finishRows';
import { judgeFolder } from './judge';
import { checkJudged, type JudgeConfig, judgeAnswers } from './judging';

/** The config keys of every step that answers prompts. */
export const answeringSchema = {
  ...sessionSchema,
  ...longPromptsSchema,
  data_path: text(),
  output_path: text(),
  name: nullable(nameText()),
  max_generation_length: integer({ min: 1 }),
  batch_size: integer({ min: 1 }),
  dry_run: flag(),
};

/** A row to be answered: its prompt as the model sees it, and the edits that steer it. */
export interface Planned extends Row {
  prompt: string;
  edits: NamedEdit[];
}

/**
 * Rows with one answer in common: greedy decoding gives the same for the same prompt and edits. Edits
 * of one prompt stand side by side, so that they share a batch, and what is below their layers.
 */
function shareAnswers<P extends Planned>(plan: P[]): P[][] {
  const groups = groupBy(plan, ({ prompt, edits }) => JSON.stringify([prompt, edits]));
  return groupBy(groups, ([{ prompt }]) => prompt).flat();
}

/** Tells what a dry step would answer, and have judged by a language model. */
export function tellAnswers(
  { plans }: Pick<ScriptContext, 'plans'>,
  config: SessionConfig & { batch_size: number; perplexity_model?: string | null },
  folder: string,
  parts: { plan: Planned[]; newTokens: number }[],
): void {
  for (const { plan, newTokens } of parts) {
    const prompts = shareAnswers(plan).map(([{ prompt }]) => prompt);
    plans({ kind: 'answers', place: folder, model: config, prompts, newTokens });
  }
  const judge = config.perplexity_model;
  if (judge) plans({ kind: 'judged', place: judgeFolder(folder, judge), judge, answers: folder });
}

/** How many answers a plan takes. */
export function countAnswers(plan: Planned[]): number {
  return shareAnswers(plan).length;
}

/** One would be taken for the other's answer. */
function refuseSameIds(plan: Row[]) {
  const seen = new Set<string>();
  for (const { id } of plan) {
    if (seen.has(id)) throw new InputError(`Two rows are called ${id}: change a key or a word.`);
    seen.add(id);
  }
}

/**
 * Answers all planned rows, batch by batch, steered and unsteered ones in the same batches, and
 * adds the finished rows to the run (see `finishRows`).
 */
export async function answerRows<P extends Planned, R extends Row>(
  session: Session,
  run: RunFolder<R>,
  plan: P[],
  options: {
    batchSize: number;
    maxNewTokens: number;
    /** The files that the edits' vectors are in. */
    vectors: Vectors[];
    toRow(planned: P, answer: Answer): R;
  },
): Promise<void> {
  const { batchSize, maxNewTokens, vectors, toRow } = options;
  refuseSameIds(plan);
  await finishRows(run, shareAnswers(plan), { unit: 'answers', batchSize }, async (batch) => {
    const answers = await session.answer(
      batch.map(([{ prompt, edits }]) => ({
        prompt,
        edits: edits.map((edit) => resolveEdit(edit, vectors)),
      })),
      maxNewTokens,
    );
    return batch.flatMap((group, i) => group.map((planned) => toRow(planned, answers[i])));
  });
}

/** Recorded for people: what the rows depend on is compared by its content. */
const FREE = [
  ...['model_name', 'preset', 'judge', 'name', 'output_path', 'dry_run', 'skip_long'],
  ...['data_path', 'vectors_data_path', 'length_data_path', 'phrasings_path', 'planned_rows'],
  ...['vectors_file', 'length_vectors_file', 'search_name', 'ivs_name'],
  ...['representations_folder', 'length_vectors_folder'],
];

/**
 * Opens the folder of a run, which records all that its rows depend on.
 * @param plan its rows: their number tells how far an unfinished run is
 * @param config with marks of what `FREE` keys name: of vectors, of phrasings
 * @throws as `RunFolder.open`; for a run that was judged otherwise by the model that is to judge it
 */
export function openRun<R extends ScoredRow>(
  session: Session,
  folder: string,
  plan: Planned[],
  config: RunConfig,
): RunFolder<R> {
  checkJudged(folder, config);
  const settings = { ...recorded(session, folder, config), planned_rows: plan.length };
  return RunFolder.open<R>(folder, settings, FREE);
}

/**
 * Refuses a folder that `openRun` would refuse, before vectors are computed for it.
 * @param config without the marks of what is to be computed
 */
export function checkRun(session: Session, folder: string, config: RunConfig, later: string[]) {
  refuseOtherRun(folder, recorded(session, folder, config), [...FREE, ...later]);
}

type RunConfig = Record<string, unknown> & { data_path: string; judge?: JudgeConfig['judge'] };

function recorded(session: Session, folder: string, config: RunConfig): Record<string, unknown> {
  const { backend, files } = session;
  return {
    ...oneSpelling(config),
    name: path.basename(folder),
    backend: backend.name,
    device: backend.gpu ? 'cuda' : 'cpu',
    dtype: session.dtype,
    prompt_style: session.promptStyle,
    model_fingerprint: files.fingerprint,
    data_sha256: hashFile(config.data_path),
    tool: toolVersion,
  };
}

/** Models by name: an alias, an id and a folder may mean the same. */
function oneSpelling(config: RunConfig): Record<string, unknown> {
  const entries = Object.entries(config).map(([key, value]) => [
    key,
    /^(vectors|perplexity)_model$/.test(key) && value ? modelName(String(value)) : value,
  ]);
  return Object.fromEntries(entries);
}

/**
 * Answers the planned rows and has the answers judged.
 * @returns the rows in the order of the plan, and what the judges say of them
 */
export async function answerAndJudge<P extends Planned, R extends ScoredRow>(
  session: Session,
  run: RunFolder<R>,
  plan: P[],
  config: JudgeConfig & { batch_size: number; max_generation_length: number },
  options: {
    vectors: Vectors[];
    toRow(planned: P, answer: Answer): R;
    /** The prompt without instructions: what a judge of quality is shown. */
    queryOf(planned: P): string;
  },
): Promise<{ rows: R[]; judged: Judgements }> {
  await answerRows(session, run, plan, {
    ...options,
    batchSize: config.batch_size,
    maxNewTokens: config.max_generation_length,
  });
  const rows = plan.map(({ id }) => run.rows.get(id) as R);
  const answers = plan.map((planned, i) => {
    return { id: planned.id, query: options.queryOf(planned), response: rows[i].response };
  });
  return { rows, judged: await judgeAnswers(run.folder, answers, config) };
}
