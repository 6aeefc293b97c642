/** Keeps two processes from writing the same files. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { InputError } from './errors';
import { draftOf, makeFolder, systemReason } from './files';

/** Who holds a lock; `boot` and `started` tell a process from a later one with its number. */
interface Holder {
  pid: number;
  host: string;
  /** Of the machine's running time; '' where the system does not say. */
  boot: string;
  /** When the process began, in ticks since boot; '' where the system does not say. */
  started: string;
  /** Of Slurm, where it started the process; else ''. */
  job: string;
  /** How often Slurm has started that job again. */
  restarts: number;
}

/** What another process holds. */
export class Locked extends InputError {
  constructor(
    message: string,
    readonly place: string,
    readonly what: string,
  ) {
    super(message);
  }
}

/** A lock of another machine that nobody has touched for so long is left over. */
const FOREIGN_MINUTES = 15;
/** How often the holder touches its locks. */
const TOUCH_MS = 60_000;
/** How often one that waits looks again. */
const LOOK_MS = 2000;

/** How often this process has taken each lock that it holds. */
const held = new Map<string, number>();
let touching: NodeJS.Timeout | undefined;

/**
 * Takes the lock `file`, which is there as long as it is held. What a killed process left is taken
 * over: one whose process has ended, or whose machine was started again since; of another machine,
 * one that Slurm lost before it started the same job here, or one untouched for 15 minutes. The same
 * process may take a lock again.
 * @param what for messages: what is locked, e.g. `the run runs/a`
 * @returns what releases it; the end of the process does too
 * @throws Locked naming the process that holds it; InputError for a place that can't be written
 */
export function lock(file: string, what: string): () => void {
  const place = path.resolve(file);
  const times = held.get(place) ?? 0;
  if (!times) take(place, what);
  held.set(place, times + 1);
  keepTouching();
  let released = false;
  return () => {
    if (released) return;
    released = true;
    release(place);
  };
}

/** Waits until a lock that another process holds can be had, looking every other second. */
export async function untilFree({ place, what }: Locked): Promise<void> {
  for (;;) {
    try {
      return lock(place, what)();
    } catch (error) {
      if (!(error instanceof Locked)) throw error;
      await pause(LOOK_MS);
    }
  }
}

function release(place: string) {
  const times = held.get(place) ?? 0;
  if (times > 1) {
    held.set(place, times - 1);
    return;
  }
  held.delete(place);
  fs.rmSync(place, { force: true });
}

function take(place: string, what: string) {
  makeFolder(path.dirname(place));
  const draft = draftOf(place);
  try {
    fs.writeFileSync(draft, JSON.stringify(identity(process.pid)));
    // As a link, the lock appears with its content, or not at all.
    while (!linked(draft, place)) clearAway(place, draft, what);
  } catch (error) {
    const reason = systemReason(error);
    if (!reason) throw error;
    throw new InputError(`Can't write to ${path.dirname(place)}: ${reason}.`);
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

function linked(draft: string, place: string): boolean {
  try {
    fs.linkSync(draft, place);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // Some disks know no links.
    if (code !== 'EPERM' && code !== 'ENOSYS' && code !== 'ENOTSUP') throw error;
    return created(draft, place);
  }
}

function created(draft: string, place: string): boolean {
  try {
    fs.copyFileSync(draft, place, fs.constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a lock that was left over. @throws InputError when its process may still run */
function clearAway(place: string, draft: string, what: string) {
  const text = readIfThere(place);
  if (text === undefined) return;
  const holder = parseHolder(text);
  if (holder && !isOver(holder, place, draft)) {
    throw new Locked(
      `Process ${holder.pid} on ${holder.host} is writing to ${what}. Wait for it to end, or stop it. ` +
        `(If there is no such process, remove ${place}.)`,
      place,
      what,
    );
  }
  // Moved before it is removed: of two processes that see it, one gets it.
  const aside = `${draft}.old`;
  try {
    fs.renameSync(place, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  // Where another was quicker, this is its new lock: it goes back.
  if (readIfThere(aside) !== text) linked(aside, place);
  fs.rmSync(aside, { force: true });
}

function readIfThere(place: string): string | undefined {
  try {
    return fs.readFileSync(place, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** undefined for what no lock of ours holds. */
function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, boot, started, job, restarts } = JSON.parse(text) as Holder;
    if (Number.isSafeInteger(pid) && pid > 0 && typeof host === 'string') {
      const ofSystem = { boot: String(boot ?? ''), started: String(started ?? '') };
      return { pid, host, ...ofSystem, job: String(job ?? ''), restarts: Number(restarts ?? 0) };
    }
  } catch {
    // cut off, or another program's
  }
  return undefined;
}

function isOver(holder: Holder, place: string, draft: string): boolean {
  const now = identity(holder.pid);
  if (holder.host !== now.host) {
    // Slurm starts a job again once it has given up the machine that it was on.
    if (holder.job && holder.job === now.job && holder.restarts < now.restarts) return true;
    // By the clock of the disk: the machines' own may differ.
    const [touched, today] = [place, draft].map((file) => fs.statSync(file).mtimeMs);
    return today - touched > FOREIGN_MINUTES * 60_000;
  }
  if (holder.boot !== now.boot) return true;
  return !isRunning(holder.pid) || holder.started !== now.started;
}

function identity(pid: number): Holder {
  const { SLURM_JOB_ID: job = '', SLURM_RESTART_COUNT: restarts = 0 } = process.env;
  const slurm = { job, restarts: Number(restarts) };
  return { pid, host: os.hostname(), boot: bootId(), started: startOf(pid), ...slurm };
}

const bootId = () => readIfPossible('/proc/sys/kernel/random/boot_id').trim();

/** Field 22 of /proc/<pid>/stat; the second may hold spaces. */
const startOf = (pid: number) =>
  readIfPossible(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[19] ?? '';

function readIfPossible(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Without the right to signal it, it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function keepTouching() {
  if (touching) return;
  const touch = () => {
    for (const place of held.keys()) fs.utimes(place, new Date(), new Date(), () => undefined);
  };
  touching = setInterval(touch, TOUCH_MS);
  touching.unref();
  process.once('exit', () => {
    for (const place of held.keys()) fs.rmSync(place, { force: true });
  });
}
