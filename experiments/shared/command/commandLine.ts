import { cac } from 'cac';
import { readShard, type Shard } from '../../../src/runs/shard';
import { InputError } from '../../../src/util/errors';
import type { Table } from '../../../src/util/table';
import type { ReportedFolder } from '../report/build';
import type { PlannedWork } from './plannedWork';

/** What stands on a command line. */
export interface Command {
  overrides: string[];
  extraFile?: string;
  /** Values with commas at the top level are sweeps. */
  multirun: boolean;
  /** Tables with all their columns, however wide. */
  wide: boolean;
  /** A part of the rows of an evaluation. */
  shard?: Shard;
  /** What another process is writing is waited for. */
  wait?: boolean;
  /** What the runs are handed to, in place of being run here. */
  launcher?: string;
  /** Whether runs end with a report; left out: not. */
  report?: boolean;
  /** To be told which runs have one. */
  reported?(run: ReportedFolder): void;
  /** To be told what steps would compute, when they are dry. */
  plans?(work: PlannedWork): void;
}

/** A script, or a run of several. @returns its main figures */
export type Act = (command: Command) => Promise<Table | undefined>;

/** @throws InputError for options that there aren't */
export function readCommandLine(words: string[]): Command {
  const command: Command = { overrides: [], multirun: false, wide: false, report: true };
  const cli = cac();
  cli
    .command('[...key=value]')
    .option('--config <file>', '')
    .option('--shard <part>', '')
    .option('--launcher <name>', '')
    .action(
      (given: string[], options: { config?: unknown; shard?: unknown; launcher?: unknown }) => {
        command.overrides = given.map(String);
        if (options.config !== undefined) command.extraFile = String(options.config);
        if (options.shard !== undefined) command.shard = readShard(String(options.shard));
        if (options.launcher !== undefined) command.launcher = String(options.launcher);
      },
    );
  // cac 7 would take the word after a dashed boolean flag for its value.
  const plain = words.flatMap((word) => {
    if (word === '--dry-run') return ['dry_run=true'];
    if (word === '--wide') command.wide = true;
    else if (word === '--no-report') command.report = false;
    else if (word === '--wait') command.wait = true;
    else if (word === '--multirun' || word === '-m') command.multirun = true;
    else return [word];
    return [];
  });
  try {
    cli.parse(['node', 'script', ...plain]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new InputError(`${message}. Settings are written key=value; --help lists them.`);
  }
  return command;
}

/** Every combination of the values of `key=a,b` words; the last key changes fastest, as in Hydra. */
export function sweep(overrides: string[]): string[][] {
  return overrides.reduce<string[][]>(
    (runs, override) => {
      const at = override.indexOf('=') + 1;
      const values = splitAtCommas(override.slice(at));
      return runs.flatMap((run) => values.map((value) => [...run, override.slice(0, at) + value]));
    },
    [[]],
  );
}

/** Splits at commas outside brackets, braces and quotes. */
function splitAtCommas(text: string): string[] {
  const parts = [''];
  let depth = 0;
  let quote = '';
  for (const char of text) {
    if (quote) quote = char === quote ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
    else if ('[{'.includes(char)) depth++;
    else if (']}'.includes(char)) depth--;
    if (char === ',' && !depth && !quote) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts;
}
