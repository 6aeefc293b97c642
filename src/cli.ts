#!/usr/bin/env node
/**
 * The command line: `tiller` where the package is installed, in a clone
 *
 *     npx ts-node src/cli.ts doctor
 *     npx ts-node src/cli.ts generate tiny-gemma2 "Why is the sky blue?"
 */
import { type Command as CacCommand, cac } from 'cac';
import type { Command } from './commands/command';
import { doctorCommand } from './commands/doctor';
import { downloadCommand } from './commands/download';
import { generateCommand } from './commands/generate';
import { hooksCommand } from './commands/hooks';
import { ifevalCommand } from './commands/ifeval';
import { inspectCommand } from './commands/inspect';
import { jobsCommand } from './commands/jobs';
import { perplexityCommand } from './commands/perplexity';
import { playgroundCommand } from './commands/playground';
import { reportCommand } from './commands/report';
import { runsCommand } from './commands/runs';
import { serveCommand } from './commands/serve';
import { setupTensorflowCommand } from './commands/setupTensorflow';
import { vectorConvertCommand } from './commands/vector/convert';
import { vectorInspectCommand } from './commands/vector/inspect';
import { vectorMakeCommand } from './commands/vector/make';
import { vectorMergeCommand } from './commands/vector/merge';
import { vectorSearchCommand } from './commands/vector/search';
import { verifyCommand } from './commands/verify';
import { didYouMean, InputError } from './util/errors';
import { DOWNLOAD, TILLER } from './util/invocation';
import { EXIT_CODES, explainFailure, watchOutput } from './util/program';
import { toolVersion } from './util/version';
import { readWords } from './util/words';

const helpCommand: Command = {
  name: 'help [...command]',
  description: 'Show this, or what a command takes',
  run(words) {
    const program = programNamed(words[0]);
    if (program) return program.run(['--help'], {});
    (words.length ? findCommand(words) : cli.globalCommand).outputHelp();
    return 0;
  },
};

const COMMANDS: Command[] = [
  doctorCommand,
  verifyCommand,
  generateCommand,
  serveCommand,
  playgroundCommand,
  inspectCommand,
  hooksCommand,
  vectorMakeCommand,
  vectorSearchCommand,
  vectorInspectCommand,
  vectorConvertCommand,
  vectorMergeCommand,
  perplexityCommand,
  runsCommand,
  jobsCommand,
  reportCommand,
  ifevalCommand,
  downloadCommand,
  setupTensorflowCommand,
  helpCommand,
];

// The name in --help: what a reader would type.
const cli = cac(TILLER);
cli.usage(
  `<command> [options]\n\nActivation steering on TensorFlow.js.\nA model is a folder, an alias (phi-3) or an id on the Hub; see ${DOWNLOAD} --help.`,
);
cli.option('--debug', 'Show the stack of an error');
cli.version(toolVersion.replace('tiller ', ''));
// The first section would be the name in --help with the version.
cli.help(([, ...sections]) => [
  { body: toolVersion },
  ...sections,
  { title: 'Exit codes', body: EXIT_CODES },
]);

for (const { name, description, usage = name, options = [], examples = [], run } of COMMANDS) {
  const command = cli.command(name, description).usage(usage).action(run);
  for (const [flags, meaning] of options) command.option(flags, meaning);
  for (const example of examples)
    command.example(`  ${example.replace(/\btiller /g, `${TILLER} `)}`);
}

/** The command of that name, where it reads its words itself. */
const programNamed = (word?: string) =>
  COMMANDS.find(({ name, program }) => program && name.split(' ')[0] === word);

/**
 * The command that words begin with; some have two: `vector make`.
 * @throws InputError for words that name no command
 */
function findCommand([first, second = '']: string[]): CacCommand {
  const two = `${first} ${second}`;
  const found = cli.commands.find(({ name }) => name === first || name === two);
  if (found) return found;
  const names = cli.commands.map(({ name }) => name);
  const inGroup = names.filter((name) => name.startsWith(`${first} `));
  const [given, known] = inGroup.length ? [two.trim(), inGroup] : [first, names];
  throw new InputError(
    `No command "${given}" (there are ${known.join(', ')}).${didYouMean(given, known)}`,
  );
}

/** @throws InputError for fewer words than the command needs, or more than it takes */
function checkWords({ name, args, usageText = '' }: CacCommand, words: string[]) {
  const usage = `Usage: ${cli.name} ${usageText.split('\n')[0]}`;
  const missing = args.filter(({ required }) => required)[words.length];
  if (missing) throw new InputError(`${name} needs a <${missing.value}>. ${usage}`);
  const extra = args.some(({ variadic }) => variadic) ? undefined : words[args.length];
  if (extra !== undefined) throw new InputError(`${name} can't use "${extra}". ${usage}`);
}

const longName = ({ rawName }: { rawName: string }) => /--([\w-]+)/.exec(rawName)?.[1] ?? rawName;

/**
 * cac declares the options and prints the help. It does not read the words: it would take `007` for
 * 7, and the `-1` of `--temperature -1` for an option.
 */
async function runWords(given: string[]): Promise<number> {
  const program = programNamed(given[0]);
  if (program) return program.run(given.slice(1), {});
  const named = given.filter((word) => !word.startsWith('-'));
  const command = named.length ? findCommand(named) : undefined;
  const declared = [...(command?.options ?? []), ...cli.globalCommand.options];
  const valued = declared.filter(({ isBoolean }) => !isBoolean);
  const isList = ({ rawName }: { rawName: string }) => rawName.includes('...');
  const { options, lists, positionals } = readWords(command?.name ?? 'tiller', given, {
    values: valued.filter((option) => !isList(option)).map(longName),
    lists: valued.filter(isList).map(longName),
    flags: declared.filter(({ isBoolean }) => isBoolean).map(longName),
    short: { help: 'h', version: 'v' },
  });
  if (options.help) {
    (command ?? cli.globalCommand).outputHelp();
    return 0;
  }
  if (options.version) {
    console.log(toolVersion);
    return 0;
  }
  if (!command) {
    const names = cli.commands.map(({ name }) => name);
    throw new InputError(`Give a command: ${names.join(', ')} (--help shows more).`);
  }
  const words = positionals.slice(command.name.split(' ').length);
  checkWords(command, words);
  return command.commandAction?.(words, { ...options, ...lists });
}

/**
 * Runs one command line.
 * @param argv as `process.argv`: two words that are skipped, then the command
 * @returns the exit code: see src/util/program.ts
 */
export async function run(argv: string[]): Promise<number> {
  try {
    return await runWords(argv.slice(2));
  } catch (error) {
    const { message, code } = explainFailure(error);
    // One line, whatever the message: callers of a script read the last line.
    const line = message.replace(/\s*\n\s*/g, ' ');
    const { stack } = error as Error;
    console.error(argv.includes('--debug') && stack ? stack : `tiller: ${line}`);
    return code;
  }
}

if (require.main === module) {
  watchOutput();
  run(process.argv).then((code) => {
    process.exitCode = code;
  });
}
