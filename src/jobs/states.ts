/** How far tasks are: what they marked themselves, and what Slurm knows of them. */
import { RESULT } from './batchScript';
import type { Queued } from './slurm';
import { lastLine, type Mark, readMarks, type Submission } from './submission';

export type State = 'waiting' | 'running' | 'done' | 'failed' | 'unknown';

export interface TaskStatus {
  task: number | typeof RESULT;
  state: State;
  /** Why it waits or failed; '' where there is nothing to say. */
  why: string;
  /** Where it runs, or ran last. */
  node: string;
  /** How often it was started. */
  starts: number;
  /** What it printed last. */
  says: string;
  /** As Slurm calls it: `12_3`; undefined where it was never submitted. */
  job?: string;
}

/** Of jobs that are over. */
const ENDED: Record<string, string> = {
  BOOT_FAIL: 'its node did not start',
  CANCELLED: 'cancelled',
  DEADLINE: 'too late for its deadline',
  FAILED: 'failed',
  NODE_FAIL: 'its node failed',
  OUT_OF_MEMORY: 'out of memory (slurm.mem)',
  PREEMPTED: 'gave way to another job',
  TIMEOUT: 'time is up (slurm.time)',
  COMPLETED: 'ended without a mark',
  REVOKED: 'revoked',
};

/** Of jobs that wait; others are shown as they are. */
const WAITS: Record<string, string> = {
  Resources: 'for a free node',
  Priority: 'behind other jobs',
  Dependency: 'for other tasks',
  BeginTime: 'until Slurm starts it again',
  JobArrayTaskLimit: 'for other tasks (slurm.parallel)',
};

/**
 * @param marks of a task
 * @param queued what Slurm knows of it; null where it knows nothing, undefined where it was not asked
 */
export function stateOf(
  marks: Mark[],
  queued: Queued | null | undefined,
): Pick<TaskStatus, 'state' | 'why'> {
  const last = marks.at(-1);
  if (last?.kind === 'end' && last.status === 0) return { state: 'done', why: '' };
  if (queued && !Object.hasOwn(ENDED, queued.state)) {
    const { state, reason } = queued;
    // A job array's forms are held back with such words: JobHeldUser, launch failed requeued held.
    if (state !== 'PENDING') return { state: 'running', why: '' };
    return { state: 'waiting', why: WAITS[reason] ?? reason };
  }
  const ended = queued ? ENDED[queued.state] : '';
  if (last?.kind === 'end') {
    const code = `exit code ${last.status}`;
    return { state: 'failed', why: ended && queued?.state !== 'FAILED' ? ended : code };
  }
  if (queued === undefined) return { state: 'unknown', why: '' };
  return { state: 'failed', why: ended || (last ? 'killed' : 'not in the queue any more') };
}

/** The tasks of a submission, and the step after them. @param queue undefined: not known */
export function statusOf(
  folder: string,
  submission: Submission,
  queue: Map<string, Queued> | undefined,
): TaskStatus[] {
  const { tasks, joins, submitted } = submission;
  const describe = (task: TaskStatus['task'], job: string | undefined): TaskStatus => {
    const marks = readMarks(folder, task);
    const starts = marks.filter((mark) => mark.kind === 'start');
    return {
      task,
      ...stateOf(marks, queue && ((job && queue.get(job)) || null)),
      node: starts.at(-1)?.node ?? '',
      starts: starts.length,
      says: lastLine(folder, task),
      job,
    };
  };
  const all = tasks.map((_, i) => {
    const entry = submitted.findLast((one) => one.tasks.includes(i + 1));
    return describe(i + 1, entry && `${entry.job}_${i + 1}`);
  });
  return joins ? [...all, describe(RESULT, submitted.at(-1)?.result)] : all;
}

/** The jobs of a submission, as Slurm calls them. */
export const jobsOf = ({ submitted }: Submission): string[] =>
  submitted.flatMap(({ job, result }) => [job, result ?? '']).filter(Boolean);
