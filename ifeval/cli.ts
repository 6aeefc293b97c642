/**
 * IFEval of a model's responses, in place of the official `evaluation_main`:
 *
 *     npx ts-node ifeval/cli.ts --input_data input_data.jsonl \
 *       --input_response_data responses.jsonl --output_dir results
 *
 * Writes `eval_results_strict.jsonl` and `eval_results_loose.jsonl` into the folder and prints
 * accuracies. Rows that can't be used are all named, and nothing is evaluated, unless `--skip-bad`
 * leaves them out. Exit codes: 0; 2 for flags, files or rows that can't be used, and for results
 * that can't be written; 141 when nobody reads the output.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { evaluate, formatSummary, type Result, summarize } from './evaluate';
import { FileError, readRows } from './rows';

const usage = (typed: string) =>
  `Usage: ${typed} --input_data <file> --input_response_data <file> --output_dir <folder> [--skip-bad]`;

class UsageError extends Error {}

function parseFlags(args: string[]) {
  const file = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    const { values } = parseArgs({
      args,
      options: {
        input_data: file,
        input_response_data: file,
        output_dir: file,
        'skip-bad': flag,
        help: { ...flag, short: 'h' },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}`);
  }
}

/** Does what writes files. @throws FileError for a full disk, a missing permission and the like */
function writing(act: () => void) {
  try {
    act();
  } catch (error) {
    throw new FileError(`Can't write the results: ${(error as Error).message}`);
  }
}

/** Writes the results files, both or none; half a file never stands under its name. */
function writeResults(folder: string, results: { strict: Result[]; loose: Result[] }) {
  const files = Object.entries(results).map(([mode, rows]) => {
    const file = path.join(folder, `eval_results_${mode}.jsonl`);
    return { file, draft: `${file}.tmp`, rows };
  });
  try {
    for (const { draft, rows } of files) {
      fs.writeFileSync(draft, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    }
    for (const { file, draft } of files) fs.renameSync(draft, file);
  } finally {
    for (const { draft } of files) fs.rmSync(draft, { force: true });
  }
}

function evaluateFiles(args: string[], typed: string): number {
  const flags = parseFlags(args);
  if (flags.help) {
    console.log(usage(typed));
    return 0;
  }
  const { input_data: input, input_response_data: responses, output_dir: folder } = flags;
  if (!input || !responses || !folder) {
    const given = { input_data: input, input_response_data: responses, output_dir: folder };
    const missing = Object.entries(given).filter(([, value]) => !value);
    throw new UsageError(`Missing ${missing.map(([name]) => `--${name}`).join(', ')}`);
  }

  const { rows, problems } = readRows(input, responses);
  for (const { file, line, reason } of problems) console.error(`${file}:${line}: ${reason}`);
  const bad = new Set(problems.map(({ file, line }) => `${file}:${line}`)).size;
  if (bad && !flags['skip-bad']) {
    console.error(`${bad} bad rows; nothing evaluated. --skip-bad goes on without them.`);
    return 2;
  }
  if (!rows.length) {
    console.error(`${input} has no row that can be evaluated.`);
    return 2;
  }

  // Before the work, so that a folder that can't be made is known at once.
  writing(() => fs.mkdirSync(folder, { recursive: true }));
  const strict = rows.map((row) => evaluate(row, 'strict'));
  const loose = rows.map((row) => evaluate(row, 'loose'));
  writing(() => writeResults(folder, { strict, loose }));
  console.log(formatSummary(summarize(strict), summarize(loose)));
  if (bad) console.log(`\n${bad} bad rows skipped, ${rows.length} evaluated.`);
  return 0;
}

/**
 * Runs the command line; the exit code is 0, or 2 for flags, files or rows that can't be used.
 * @param typed what a reader types to start it
 */
export function main(args: string[], typed = 'npx ts-node ifeval/cli.ts'): number {
  try {
    return evaluateFiles(args, typed);
  } catch (error) {
    if (!(error instanceof FileError || error instanceof UsageError)) throw error;
    console.error(error.message);
    if (error instanceof UsageError) console.error(usage(typed));
    return 2;
  }
}

/** Ends quietly when nobody reads the output any more, as in `| head -1`. */
function onBrokenPipe({ code }: NodeJS.ErrnoException) {
  // As a shell reports a program that SIGPIPE ended.
  if (code === 'EPIPE') process.exit(141);
}

if (require.main === module) {
  process.stderr.on('error', onBrokenPipe);
  process.stdout.on('error', onBrokenPipe).on('error', ({ message }) => {
    console.error(`Can't write the output: ${message}`);
    process.exit(2);
  });
  process.exitCode = main(process.argv.slice(2));
}
