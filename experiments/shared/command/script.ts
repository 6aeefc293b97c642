import {
  type ConfigOf,
  loadWithSources,
  readYaml,
  type Schema,
  type Sources,
  type YamlFile,
} from '../../../src/runs/config';
import type { Shard } from '../../../src/runs/shard';
import { explainFailure, watchOutput } from '../../../src/util/program';
import type { Table } from '../../../src/util/table';
import { refuseMissingLayers } from '../layers';
import type { ReportedFolder } from '../report/build';
import { type Reporting, writeJoined } from '../report/finish';
import { attempt } from './attempt';
import { authorsHints } from './authorsKeys';
import { type Act, type Command, readCommandLine, sweep } from './commandLine';
import { defaultsFile, scriptName } from './help';
import { type Done, showRuns } from './joinRuns';
import { launch } from './launcher/launch';
import { refuseShards } from './launcher/shards';
import { refuseLauncherWords } from './launcher/words';
import { nameOfRun } from './names';
import type { PlannedWork } from './plannedWork';
import { type Preset, presetFor, presetNotice, presetSchema, settingsFor } from './presets';
import { rehearse } from './rehearse';

export interface ScriptContext extends Reporting {
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
  /** The part of an evaluation's rows that this process is to finish; without it, all of them. */
  shard?: Shard;
  /** Whether `load_results` follows in the same `run.ts`: it shows the tables then. */
  resultsFollow: boolean;
}

/** What of a command line its steps are told. */
export const contextOf = ({
  wide,
  report,
  reported,
  shard,
  plans,
}: Command): Partial<ScriptContext> => ({
  wide,
  ...(report && { report }),
  ...(reported && { reported }),
  ...(shard && { shard }),
  ...(plans && { plans }),
});

/** A step of an experiment: a file of its own, with its config beside it in `configs/`. */
export interface Script {
  file: string;
  schema: Schema;
  /** @returns the main figures, where there are any: `--multirun` joins those of all runs */
  run(config: Record<string, unknown>, context: ScriptContext): Promise<Table | undefined>;
}

/**
 * The script in `file`; started as a program, it runs with the process's arguments: Hydra-style
 * `key=value`, `--multirun`, `--config file.yaml`, `--dry-run`, `--wide`, `--no-report` (`--help`: see
 * help.ts).
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
  runIfMain(file, (command) => {
    const { extraFile, overrides } = command;
    return runScript(script, extraFile ? [readYaml(extraFile)] : [], overrides, contextOf(command));
  });
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
  const nobody = { wrote: () => {}, plans: () => {}, report: false, reported: () => {} };
  const plain = { made: [], ...nobody, wide: false, resultsFollow: false };
  return script.run(config, { ...plain, ...context, runName });
}

/**
 * Runs `act` when `file` is the program: here (`runHere`), or where `--launcher` says. Exit codes: 0;
 * 2 for bad input, or an output that can't be written (message only); 1 for a defect (with its stack);
 * 130 for Ctrl-C; 141 when nobody reads the output; 143 for a program that was told to end.
 */
export async function runIfMain(file: string, act: Act): Promise<void> {
  if (require.main?.filename !== file) return;
  watchOutput();
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => {
      process.stderr.write(
        '\nStopped. What is finished is kept: the same command goes on from there.\n',
      );
      process.exit(code);
    });
  }
  try {
    const command = readCommandLine(process.argv.slice(2));
    if (command.launcher) await launch(file, act, command);
    else await runHere(act, command);
  } catch (error) {
    const { message, code } = explainFailure(error);
    // A defect is reported with its stack.
    console.error(code === 2 ? message : error);
    process.exitCode = code;
  }
}

/**
 * Runs a command once, or with `--multirun` for every combination of the values given, all of which
 * are rehearsed before the first; their main figures then stand in one table, and all of them in one
 * report.
 */
async function runHere(act: Act, command: Command): Promise<void> {
  refuseLauncherWords(command.overrides);
  const runs = command.multirun ? sweep(command.overrides) : [command.overrides];
  for (const overrides of runs.length > 1 || command.shard ? runs : []) {
    const planned = await rehearse(act, { ...command, overrides });
    if (command.shard) refuseShards(planned, command.shard.count);
  }
  const done: Done[] = [];
  const ended: ReportedFolder[] = [];
  const reported = (run: ReportedFolder) => ended.push(run);
  for (const [i, overrides] of runs.entries()) {
    if (runs.length > 1) console.log(`\n[${i + 1}/${runs.length}] ${overrides.join(' ')}`);
    const table = await attempt(() => act({ ...command, overrides, reported }), command);
    if (table) done.push({ overrides, table });
  }
  if (done.length > 1) {
    console.log(`\n${showRuns(done, command)}`);
  }
  if (command.report && runs.length > 1) await writeJoined(ended);
}
