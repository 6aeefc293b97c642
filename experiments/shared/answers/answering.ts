import * as path from 'node:path';
import type { Edit } from '../../../src/engine/steering';
import { modelName } from '../../../src/hub/modelFolder';
import { flag, integer, nameText, nullable, text } from '../../../src/runs/config';
import { type Row, RunFolder, refuseOtherRun } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';
import { hashFile } from '../../../src/util/hashFile';
import { toolVersion } from '../../../src/util/version';
import type { ScriptContext } from '../command/script';
import { groupBy } from '../groupBy';
import { longPromptsSchema } from '../prompts';
import { type Answer, type Session, type SessionConfig, sessionSchema } from '../session';
import type { NamedEdit } from '../vectors/edits';
import type { AnsweredRow, Judgements } from './cells';
import { finishRows } from './finishRows';
import { judgeFolder } from './judge';
import { checkJudged, type JudgeConfig, judgeAnswers } from './judging';
import { endShard } from './oneShard';

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

/** A row to be answered: its prompt as the model sees it, and the edits that steer it, by name. */
export interface Planned<E = NamedEdit> extends Row {
  prompt: string;
  /** A system prompt before it. */
  system?: string;
  edits: E[];
}

/**
 * Rows with one answer in common: greedy decoding gives the same for the same prompt and edits. Edits
 * of one prompt stand side by side, so that they share a batch, and what is below their layers.
 */
function shareAnswers<P extends Planned<unknown>>(plan: P[]): P[][] {
  const groups = groupBy(plan, ({ prompt, system, edits }) =>
    JSON.stringify([prompt, edits, system]),
  );
  return groupBy(groups, ([{ prompt }]) => prompt).flat();
}

/** Tells what a dry step would answer, and have judged by a language model. */
export function tellAnswers(
  { plans }: Pick<ScriptContext, 'plans'>,
  config: SessionConfig & { batch_size: number; perplexity_model?: string | null },
  folder: string,
  parts: { plan: Planned<unknown>[]; newTokens: number }[],
): void {
  for (const { plan, newTokens } of parts) {
    const prompts = shareAnswers(plan).map(([{ prompt }]) => prompt);
    plans({ kind: 'answers', place: folder, model: config, prompts, newTokens });
  }
  const judge = config.perplexity_model;
  if (judge) plans({ kind: 'judged', place: judgeFolder(folder, judge), judge, answers: folder });
}

/** How many answers a plan takes. */
export function countAnswers(plan: Planned<unknown>[]): number {
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
export async function answerRows<P extends Planned<unknown>, R extends Row>(
  session: Session,
  run: RunFolder<R>,
  plan: P[],
  options: {
    batchSize: number;
    maxNewTokens: number;
    /** An edit with its numbers. */
    editOf(named: P['edits'][number]): Edit;
    toRow(planned: P, answer: Answer): R;
  },
): Promise<void> {
  const { batchSize, maxNewTokens, editOf, toRow } = options;
  refuseSameIds(plan);
  await finishRows(run, shareAnswers(plan), { unit: 'answers', batchSize }, async (batch) => {
    const answers = await session.answer(
      batch.map(([{ prompt, system, edits }]) => ({ prompt, system, edits: edits.map(editOf) })),
      maxNewTokens,
    );
    return batch.flatMap((group, i) => group.map((planned) => toRow(planned, answers[i])));
  });
}

/** Recorded for people: what the rows depend on is compared by its content. */
const FREE = [
  ...['model_name', 'preset', 'judge', 'name', 'output_path', 'dry_run', 'skip_long'],
  ...['data_path', 'vectors_data_path', 'length_data_path', 'phrasings_path', 'planned_rows'],
  ...['pairs_path', 'any_model'],
  ...['vectors_file', 'length_vectors_file', 'search_name', 'ivs_name'],
  ...['representations_folder', 'length_vectors_folder'],
];

/**
 * Opens the folder of a run, which records all that its rows depend on.
 * @param plan its rows: their number tells how far an unfinished run is
 * @param context the shard of it that this process is to finish
 * @param config with marks of what `FREE` keys name: of vectors, of phrasings
 * @throws as `RunFolder.open`; for a run that was judged otherwise by the model that is to judge it
 */
export function openRun<R extends AnsweredRow>(
  session: Session,
  folder: string,
  plan: Planned<unknown>[],
  { shard }: Pick<ScriptContext, 'shard'>,
  config: RunConfig,
): RunFolder<R> {
  checkJudged(folder, config);
  const settings = { ...recorded(session, folder, config), planned_rows: plan.length };
  return RunFolder.open<R>(folder, settings, FREE, shard);
}

/**
 * Refuses a folder that `openRun` would refuse, before vectors are computed for it.
 * @param config without the marks of what is to be computed
 */
export function checkRun(session: Session, folder: string, config: RunConfig, later: string[]) {
  refuseOtherRun(folder, recorded(session, folder, config), [...FREE, ...later]);
}

type RunConfig = Record<string, unknown> & {
  /** Null where the config itself holds the prompts. */
  data_path: string | null;
  judge?: JudgeConfig['judge'];
};

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
    ...(config.data_path !== null && { data_sha256: hashFile(config.data_path) }),
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
 * @throws ShardEnd after the answers of a shard
 */
export async function answerAndJudge<P extends Planned<unknown>, R extends AnsweredRow>(
  session: Session,
  run: RunFolder<R>,
  plan: P[],
  config: JudgeConfig & { batch_size: number; max_generation_length: number },
  options: {
    editOf(named: P['edits'][number]): Edit;
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
  endShard(run);
  const rows = plan.map(({ id }) => run.rows.get(id) as R);
  const answers = plan.map((planned, i) => {
    return { id: planned.id, query: options.queryOf(planned), response: rows[i].response };
  });
  return { rows, judged: await judgeAnswers(run.folder, answers, config) };
}
