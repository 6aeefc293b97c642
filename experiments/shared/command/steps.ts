import * as path from 'node:path';
import { isMap, parseOverride, readYaml, type YamlFile } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
import type { Table } from '../../../src/util/table';
import type { ReportedFolder } from '../report/build';
import { writeJoined } from '../report/finish';
import { explainUnknown } from './authorsKeys';
import type { Command } from './commandLine';
import { defaultsFile } from './help';
import { rehearse } from './rehearse';
import { contextOf, runIfMain, runScript, type Script, type StepContext } from './script';

/** A script; with a name of its own where it is run several times. */
export type Step = Script | [name: string, script: Script];

const nameOf = (step: Step) => (Array.isArray(step) ? step[0] : path.basename(step.file, '.ts'));
const scriptOf = (step: Step) => (Array.isArray(step) ? step[1] : step);

/**
 * The `run.ts` of an experiment: its steps one after the other, in one process, rehearsed before the
 * first. `key=value` goes to every step that has the key, `find_best_layer.key=value` to that one
 * alone. What a step wrote, the later ones of the run take before anything else. The main figures are
 * those of the last step.
 */
export function defineRun(file: string, steps: Step[]): Run {
  const runAll = async (command: Command) => {
    const { extraFile, overrides } = command;
    const extra = extraFile === undefined ? [] : [readYaml(extraFile)];
    const plans = planSteps(defaultsFile(file), steps, { overrides, extra });
    return runSteps(plans, contextOf(command));
  };
  runIfMain(file, async (command) => {
    await rehearse(runAll, command);
    return runAll(command);
  });
  return Object.assign(runAll, { file, steps });
}

/** Runs the steps of a `run.ts`; its parts, for programs that run several. */
export interface Run {
  (command: Command): Promise<Table | undefined>;
  file: string;
  steps: Step[];
}

/**
 * Runs planned steps one after the other; runs of one experiment end with one report on all of them.
 * @param context for all of them
 * @param titleOf the line that stands before each
 * @returns the main figures of the last
 */
export async function runSteps(
  plans: PlannedStep[],
  context: Partial<StepContext>,
  titleOf = ({ name }: PlannedStep, i: number) => `${i + 1}/${plans.length} ${name}`,
): Promise<Table | undefined> {
  const made: string[] = [];
  const told = new Set<string>();
  const wrote = (place: string) => made.push(place);
  const ended: ReportedFolder[] = [];
  const reported = (run: ReportedFolder) => {
    ended.push(run);
    context.reported?.(run);
  };
  let last: Table | undefined;
  for (const [i, plan] of plans.entries()) {
    const { name, script, extra, overrides } = plan;
    console.log(`\n── ${titleOf(plan, i)}`);
    const resultsFollow = plans.slice(i + 1).some((later) => later.name === 'load_results');
    last = await runScript(script, extra, overrides, {
      ...{ step: name, told, made, wrote, resultsFollow },
      ...context,
      reported,
    });
  }
  if (context.report) await writeJoined(ended);
  return last;
}

/** What a step is started with. */
export interface PlannedStep {
  name: string;
  script: Script;
  extra: YamlFile[];
  overrides: string[];
}

/**
 * What each step is started with.
 * @throws InputError for a key that no step has
 */
export function planSteps(
  defaults: string,
  steps: Step[],
  { overrides, extra = [] }: { overrides: string[]; extra?: YamlFile[] },
): PlannedStep[] {
  const files = [readYaml(defaults), ...extra];
  for (const { source, content } of files) {
    for (const [key, value] of Object.entries(content)) {
      // Other defaults of a step, for some models and values; loadConfig checks those.
      const inner = isMap(value)
        ? Object.keys(value).filter((one) => !['models', 'cases'].includes(one))
        : null;
      const keys = inner ? inner.map((one) => `${key}.${one}`) : [key];
      for (const one of keys) {
        refuseUnknown(one, isMap(value) ? value[one.slice(key.length + 1)] : value, source, steps);
      }
    }
  }
  for (const override of overrides) {
    const { key, value } = parseOverride(override);
    refuseUnknown(key, value, 'command line', steps);
  }
  const scripts = steps.map(scriptOf);
  const often = new Set(scripts.filter((script, i) => scripts.indexOf(script) < i));
  return steps.map((step) => {
    const name = nameOf(step);
    const script = scriptOf(step);
    const own = Object.keys(script.schema);
    return {
      name,
      script,
      extra: files.flatMap(({ source, content }) => {
        const general = Object.entries(content).filter(([key]) => own.includes(key));
        const special = isMap(content[name]) ? [{ source, content: content[name] }] : [];
        return [{ source, content: Object.fromEntries(general) }, ...special];
      }),
      overrides: ownOverrides(overrides, name, own).map((override) =>
        often.has(script) && overrides.includes(override) ? inOwnName(override, name) : override,
      ),
    };
  });
}

/** `name=second` is another name for each step of a script that runs several times. */
function inOwnName(override: string, step: string): string {
  const { key, value } = parseOverride(override);
  return key === 'name' && value ? `name=${JSON.stringify(`${step}_${value}`)}` : override;
}

/** `two.seed=2` takes the place of `seed=1` for the step two. */
function ownOverrides(overrides: string[], name: string, own: string[]): string[] {
  const mine = overrides.filter((override) => goesTo(parseOverride(override).key, name, own));
  const prefix = `${name}.`;
  const special = mine.filter((override) => override.startsWith(prefix));
  const keys = special.map((override) => parseOverride(override).key.slice(prefix.length));
  const general = mine.filter(
    (override) => !special.includes(override) && !keys.includes(parseOverride(override).key),
  );
  return [...general, ...special.map((override) => override.slice(prefix.length))];
}

const goesTo = (key: string, name: string, keys: string[]) =>
  keys.includes(key) || (key.startsWith(`${name}.`) && keys.includes(key.slice(name.length + 1)));

/** All keys that a run of steps takes: `key`, and `step.key`. */
export const keysOfSteps = (steps: Step[]): string[] =>
  steps.flatMap((step) =>
    Object.keys(scriptOf(step).schema).flatMap((own) => [own, `${nameOf(step)}.${own}`]),
  );

function refuseUnknown(key: string, value: unknown, source: string, steps: Step[]) {
  const keysOf = (step: Step) => Object.keys(scriptOf(step).schema);
  if (steps.some((step) => goesTo(key, nameOf(step), keysOf(step)))) return;
  const known = keysOfSteps(steps);
  const files = new Set(steps.map((step) => nameOf(scriptOf(step))));
  throw new InputError(
    `Unknown key "${key}" (${source}): none of the steps has it.` +
      explainUnknown(key, value, known) +
      ` The steps: ${steps.map(nameOf).join(', ')}. --help of ${[...files].join(', ')} lists keys.`,
  );
}
