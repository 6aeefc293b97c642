import { cac } from 'cac';
import {
  type ConfigOf,
  loadWithSources,
  readYaml,
  type Schema,
  type Sources,
  type YamlFile,
} from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
import { explainFailure, watchOutput } from '../../../src/util/program';
import type { Table } from '../../../src/util/table';
import { refuseMissingLayers } from '../layers';
import { authorsHints } from './authorsKeys';
import { defaultsFile, scriptName } from './help';
import { type Done, showRuns } from './joinRuns';
import { nameOfRun } from './names';
import type { PlannedWork } from './plannedWork';
import { type Preset, presetFor, presetNotice, presetSchema, settingsFor } from './presets';

export interface ScriptContext {
  /**
   * `default`, or a hash of config and inputs where they differ from the defaults of its model.
   * @param inputs names of what the run takes from earlier steps, where they are not the usual ones
   */
  runName(inputs?: string[]): string;
  /** What earlier steps of the same `run.ts` wrote: files and folders. */
  made: readonly string[];
  /** To be told what the step wrote, or would write if it is dry: for the steps after it. */
  wrote(place: string): void;
  /** To be told what the step would compute, when it is dry. */
  plans(work: PlannedWork): void;
  /** Whether tables are shown with all their columns (`--wide`). */
  wide: boolean;
  /** Whether `load_results` follows in the same `run.ts`: it shows the tables then. */
  resultsFollow: boolean;
}

/** A step of an experiment: a file of its own, with its config beside it in `configs/`. */
export interface Script {
  file: string;
  schema: Schema;
  /** @returns the main figures, where there are any: `--multirun` joins those of all runs */
  run(config: Record<string, unknown>, context: ScriptContext): Promise<Table | undefined>;
}

/** What stands on a command line. */
export interface Command {
  overrides: string[];
  extraFile?: string;
  /** Values with commas at the top level are sweeps. */
  multirun: boolean;
  /** Tables with all their columns, however wide. */
  wide: boolean;
}

/**
 * The script in `file`; started as a program, it runs with the process's arguments: Hydra-style
 * `key=value`, `--multirun`, `--config file.yaml`, `--dry-run`, `--wide` (`--help`: see help.ts).
 */
export function defineScript<S extends Schema>(
  file: string,
  schema: S,
  main: (
    config: ConfigOf<S & typeof presetSchema>,
    context: ScriptContext,
  ) => Promise<Table | undefined> | Promise<void>,
): Script {
  const script = { file, schema: { ...schema, ...presetSchema }, run: main as Script['run'] };
  runIfMain(file, ({ extraFile, overrides, wide }) =>
    runScript(script, extraFile ? [readYaml(extraFile)] : [], overrides, { wide }),
  );
  return script;
}

/**
 * The settings of a script: its defaults, the paper's for this model (see presets.ts), further files,
 * overrides; each on top of those before.
 * @throws InputError as `loadConfig`; for a preset there isn't
 */
export function loadSettings(
  { file, schema }: Pick<Script, 'file' | 'schema'>,
  extra: YamlFile[],
  overrides: string[],
): { config: Record<string, unknown>; sources: Sources; preset?: Preset } {
  const defaults = defaultsFile(file);
  const preset = presetFor([readYaml(defaults), ...extra], overrides);
  const special = settingsFor(preset, scriptName(file), Object.keys(schema));
  const options = { extra: [...special, ...extra], overrides, hints: authorsHints };
  const loaded = loadWithSources(schema, defaults, options);
  return { ...loaded, preset: special.length ? preset : undefined };
}

/** What a step is told by the `run.ts` that it belongs to. */
export interface StepContext extends ScriptContext {
  /** Its name there. */
  step: string;
  /** Notices that were shown already. */
  told: Set<string>;
}

/**
 * Runs a script with its defaults, further files and overrides.
 * @throws InputError for bad settings, before anything is done
 */
export async function runScript(
  script: Script,
  extra: YamlFile[],
  overrides: string[],
  { step, told = new Set(), ...context }: Partial<StepContext> = {},
): Promise<Table | undefined> {
  const { config, sources, preset } = loadSettings(script, extra, overrides);
  refuseMissingLayers(script.schema, config, { sources, step });
  const notice = preset && presetNotice(preset);
  if (notice && !told.has(notice)) console.log(notice);
  if (notice) told.add(notice);
  const runName = (inputs?: string[]) => {
    const model = 'model_name' in config ? [`model_name=${JSON.stringify(config.model_name)}`] : [];
    return nameOfRun(config, loadSettings(script, [], model).config, inputs);
  };
  const nobody = { wrote: () => {}, plans: () => {} };
  const plain = { made: [], ...nobody, wide: false, resultsFollow: false };
  return script.run(config, { ...plain, ...context, runName });
}

/** What `act` would do, without a word: it fails where that would fail early. */
export async function rehearse(
  act: (command: Command) => Promise<unknown>,
  command: Command,
): Promise<void> {
  const others = command.overrides.filter((word) => !/^([\w-]+\.)?dry_run=/.test(word));
  await silently(() => act({ ...command, overrides: [...others, 'dry_run=true'] }));
}

/** Keeps what `act` prints to itself. */
export async function silently<T>(act: () => Promise<T>): Promise<T> {
  const { log } = console;
  console.log = () => {};
  try {
    return await act();
  } finally {
    console.log = log;
  }
}

/**
 * Runs `act` when `file` is the program: once, or with `--multirun` for every combination of the
 * values given, all of which are rehearsed before the first; their main figures then stand in one
 * table. Exit codes: 0; 2 for bad input, or an output that can't be written (message only); 1 for a
 * defect (with its stack); 130 for Ctrl-C; 141 when nobody reads the output.
 */
export async function runIfMain(
  file: string,
  act: (command: Command) => Promise<Table | undefined>,
): Promise<void> {
  if (require.main?.filename !== file) return;
  watchOutput();
  process.once('SIGINT', () => {
    process.stderr.write(
      '\nStopped. What is finished is kept: the same command goes on from there.\n',
    );
    process.exit(130);
  });
  try {
    const command = readCommandLine(process.argv.slice(2));
    const runs = command.multirun ? sweep(command.overrides) : [command.overrides];
    if (runs.length > 1) {
      for (const overrides of runs) await rehearse(act, { ...command, overrides });
    }
    const done: Done[] = [];
    for (const [i, overrides] of runs.entries()) {
      if (runs.length > 1) console.log(`\n[${i + 1}/${runs.length}] ${overrides.join(' ')}`);
      const table = await act({ ...command, overrides });
      if (table) done.push({ overrides, table });
    }
    if (done.length > 1) {
      console.log(`\n${showRuns(done, command)}`);
    }
  } catch (error) {
    const { message, code } = explainFailure(error);
    // A defect is reported with its stack.
    console.error(code === 2 ? message : error);
    process.exitCode = code;
  }
}

/** @throws InputError for options that there aren't */
export function readCommandLine(words: string[]): Command {
  const command: Command = { overrides: [], multirun: false, wide: false };
  const cli = cac();
  cli
    .command('[...key=value]')
    .option('--config <file>', '')
    .action((given: string[], options: { config?: unknown }) => {
      command.overrides = given.map(String);
      if (options.config !== undefined) command.extraFile = String(options.config);
    });
  // cac 7 would take the word after a dashed boolean flag for its value.
  const plain = words.flatMap((word) => {
    if (word === '--dry-run') return ['dry_run=true'];
    if (word === '--wide') command.wide = true;
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
