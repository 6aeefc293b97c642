/**
 * IFEval of a model's responses, in place of the official `evaluation_main`:
 *
 *     npx ts-node ifeval/cli.ts --input_data input_data.jsonl \
 *       --input_response_data responses.jsonl --output_dir results
 *
 * Writes `eval_results_strict.jsonl` and `eval_results_loose.jsonl` into the folder and prints
 * accuracies. Rows that can't be used are all named, and nothing is evaluated (exit code 2), unless
 * `--skip-bad` leaves them out.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { evaluate, formatSummary, summarize } from './evaluate';
import { FileError, readRows } from './rows';

const USAGE =
  'Usage: npx ts-node ifeval/cli.ts --input_data <file> --input_response_data <file> ' +
  '--output_dir <folder> [--skip-bad]';

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
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
}

/** Writes a results file; half a file never stands under its name. */
function writeLines(file: string, rows: object[]) {
  const partial = `${file}.tmp`;
  fs.writeFileSync(partial, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  fs.renameSync(partial, file);
}

function evaluateFiles(args: string[]): number {
  const flags = parseFlags(args);
  if (flags.help) {
    console.log(USAGE);
    return 0;
  }
  const { input_data: input, input_response_data: responses, output_dir: folder } = flags;
  if (!input || !responses || !folder) {
    const given = { input_data: input, input_response_data: responses, output_dir: folder };
    const missing = Object.entries(given).filter(([, value]) => !value);
    throw new UsageError(`Missing ${missing.map(([name]) => `--${name}`).join(', ')}\n${USAGE}`);
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

  fs.mkdirSync(folder, { recursive: true });
  const summaries = (['strict', 'loose'] as const).map((mode) => {
    const results = rows.map((row) => evaluate(row, mode));
    writeLines(path.join(folder, `eval_results_${mode}.jsonl`), results);
    return summarize(results);
  });
  console.log(formatSummary(summaries[0], summaries[1]));
  if (bad) console.log(`\n${bad} bad rows skipped, ${rows.length} evaluated.`);
  return 0;
}

/** Runs the command line; the exit code is 0, or 2 for flags, files or rows that can't be used. */
export function main(args: string[]): number {
  try {
    return evaluateFiles(args);
  } catch (error) {
    if (!(error instanceof FileError || error instanceof UsageError)) throw error;
    console.error(error.message);
    return 2;
  }
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));
