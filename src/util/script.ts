/** The frame of a script that is started from a shell: its help, its words, how it ends. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { didYouMean, InputError } from './errors';
import { explainFailure, watchOutput } from './program';
import { readWords, type Words } from './words';

/** `['--seed <n>', 'Seed of the draws']`, or `['--json', ...]` for one without a value. */
export type Option = readonly [flags: string, meaning: string];

export interface ScriptWords {
  options?: readonly Option[];
  /** How many words beside options it needs, and how many it takes; default: none. */
  takes?: readonly [least: number, most: number];
}

/** Word of an option without dashes, and whether it has a value. */
function parseFlags(flags: string) {
  const [, name, value] = /^--([\w-]+)( <.+>)?$/.exec(flags) ?? [];
  if (!name) throw new Error(`"${flags}" declares no option`);
  return { name, hasValue: value !== undefined };
}

/** The text of --help: the comment that the script's file opens with, and its options. */
export function scriptHelp(file: string, options: readonly Option[]): string {
  const source = fs.readFileSync(file, 'utf8');
  const [, comment = ''] = /^\/\*\*(.*?)\*\//s.exec(source) ?? [];
  const about = comment.replace(/^[ \t]*\*? ?/gm, '').trim();
  const all: Option[] = [...options, ['-h, --help', 'Show this']];
  const width = Math.max(...all.map(([flags]) => flags.length));
  const lines = all.map(([flags, meaning]) => `  ${flags.padEnd(width)}  ${meaning}\n`);
  return `${about}\n\nUsage: npx ts-node ${path.relative(process.cwd(), file)}\n${lines.join('')}`;
}

/** @throws InputError for unknown options, and for words too few or too many */
export function readScriptWords(
  name: string,
  given: string[],
  { options = [], takes: [least, most] = [0, 0] }: ScriptWords,
): Words {
  const declared = options.map(([flags]) => parseFlags(flags));
  const words = readWords(name, given, {
    values: declared.filter(({ hasValue }) => hasValue).map((option) => option.name),
    flags: [...declared.filter(({ hasValue }) => !hasValue).map((option) => option.name), 'help'],
    short: { help: 'h' },
  });
  if (words.options.help) return words;
  const { positionals } = words;
  if (positionals.length > most) {
    throw new InputError(`${name} can't use "${positionals[most]}". See --help.`);
  }
  if (positionals.length < least) {
    throw new InputError(`${name} needs ${least - positionals.length} more words. See --help.`);
  }
  return words;
}

/**
 * Runs `main` with the words of the command line when the file of `module` is the program; answers
 * `--help` from the comment that the file opens with. Exit codes: see src/util/program.ts.
 * @param main a number that it returns is the exit code
 */
export async function runAsProgram(
  { filename }: NodeModule,
  accepted: ScriptWords,
  main: (words: Words) => unknown,
): Promise<void> {
  if (require.main?.filename !== filename) return;
  watchOutput();
  try {
    const words = readScriptWords(path.basename(filename), process.argv.slice(2), accepted);
    if (words.options.help) process.stdout.write(scriptHelp(filename, accepted.options ?? []));
    else process.exitCode = Number((await main(words)) ?? 0);
  } catch (error) {
    const { message, code } = explainFailure(error);
    // A defect is shown with the place where it happened.
    console.error(code === 2 ? message : error);
    process.exitCode = code;
  }
}

/**
 * @param what for messages: `--split`
 * @throws InputError for a value that is none of the choices
 */
export function oneOf<T extends string>(what: string, value: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new InputError(
    `${what} is "${value}", not one of ${choices.join(', ')}.${didYouMean(value, choices)}`,
  );
}
