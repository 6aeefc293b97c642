import * as path from 'node:path';
import { readJobSettings, sbatchWords } from '../jobs/settings';
import { readQueue } from '../jobs/slurm';
import { jobsOf, type State, statusOf, type TaskStatus } from '../jobs/states';
import {
  isSubmission,
  jobsFolder,
  logOf,
  readSubmission,
  type Submission,
  submissionsIn,
  submitTasks,
} from '../jobs/submission';
import { InputError } from '../util/errors';
import { TILLER } from '../util/invocation';
import { showTable, tableOf } from '../util/table';
import { type Command, JSON_OPTION, type Options } from './command';

export const jobsCommand: Command = {
  name: 'jobs [...folder]',
  description: 'Show how far jobs on a cluster are, and submit again what failed',
  usage: 'jobs [folder] [options]   (jobs, a run, or a folder of results; without: runs)',
  options: [
    [
      '--retry',
      'Submit again the tasks that failed; slurm.time=8:00:00 and the like change what is asked',
    ],
    JSON_OPTION,
  ],
  examples: [
    'tiller jobs',
    'tiller jobs runs/length/tiny-gemma2/default',
    'tiller jobs runs/jobs/2026-11-25_16.50.03-length-evaluate --retry slurm.time=8:00:00',
  ],
  run: showJobs,
};

interface Shown {
  folder: string;
  submission: Submission;
  tasks: TaskStatus[];
  /** Whether Slurm answered. */
  asked: boolean;
}

function showJobs(words: string[], options: Options): number {
  const asks = words.filter((word) => word.startsWith('slurm.'));
  const [place = 'runs', ...more] = words.filter((word) => !word.startsWith('slurm.'));
  if (more.length) throw new InputError(`jobs takes one folder, not "${more[0]}" too.`);
  const folders = findJobs(place);
  const all = folders.map((folder) => ({ folder, submission: readSubmission(folder) }));
  const queue = readQueue(all.flatMap(({ submission }) => jobsOf(submission)));
  const shown = all.map(
    (one): Shown => ({
      ...one,
      tasks: statusOf(one.folder, one.submission, queue),
      asked: queue !== undefined,
    }),
  );
  if (options.retry) return retry(shown, sbatchWords(readJobSettings(asks)));
  if (asks.length) throw new InputError(`${asks[0]} goes with --retry.`);
  if (options.json) console.log(JSON.stringify({ jobs: shown }));
  else if (isOne(place, shown)) console.log(shown.map(describe).join('\n\n'));
  else console.log(shown.map(summarise).join('\n'));
  return 0;
}

const isOne = (place: string, shown: Shown[]) =>
  shown.length === 1 || !submissionsIn(jobsFolder(place)).length;

/**
 * The jobs that are meant, oldest first: a folder of jobs, all below a folder of results, or all that
 * write to a run.
 * @throws InputError where there are none
 */
function findJobs(place: string): string[] {
  if (isSubmission(place)) return [place];
  const below = [...submissionsIn(jobsFolder(place)), ...submissionsIn(place)];
  if (below.length) return below;
  const run = path.resolve(place);
  for (let above = path.dirname(run); above !== path.dirname(above); above = path.dirname(above)) {
    const writers = submissionsIn(jobsFolder(above)).filter((folder) =>
      readSubmission(folder).tasks.some(({ runs }) => runs.includes(run)),
    );
    if (writers.length) return writers;
  }
  throw new InputError(
    `There are no jobs in ${place}, and none that write to it. --launcher slurm submits them (docs/jobs.md).`,
  );
}

const ORDER: State[] = ['done', 'running', 'waiting', 'failed', 'unknown'];

/** `3 done, 1 failed`. */
function counts(tasks: TaskStatus[]): string {
  const of = (state: State) => tasks.filter((task) => task.state === state).length;
  return ORDER.filter(of)
    .map((state) => `${of(state)} ${state}`)
    .join(', ');
}

const timeText = (time: number) => new Date(time).toLocaleString('sv').slice(0, 16);

const summarise = ({ folder, submission, tasks }: Shown) =>
  `${folder}  (${submission.tasks.length} tasks and their result: ${counts(tasks)})`;

function describe({ folder, submission, tasks, asked }: Shown): string {
  const { name, submitted } = submission;
  const when = submitted.map(({ job, result, time }) => {
    const jobs = [job, result].filter(Boolean).join(' and ');
    return `submitted ${timeText(time)} as ${jobs}`;
  });
  const table = tableOf<TaskStatus>(
    [
      { name: 'task', label: true, cell: ({ task }) => task },
      { name: 'settings', label: true, cell: ({ task }) => settingsOf(submission, task) },
      { name: 'state', cell: ({ state, why }) => (why ? `${state}: ${why}` : state) },
      { name: 'node', cell: ({ node }) => node },
      { name: 'starts', cell: ({ starts }) => starts },
    ],
    tasks,
  );
  const running = tasks.filter(({ state, says }) => state === 'running' && says);
  const failed = tasks.filter(({ state }) => state === 'failed');
  const lines = [
    `${name}: ${counts(tasks)}; ${when.join(', again ')}`,
    ...(asked ? [] : ['Slurm does not answer here: this is what the tasks say themselves.']),
    '',
    showTable(table),
    ...running.map(({ task, says }) => `${task}: ${says}`),
    ...failed.flatMap(({ task, says }) => ['', `${task} failed, see ${logOf(folder, task)}`, says]),
  ];
  if (failed.length) lines.push('', `Again: ${TILLER} jobs ${folder} --retry`);
  return lines.filter((line) => line !== undefined).join('\n');
}

/** What sets a task apart from the others. */
function settingsOf({ tasks }: Submission, task: TaskStatus['task']): string {
  if (typeof task !== 'number') return '';
  const { words, shard } = tasks[task - 1];
  const own = words.filter((word) => !tasks.every((other) => other.words.includes(word)));
  return [...own, ...(shard ? [`shard ${shard}`] : [])].join(' ');
}

/** Submits again what failed; those that still run or wait go on. */
function retry(shown: Shown[], options: string[]): number {
  if (shown.length > 1) {
    throw new InputError(
      `--retry is for one of them: ${shown.map(({ folder }) => folder).join(', ')}`,
    );
  }
  const [{ folder, submission, tasks, asked }] = shown;
  if (!asked) throw new InputError('Slurm does not answer here: start this on its login node.');
  const failed = tasks.filter(({ state }) => state === 'failed');
  const numbers = failed.flatMap(({ task }) => (typeof task === 'number' ? [task] : []));
  if (!failed.length) throw new InputError(`Nothing in ${folder} has failed: ${counts(tasks)}.`);
  const live = tasks.filter(({ state }) => state === 'running' || state === 'waiting');
  const result = live.find(({ task }) => typeof task !== 'number');
  const after = live.flatMap(({ task, job }) => (typeof task === 'number' && job ? [job] : []));
  submitTasks(folder, submission, numbers, { after, options, instead: result?.job });
  const what = numbers.length ? `tasks ${numbers.join(', ')}` : 'the result';
  console.log(`Submitted again: ${what}. How far they are: ${TILLER} jobs ${folder}`);
  return 0;
}
