/** What was submitted: a folder with the script, its tasks' logs and marks, and what Slurm called it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../util/errors';
import { isFolder, makeFolder, writeAtomic } from '../util/files';
import { parseJson } from '../util/json';
import { type BatchPlan, batchScript, type RESULT, SCRIPT } from './batchScript';
import { cancel, submitArray, submitResult } from './slurm';

export interface Task {
  /** The settings that it was started with. */
  words: string[];
  /** `2/4`, where it is a part of a run. */
  shard?: string;
  /** The run folders that it writes to. */
  runs: string[];
}

/** Tasks that were submitted at one time. */
export interface Submitted {
  /** Of the array, as Slurm calls it. */
  job: string;
  tasks: number[];
  /** Of the step that follows. */
  result?: string;
  /** In milliseconds since 1970. */
  time: number;
}

export interface Submission {
  name: string;
  tasks: Task[];
  /** Tasks that may run at a time. */
  parallel?: number;
  /** Whether a step follows that joins the results. */
  joins: boolean;
  /** The first, and each retry. */
  submitted: Submitted[];
}

const FILE = 'jobs.json';

/** Submissions are kept beside the folders of the experiments. */
export const jobsFolder = (output: string): string => path.join(output, 'jobs');

/**
 * Submits tasks as one array, and the step that joins their results after them.
 * @throws InputError where Slurm refuses; nothing is left then
 */
export function submit(plan: BatchPlan, tasks: Task[]): Submission {
  const { name, folder, settings, result } = plan;
  makeFolder(folder);
  writeAtomic(path.join(folder, SCRIPT), batchScript(plan));
  const { parallel } = settings;
  const all = tasks.map((_, i) => i + 1);
  const joins = Boolean(result);
  const submission: Submission = { name, tasks, parallel, joins, submitted: [] };
  try {
    submitTasks(folder, submission, all);
  } catch (error) {
    if (!submission.submitted.length) fs.rmSync(folder, { recursive: true });
    throw error;
  }
  return submission;
}

/**
 * Submits tasks, from 1, and the step after them, and records how Slurm calls them.
 * @param after tasks of earlier submissions that the last step waits for too, as Slurm calls them
 * @param instead a last step that waits still, for tasks that have failed
 * @param options for sbatch, in place of those of the script
 * @throws InputError where Slurm refuses
 */
export function submitTasks(
  folder: string,
  submission: Submission,
  tasks: number[],
  {
    after = [],
    options = [],
    instead,
  }: { after?: string[]; options?: string[]; instead?: string } = {},
): void {
  const save = () =>
    writeAtomic(path.join(folder, FILE), `${JSON.stringify(submission, null, 2)}\n`);
  const { parallel, joins, submitted } = submission;
  const entry: Submitted = { job: '', tasks, time: Date.now() };
  if (tasks.length) entry.job = submitArray(folder, tasks, { parallel, options });
  submitted.push(entry);
  save();
  if (!joins) return;
  if (instead) cancel(instead);
  entry.result = submitResult(folder, [...(entry.job ? [entry.job] : []), ...after], options);
  save();
}

/** @throws InputError for a folder that holds no submission */
export function readSubmission(folder: string): Submission {
  const file = path.join(folder, FILE);
  const content = fs.existsSync(file) ? parseJson(fs.readFileSync(file, 'utf8')) : undefined;
  if (content) return content as Submission;
  throw new InputError(`${folder} holds no jobs: there is no ${FILE} in it, or it is damaged.`);
}

export const isSubmission = (folder: string): boolean => fs.existsSync(path.join(folder, FILE));

/** The submissions in a folder of jobs, oldest first. */
export function submissionsIn(folder: string): string[] {
  if (!isFolder(folder)) return [];
  const all = fs.readdirSync(folder).map((name) => path.join(folder, name));
  return all.filter(isSubmission).sort();
}

/** A task's start or end, as the script marks it. */
export type Mark =
  | { kind: 'start'; time: number; job: string; node: string }
  | { kind: 'end'; time: number; status: number };

/** The marks of a task (its number, or `result`), in their order. */
export function readMarks(folder: string, task: number | typeof RESULT): Mark[] {
  const file = path.join(folder, `${task}.marks`);
  if (!fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line): Mark[] => {
      const [time, kind, first, node = ''] = line.split(' ');
      if (kind === 'start') return [{ kind, time: 1000 * Number(time), job: first, node }];
      if (kind === 'end') return [{ kind, time: 1000 * Number(time), status: Number(first) }];
      return [];
    });
}

export const logOf = (folder: string, task: number | typeof RESULT): string =>
  path.join(folder, `${task}.log`);

/** The last line that a task printed; '' where there is none. */
export function lastLine(folder: string, task: number | typeof RESULT): string {
  const file = logOf(folder, task);
  if (!fs.existsSync(file)) return '';
  return (
    fs
      .readFileSync(file, 'utf8')
      .trimEnd()
      .split(/[\r\n]/)
      .at(-1) ?? ''
  );
}
