/** Quality from 0 to 1, by a language model that is asked over the network. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Row, readRun, refuseOtherRun } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';
import { Progress } from '../../../src/util/progress';
import { GaveUp, pause, Transient, withRetries } from '../../../src/util/retries';
import { toolVersion } from '../../../src/util/version';
import { groupBy } from '../groupBy';
import { inOrder, isJudged, openJudged } from './judgedFolder';
import {
  ask,
  type Endpoint,
  type Reply,
  shorten,
  WIRE,
  type Wire,
  withoutKey,
} from './qualityEndpoint';
import { PROMPT_VERSION, qualityPrompt, readQuality } from './qualityPrompt';

/** An answer, and what it answers: the prompt without the instruction that steering stands for. */
export interface QueryAndResponse extends Row {
  query: string;
  response: string;
}

interface Verdict {
  /** From 0 to 1; null where the judge gave no score. */
  quality: number | null;
  /** As the judge wrote it, for people; null where nothing came. */
  reply: string | null;
  /** Why there is no score; null where there is one. */
  problem: string | null;
}

/** A line of `quality_<model>/out.jsonl`. */
type QualityRow = Row & Verdict;

/** By row id. */
export type Qualities = Map<string, number | null>;

/** Requests under way at a time. */
const CONCURRENCY = 8;
/** How often an answer is judged before a reply that is no score is left at that. */
const TRIES = 3;
const SETTINGS = { temperature: 0, max_tokens: 200 };

/** Where the figures of a judge are kept in a run's folder. Hub ids have a slash. */
export const qualityFolder = (folder: string, model: string) =>
  path.join(folder, `quality_${model.replace(/[^\w.@+-]/g, '_')}`);

const settingsFor = ({ url, model }: Endpoint) => ({
  judge: 'openai',
  ...{ model, endpoint: url, prompt_version: PROMPT_VERSION, ...SETTINGS, tool: toolVersion },
});

/**
 * Refuses what `judgeQuality` would refuse: better before the answers than after them.
 * @throws InputError for a folder judged from another endpoint, or by another prompt
 */
export function refuseOtherJudge(folder: string, endpoint: Endpoint): void {
  refuseOtherRun(qualityFolder(folder, endpoint.model), settingsFor(endpoint), ['responses']);
}

/**
 * Has the answers of a finished run judged, several at a time, and keeps each verdict in the run's
 * folder as it comes: a run that was killed asks only for what is missing. The same answer to the
 * same query is judged once.
 * @throws InputError when the endpoint can't be used, or fails for good
 */
export async function judgeQuality(
  folder: string,
  rows: QueryAndResponse[],
  endpoint: Endpoint,
  wire: Wire = WIRE,
): Promise<Qualities> {
  const place = qualityFolder(folder, endpoint.model);
  const sorted = inOrder(rows);
  const judged = sorted.map(({ id, query, response }) => [id, query, response]);
  const run = openJudged<QualityRow>(place, judged, settingsFor(endpoint));
  try {
    const groups = groupBy(sorted, ({ query, response }) => JSON.stringify([query, response]));
    const todo = groups.filter((group) => group.some(({ id }) => !run.rows.has(id)));
    if (todo.length) {
      const judge = judgeOver(endpoint, wire);
      const already = groups.length - todo.length;
      const progress = new Progress('answers judged', groups.length, { already, stream: wire.out });
      try {
        await inParallel(todo, CONCURRENCY, async (group) => {
          const known = group.map(({ id }) => run.rows.get(id)).find((row) => row);
          const { quality, reply, problem } = known ?? (await judge(group[0]));
          const missing = group.filter(({ id }) => !run.rows.has(id));
          run.append(missing.map(({ id }) => ({ id, quality, reply, problem })));
          progress.add(1);
        });
      } finally {
        progress.end();
      }
    }
    describe(rows, run.rows, place, endpoint);
    return new Map(rows.map(({ id }) => [id, run.rows.get(id)!.quality]));
  } finally {
    run.close();
  }
}

function describe(
  rows: Row[],
  verdicts: ReadonlyMap<string, Verdict>,
  place: string,
  { model }: Endpoint,
) {
  const problems = rows.flatMap(({ id }) => verdicts.get(id)!.problem ?? []);
  console.log(`Quality by ${model}: ${rows.length - problems.length} of ${rows.length} answers`);
  if (!problems.length) return;
  console.log(
    `${problems.length} have no score, and count in no mean (${problems[0]}): ${place}/out.jsonl`,
  );
}

/** Judges one answer at a time; all wait where the server tells one to. */
function judgeOver(endpoint: Endpoint, wire: Wire) {
  const { sleep = pause } = wire;
  let rest: Promise<unknown> = Promise.resolve();
  const attempt = async (prompt: string): Promise<Reply> => {
    await rest;
    try {
      return await ask(endpoint, prompt, SETTINGS, wire);
    } catch (error) {
      const { wait } = error instanceof Transient ? error.options : {};
      if (wait) rest = Promise.all([rest, sleep(wait)]);
      throw error;
    }
  };
  return async ({ query, response }: QueryAndResponse): Promise<Verdict> => {
    const prompt = qualityPrompt(query, response);
    for (let tries = 1; ; tries++) {
      const said = await withRetries(endpoint.model, wire, () => attempt(prompt)).catch(explain);
      const verdict = verdictOf(said, endpoint);
      if (verdict.quality !== null || verdict.reply === null || tries === TRIES) return verdict;
    }
  };
}

function explain(error: unknown): never {
  throw error instanceof GaveUp ? new InputError(error.message) : error;
}

function verdictOf(said: Reply, endpoint: Endpoint): Verdict {
  if ('problem' in said) return { quality: null, reply: null, problem: said.problem };
  const read = readQuality(said.content);
  const reply = withoutKey(said.content, endpoint).slice(0, 1000);
  if ('quality' in read) return { quality: read.quality, reply, problem: null };
  return { quality: null, reply, problem: shorten(withoutKey(read.problem, endpoint)) };
}

/** Works on the items, so many at a time. After a failure none is begun, and those under way end. */
async function inParallel<T>(
  items: T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const failures: unknown[] = [];
  const worker = async () => {
    while (left.length && !failures.length) {
      await work(left.shift() as T).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length) throw failures[0];
}

/**
 * The qualities of a run that was judged, as far as they go; undefined for one that was not.
 * @param model of TILLER_JUDGE_MODEL; undefined: the only one that judged it
 * @throws InputError when several did and none is named
 */
export function readQualities(folder: string, model?: string): Qualities | undefined {
  const all = fs.readdirSync(folder).filter((name) => name.startsWith('quality_'));
  const own = model && path.basename(qualityFolder(folder, model));
  if (all.length > 1 && !(own && all.includes(own))) {
    const names = all.map((name) => name.replace('quality_', '')).sort();
    throw new InputError(
      `${folder} was judged by ${names.join(' and ')}. Choose one: TILLER_JUDGE_MODEL=${names[0]}`,
    );
  }
  const name = all.length > 1 ? own : all[0];
  if (!name || !isJudged(path.join(folder, name))) return undefined;
  const { rows } = readRun<QualityRow>(path.join(folder, name));
  return new Map(rows.map(({ id, quality }) => [id, quality]));
}
