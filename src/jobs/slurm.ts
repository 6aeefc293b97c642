/** Slurm's programs: sbatch, squeue, sacct. */
import { spawnSync } from 'node:child_process';
import * as os from 'node:os';
import * as path from 'node:path';
import { InputError, sentence } from '../util/errors';
import { RESULT, SCRIPT } from './batchScript';

/** A job as the queue knows it. */
export interface Queued {
  /** In Slurm's words: PENDING, RUNNING, COMPLETED, NODE_FAIL, … */
  state: string;
  /** Why it waits, or ended; '' where nothing is said. */
  reason: string;
}

/** @returns undefined where there is no such program */
function ask(program: string, words: string[]) {
  const { error, status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined;
  return { ok: status === 0, stdout: stdout ?? '', stderr: stderr || error?.message || '' };
}

/** @throws InputError where jobs can't be submitted from this machine */
export function requireSlurm(): void {
  if (ask('sbatch', ['--version'])) return;
  throw new InputError(
    'There is no sbatch here: --launcher slurm is for a machine of a Slurm cluster, such as its login ' +
      'node. --dry-run shows what would be submitted; without --launcher it runs here.',
  );
}

/** The words of sbatch for tasks of a script, which lies in the folder. */
export const arrayWords = (
  folder: string,
  tasks: number[],
  { parallel, options = [] }: { parallel?: number; options?: string[] },
): string[] => [
  `--array=${ranges(tasks)}${parallel ? `%${parallel}` : ''}`,
  `--output=${path.join(escaped(folder), '%a.log')}`,
  ...options,
  path.join(folder, SCRIPT),
];

/** In names of logs, % begins what Slurm puts in. */
const escaped = (folder: string) => folder.replaceAll('%', '%%');

/** The words of sbatch for the last step, once all those jobs have ended well. */
export const resultWords = (folder: string, jobs: string[], options: string[] = []): string[] => [
  ...(jobs.length ? [`--dependency=afterok:${jobs.join(':')}`, '--kill-on-invalid-dep=yes'] : []),
  `--output=${path.join(escaped(folder), `${RESULT}.log`)}`,
  ...options,
  path.join(folder, SCRIPT),
];

/** @returns the array's number. @throws InputError where Slurm refuses */
export const submitArray = (...args: Parameters<typeof arrayWords>): string =>
  sbatch(arrayWords(...args));

/** @returns the job's number. @throws InputError where Slurm refuses */
export const submitResult = (...args: Parameters<typeof resultWords>): string =>
  sbatch(resultWords(...args));

/** Takes a job from the queue; one that has ended already stays as it is. */
export function cancel(job: string): void {
  ask('scancel', [job]);
}

function sbatch(words: string[]): string {
  requireSlurm();
  const { ok, stdout, stderr } = ask('sbatch', ['--parsable', ...words])!;
  // With a cluster's name, where there are several: 12;north.
  const [, job] = /^(\d+)(;.*)?$/m.exec(stdout) ?? [];
  if (ok && job) return job;
  throw new InputError(`Slurm does not take the jobs: ${whyRefused(stderr)}${advice(stderr)}`);
}

/** `sbatch: error: Batch job submission failed: Invalid partition name specified` → its end. */
function whyRefused(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^sbatch: (error: |fatal: )?/, ''));
  const said = lines.filter((line) => line.trim());
  const last = said.find((line) => line.startsWith('Batch job submission failed')) ?? said[0] ?? '';
  return sentence(last.replace(/^Batch job submission failed: /, '') || 'it does not say why');
}

function advice(stderr: string): string {
  if (!/partition/i.test(stderr)) return '';
  const there = ask('sinfo', ['--noheader', '--format=%R']);
  const names = [...new Set(there?.stdout.split('\n').filter(Boolean))];
  return names.length ? ` Partitions here (slurm.partition=…): ${names.join(', ')}.` : '';
}

/** `1-3,7`. */
export function ranges(numbers: number[]): string {
  const parts: [number, number][] = [];
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else parts.push([n, n]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/**
 * The jobs of this user that Slurm knows of, by `12_3` (of an array) or `12`. Those that ended a while
 * ago it has forgotten, where it keeps no accounts.
 * @param jobs that are asked for, arrays and others
 * @returns undefined where it does not answer
 */
export function readQueue(jobs: string[]): Map<string, Queued> | undefined {
  // Asked for one that is forgotten, squeue would fail: so for all of the user's.
  const user = `--user=${os.userInfo().username}`;
  const said = ask('squeue', [
    user,
    '--noheader',
    '--array',
    '--states=all',
    '--format=%F|%K|%T|%r',
  ]);
  if (!said?.ok) return undefined;
  const accounts = ask('sacct', ['-nPX', `--jobs=${jobs.join(',')}`, '--format=JobID,State']);
  return new Map([
    ...(accounts?.ok ? readAccounts(accounts.stdout) : []),
    ...readQueued(said.stdout),
  ]);
}

/** Lines of squeue: array, number in it, state, reason. */
export const readQueued = (text: string): [string, Queued][] =>
  lines(text).map(([job, index, state, reason]) => [
    /^\d+$/.test(index) ? `${job}_${index}` : job,
    { state, reason: reason === 'None' ? '' : reason },
  ]);

/** Lines of sacct: `12_3|CANCELLED by 0`. */
export const readAccounts = (text: string): [string, Queued][] =>
  lines(text).map(([id, state]) => [id, { state: state.split(' ')[0], reason: '' }]);

const lines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.includes('|'))
    .map((line) => line.split('|'));
