/** What the steps of a reproduction would compute, in numbers. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { WeightDtype } from '../../../src/backend/weightDtype';
import { readRun } from '../../../src/runs/runFolder';
import { JUDGED_TOGETHER } from '../../shared/answers/judge';
import type { PlannedWork } from '../../shared/command/plannedWork';
import {
  answeringSeconds,
  cacheBytes,
  LONGEST,
  type Rates,
  readingSeconds,
  TYPICAL,
} from './estimate';
import { bytesOf, type ModelSize } from './modelSize';

type Judging = Extract<PlannedWork, { kind: 'judged' }>;
type Reading = Exclude<PlannedWork, { kind: 'judged' }>;

/** A step, and what its dry run told. */
export interface PlannedPart {
  experiment: string;
  step: string;
  works: PlannedWork[];
}

/** What work comes to; what an earlier step does, or is there already, takes no time. */
export interface Figures {
  /** Prompts that are read alone. */
  read: number;
  answers: number;
  promptTokens: number;
  /** Of all answers, at most. */
  newTokens: number;
  /** Texts that a language model judges. */
  judged: number;
  /** Of what is left: with answers of typical length, and with the longest there can be. */
  seconds: number;
  mostSeconds: number;
}

/** Bytes that a plan needs. */
export interface PlanMemory {
  dtype: WeightDtype;
  weights: number;
  /** Keys and values of a batch of so many rows and columns: the largest there is. */
  cache: number;
  rows: number;
  columns: number;
  /** The perplexity judge's weights; 0 without one. */
  judge: number;
}

/** What reading a plan takes. */
export interface PlanTools {
  /** @throws InputError for a model there isn't */
  sizeOf(model: string): ModelSize;
  /** Tokens of a prompt in the model's template. */
  tokensOf(model: Reading['model'], prompt: string): number;
  rates: Rates;
  /** The backend in use. */
  backend: string;
}

/** Tokens that the perplexity judge reads of a text at most. */
const JUDGED_TOKENS = 1024;

/** Row counts that rates are needed for: full batches, and what remains of them on the way. */
export function rowCounts(parts: PlannedPart[]): number[] {
  const works = parts.flatMap((part) => part.works).filter((work) => work.kind !== 'judged');
  const sizes = [...new Set(works.map(({ model }) => model.batch_size))];
  const left = (size: number) => Math.max(1, Math.round((size * TYPICAL.mean) / TYPICAL.longest));
  return [...sizes.flatMap((size) => [left(size), size]), 256];
}

/** The figures of every part, in their order. */
export function readPlan(parts: PlannedPart[], tools: PlanTools): Figures[] {
  const owners = new Map<string, PlannedPart>();
  for (const part of parts) {
    for (const { place } of part.works) if (!owners.has(place)) owners.set(place, part);
  }
  const answersAt = (place: string) =>
    (owners.get(place)?.works ?? []).filter(
      (work) => work.kind === 'answers' && work.place === place,
    );
  return parts.map((part) =>
    sum(
      part.works
        .filter(({ place }) => owners.get(place) === part)
        .map((work) =>
          work.kind === 'judged'
            ? judgingFigures(
                work,
                answersAt(work.answers).map((one) => readingFigures(one as Reading, tools)),
                tools,
              )
            : readingFigures(work, tools),
        ),
    ),
  );
}

/** @returns undefined for a plan without a prompt */
export function planMemory(parts: PlannedPart[], tools: PlanTools): PlanMemory | undefined {
  const works = parts.flatMap((part) => part.works);
  const judges = works.flatMap((work) => (work.kind === 'judged' ? [work.judge] : []));
  const judge = Math.max(
    0,
    ...judges.map((name) => bytesOf(tools.sizeOf(name), null, tools.backend)),
  );
  const needs = works
    .filter((work) => work.kind !== 'judged')
    .filter(({ prompts }) => prompts.length)
    .map((work): PlanMemory => {
      const size = tools.sizeOf(work.model.model_name);
      const longest = Math.max(...work.prompts.map((one) => tools.tokensOf(work.model, one)));
      const rows = Math.min(work.model.batch_size, work.prompts.length);
      const columns = longest + (work.kind === 'answers' ? work.newTokens : 0);
      return {
        dtype: work.model.dtype ?? 'float32',
        weights: bytesOf(size, work.model.dtype, tools.backend),
        cache: cacheBytes(size, columns, rows),
        ...{ rows, columns, judge },
      };
    });
  const most = (a: PlanMemory, b: PlanMemory) =>
    b.weights + b.cache > a.weights + a.cache ? b : a;
  return needs.length ? needs.reduce(most) : undefined;
}

export function sum(all: Partial<Figures>[]): Figures {
  const total = { ...NOTHING };
  for (const figures of all) {
    for (const key of Object.keys(total) as (keyof Figures)[]) total[key] += figures[key] ?? 0;
  }
  return total;
}

const NOTHING: Figures = {
  ...{ read: 0, answers: 0, promptTokens: 0, newTokens: 0, judged: 0 },
  ...{ seconds: 0, mostSeconds: 0 },
};

function readingFigures(work: Reading, { sizeOf, tokensOf, rates }: PlanTools): Partial<Figures> {
  const size = sizeOf(work.model.model_name);
  const count = work.prompts.length;
  const promptTokens = work.prompts.reduce((total, one) => total + tokensOf(work.model, one), 0);
  const batch = { count, promptTokens, batchSize: work.model.batch_size };
  if (work.kind === 'vectors') {
    const seconds = fs.existsSync(work.place) ? 0 : readingSeconds(size, batch, rates);
    return { read: count, promptTokens, seconds, mostSeconds: seconds };
  }
  const left = 1 - shareDone(work.place);
  const all = { ...batch, newTokens: work.newTokens };
  return {
    answers: count,
    promptTokens,
    newTokens: count * work.newTokens,
    seconds: left * answeringSeconds(size, all, rates, TYPICAL),
    mostSeconds: left * answeringSeconds(size, all, rates, LONGEST),
  };
}

function judgingFigures(
  { place, judge, answers }: Judging,
  answered: Partial<Figures>[],
  { sizeOf, rates }: PlanTools,
): Partial<Figures> {
  const { answers: count, newTokens } = sum(answered);
  const isDone = fs.existsSync(place) && shareDone(answers) === 1;
  const secondsFor = (share: number) => {
    const promptTokens = Math.min(share * newTokens, count * JUDGED_TOKENS);
    const batch = { count, promptTokens, batchSize: JUDGED_TOGETHER };
    return isDone ? 0 : readingSeconds(sizeOf(judge), batch, rates);
  };
  return { judged: count, seconds: secondsFor(TYPICAL.mean), mostSeconds: secondsFor(1) };
}

/** How much of a run's rows is there. */
function shareDone(folder: string): number {
  if (fs.existsSync(path.join(folder, 'summary.json'))) return 1;
  if (!fs.existsSync(path.join(folder, 'config.yaml'))) return 0;
  const { config, rows } = readRun(folder);
  const planned = Number(config.planned_rows);
  return planned > 0 ? Math.min(1, rows.length / planned) : 0;
}
