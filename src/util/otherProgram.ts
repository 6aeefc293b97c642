/** Runs other programs, with a sign of life while they work. */
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from './errors';
import { Progress } from './progress';
import { duration } from './units';

/** Seconds of silence after which a line says that it goes on. */
const SILENCE = 10;

/** Whether a command is there and ends well. */
export function works(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Called with what it prints, and twice a second. @returns whether it showed something */
  watch?: (printed: string) => boolean;
}

/**
 * Runs a command to its end. Its output is kept; the last lines are shown when it fails.
 * @param what for people: `Compiling`
 * @returns what it wrote to standard output
 * @throws InputError when it can't be started, or fails
 */
export async function mustRun(
  what: string,
  command: string,
  args: string[],
  { cwd, env, watch }: CommandOptions = {},
): Promise<string> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, stdout] = ['', ''];
  const started = performance.now();
  let shown = started;
  const look = (printed: string) => {
    if (watch?.(printed)) shown = performance.now();
    else if (performance.now() - shown > 1000 * SILENCE) {
      shown = performance.now();
      console.error(`  ${what} goes on, ${duration((shown - started) / 1000)} so far`);
    }
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
    look(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const timer = setInterval(look, 500, '');
  const status = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      output += error.message;
      resolve(null);
    });
    child.on('close', resolve);
  });
  clearInterval(timer);
  if (status === 0) return stdout;
  const tail = output.trimEnd().split('\n').slice(-12).join('\n  ');
  throw new InputError(`${what} failed: ${command} ${args.slice(0, 4).join(' ')} ...\n  ${tail}`);
}

/** Bytes of all files below a folder. */
function bytesIn(folder: string): number {
  let sum = 0;
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    // Files come and go while pip works.
    sum += fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return sum;
}

/** `Downloading x.whl (272.0 MB)`, as pip announces a file of some size. */
const ANNOUNCED = /Downloading \S*?([^\s/]+?)(?:\.metadata)? \(([\d.]+) ([kMG]?)B\)/g;

/**
 * Watches pip download files: it writes them into `folder`, its TMPDIR.
 * @returns for `watch` of `mustRun`
 */
export function watchPip(folder: string): (printed: string) => boolean {
  let progress: Progress | undefined;
  let [before, wanted] = [0, 0];
  return (printed) => {
    const now = bytesIn(folder);
    if (progress && now > before) {
      progress.add(Math.min(now - before, wanted));
      wanted -= Math.min(now - before, wanted);
    }
    const grew = now > before;
    before = now;
    for (const [, name, amount, unit] of printed.matchAll(ANNOUNCED)) {
      progress?.end();
      wanted = Number(amount) * { '': 1, k: 1e3, M: 1e6, G: 1e9 }[unit as '']!;
      progress = new Progress(name, wanted, { bytes: true });
    }
    if (progress && wanted <= 0) {
      progress.end();
      progress = undefined;
    }
    return grew;
  };
}
