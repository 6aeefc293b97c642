/**
 * Runs the tests:
 *
 *     npm test                      all files of test/ that are named x.test.ts
 *     npm test -- backend verify    those whose path contains one of the words
 *
 * Each file runs in a process of its own, two or more at a time, so that a crash or a leak stays
 * where it is; those that took longest the last time go first. The last line counts tests; a file that dies, hangs or runs no test counts as one
 * failed. What is skipped is named, with the reason.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { InputError } from '../src/util/errors';
import { writeAtomic } from '../src/util/files';
import { runAsProgram } from '../src/util/script';

const root = path.join(__dirname, '..');
/** Seconds that each file took when it last ran. */
const timesFile = path.join(root, 'node_modules/.cache/tiller/times.json');
/** Loaded into the tests' processes and all that they start. */
const preload = `--require=${JSON.stringify(path.join(__dirname, 'compiledOnce.cjs'))}`;
/** A hang is ended then. No test may take so long, on however busy a machine. */
const minutesPerFile = 15;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * What uvu's closing lines say, given how the process ended. Without those lines, or when the exit
 * code contradicts them, the file itself counts as a failed test.
 */
export function countTests(output: string, exitCode: number | null): Counts {
  const read = (label: string) =>
    Number(output.match(new RegExp(`^ {2}${label}: +(\\d+)$`, 'm'))?.[1]);
  const [total, passed, skipped] = [read('Total'), read('Passed'), read('Skipped')];
  if (Number.isNaN(total + passed + skipped)) return { passed: 0, failed: 1, skipped: 0 };
  const failed = total - passed;
  const contradicted = failed === 0 && (exitCode !== 0 || total + skipped === 0);
  return { passed, failed: failed + (contradicted ? 1 : 0), skipped };
}

/** The lines by which tests say why they do not run. */
export function skippedLines(output: string): string[] {
  return output.match(/^\(?skipped: .*$/gim) ?? [];
}

function findTests(words: string[]): string[] {
  const files = fs.readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => path.join('test', file))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
}

type Times = Record<string, number>;

function readTimes(): Times {
  return fs.existsSync(timesFile) ? JSON.parse(fs.readFileSync(timesFile, 'utf8')) : {};
}

/** Longest first, and before them those that never ran: the last one ends alone. */
export function longestFirst(files: string[], times: Times): string[] {
  const timeOf = (file: string) => times[file] ?? Number.POSITIVE_INFINITY;
  return [...files].sort((a, b) => (timeOf(a) === timeOf(b) ? 0 : timeOf(b) - timeOf(a)));
}

/** Runs one file and prints its line; its output too when something in it failed. */
function runFile(file: string, times: Times): Promise<Counts> {
  const start = Date.now();
  const child = spawn(process.execPath, ['-r', 'ts-node/register', file], {
    cwd: root,
    env: {
      ...process.env,
      NO_COLOR: '1',
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${preload}`.trim(),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const timer = setTimeout(() => {
    output += `\nStopped after ${minutesPerFile} minutes.\n`;
    child.kill('SIGKILL');
  }, minutesPerFile * 60_000);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (signal) output += `\nThe process ended by ${signal}.\n`;
      const counts = countTests(output, code);
      times[file] = (Date.now() - start) / 1000;
      const mark = counts.failed ? 'FAIL' : 'ok  ';
      console.log(`${mark} ${file}: ${describe(counts)} (${times[file].toFixed(1)} s)`);
      for (const line of skippedLines(output)) console.log(`       ${line}`);
      if (counts.failed) console.log(`${output.trimEnd().replace(/^/gm, '  | ')}\n`);
      resolve(counts);
    });
  });
}

function describe({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
}

async function main(words: string[]): Promise<number> {
  const files = findTests(words);
  if (files.length === 0) throw new InputError(`No test file matches ${words.join(' ')}.`);
  const sum: Counts = { passed: 0, failed: 0, skipped: 0 };
  const times = readTimes();
  const waiting = longestFirst(files, times);
  const worker = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const counts = await runFile(file, times);
      for (const key of ['passed', 'failed', 'skipped'] as const) sum[key] += counts[key];
    }
  };
  const workers = Math.min(4, Math.max(2, os.availableParallelism()));
  await Promise.all(Array.from({ length: workers }, worker));
  fs.mkdirSync(path.dirname(timesFile), { recursive: true });
  writeAtomic(timesFile, JSON.stringify(times));
  console.log(`\n${describe(sum)}`);
  return sum.failed ? 1 : 0;
}

runAsProgram(module, { takes: [0, Infinity] }, ({ positionals }) => main(positionals));
