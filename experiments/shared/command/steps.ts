import * as path from 'node:path';
import { isMap, parseOverride, readYaml, type YamlFile } from '../../../src/runs/config';
import { didYouMean, InputError } from '../../../src/util/errors';
import type { Table } from '../../../src/util/table';
import { defaultsFile } from './help';
import { type Command, runIfMain, runScript, type Script } from './script';

/** A script; with a name of its own where it is run several times. */
export type Step = Script | [name: string, script: Script];

const nameOf = (step: Step) => (Array.isArray(step) ? step[0] : path.basename(step.file, '.ts'));
const scriptOf = (step: Step) => (Array.isArray(step) ? step[1] : step);

/**
 * The `run.ts` of an experiment: its steps one after the other, in one process. `key=value` goes
 * to every step that has the key, `find_best_layer.key=value` to that one alone. The main figures
 * are those of the last step.
 */
export function defineRun(file: string, steps: Step[]): void {
  runIfMain(file, async (command) => {
    const plans = planSteps(defaultsFile(file), steps, command);
    let last: Table | undefined;
    for (const [i, { name, script, extra, overrides }] of plans.entries()) {
      console.log(`\n── ${i + 1}/${plans.length} ${name}`);
      const resultsFollow = plans.slice(i + 1).some((later) => later.name === 'load_results');
      last = await runScript(script, extra, overrides, { wide: command.wide, resultsFollow });
    }
    return last;
  });
}

/**
 * What each step is started with.
 * @throws InputError for a key that no step has
 */
export function planSteps(
  defaults: string,
  steps: Step[],
  { overrides, extraFile }: Pick<Command, 'overrides' | 'extraFile'>,
): { name: string; script: Script; extra: YamlFile[]; overrides: string[] }[] {
  const files = [defaults, ...(extraFile === undefined ? [] : [extraFile])].map(readYaml);
  for (const { source, content } of files) {
    for (const [key, value] of Object.entries(content)) {
      // Under `models`, a step may have other defaults for models; loadConfig checks those.
      const inner = isMap(value) ? Object.keys(value).filter((one) => one !== 'models') : null;
      const keys = inner ? inner.map((one) => `${key}.${one}`) : [key];
      for (const one of keys) refuseUnknown(one, source, steps);
    }
  }
  for (const override of overrides) {
    refuseUnknown(parseOverride(override).key, 'command line', steps);
  }
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
      overrides: ownOverrides(overrides, name, own),
    };
  });
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

function refuseUnknown(key: string, source: string, steps: Step[]) {
  const keysOf = (step: Step) => Object.keys(scriptOf(step).schema);
  if (steps.some((step) => goesTo(key, nameOf(step), keysOf(step)))) return;
  const known = steps.flatMap((step) =>
    keysOf(step).flatMap((own) => [own, `${nameOf(step)}.${own}`]),
  );
  const files = new Set(steps.map((step) => nameOf(scriptOf(step))));
  throw new InputError(
    `Unknown key "${key}" (${source}): none of the steps has it.${didYouMean(key, known)} ` +
      `The steps: ${steps.map(nameOf).join(', ')}. --help of ${[...files].join(', ')} lists keys.`,
  );
}
