import { createHash } from 'node:crypto';
import * as path from 'node:path';
import { cac } from 'cac';
import { type ConfigOf, loadConfig, type Schema } from '../../src/config';
import { InputError } from '../../src/errors';
import { defaultsFile } from './help';

export const projectRoot = path.join(__dirname, '../..');

export interface ScriptContext {
  /** `default`, or a hash of the config where it differs from the defaults. */
  runName: string;
}

/**
 * Runs the script in `file` with the process's arguments: Hydra-style `key=value`, `--config
 * file.yaml`, `--dry-run` (`--help`: see help.ts). Exit codes: 0; 2 for bad input (message only);
 * 1 for a defect (with its stack). Ctrl-C ends at once, by the signal: finished rows are on the disk.
 */
export async function runScript<S extends Schema>(
  file: string,
  schema: S,
  main: (config: ConfigOf<S>, context: ScriptContext) => Promise<void>,
): Promise<void> {
  try {
    const config = readCommandLine(file, schema, process.argv.slice(2));
    await main(config, { runName: runName(file, schema, config) });
  } catch (error) {
    if (error instanceof InputError) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 2;
    } else {
      console.error(error);
      process.exitCode = 1;
    }
  }
}

/** The config for these arguments, on top of the script's defaults in `configs/`. */
export function readCommandLine<S extends Schema>(
  file: string,
  schema: S,
  words: string[],
): ConfigOf<S> {
  let overrides: string[] = [];
  let extraFile: string | undefined;
  const cli = cac();
  cli
    .command('[...key=value]')
    .option('--config <file>', '')
    .action((given: string[], options: { config?: unknown }) => {
      overrides = given.map(String);
      if (options.config !== undefined) extraFile = String(options.config);
    });
  try {
    // cac 7 would take the word after a dashed boolean flag for its value.
    const plain = words.map((word) => (word === '--dry-run' ? 'dry_run=true' : word));
    cli.parse(['node', file, ...plain]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new InputError(`${message}. Settings are written key=value; --help lists them.`);
  }
  return loadConfig(schema, defaultsFile(file), { extraFile, overrides });
}

/** Settings that change where results go, not what they are. */
const NOT_IN_NAME = ['name', 'output_path', 'dry_run', 'device'];

function runName<S extends Schema>(file: string, schema: S, config: ConfigOf<S>): string {
  const identity = (values: Record<string, unknown>) =>
    JSON.stringify(Object.entries(values).filter(([key]) => !NOT_IN_NAME.includes(key)));
  const mine = identity(config);
  if (mine === identity(loadConfig(schema, defaultsFile(file)))) return 'default';
  return createHash('sha256').update(mine).digest('hex').slice(0, 8);
}
