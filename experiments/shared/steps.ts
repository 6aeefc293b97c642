import * as path from 'node:path';
import { isMap, parseOverride, readYaml, type YamlFile } from '../../src/config';
import { didYouMean, InputError } from '../../src/errors';
import { defaultsFile } from './help';
import { type Command, runIfMain, runScript, type Script } from './script';

const nameOf = (script: Script) => path.basename(script.file, '.ts');

/**
 * The `run.ts` of an experiment: its scripts one after the other, in one process. `key=value` goes
 * to every script that has the key, `find_best_layer.key=value` to that one alone.
 */
export function defineRun(file: string, scripts: Script[]): void {
  runIfMain(file, async (command) => {
    const plans = planSteps(defaultsFile(file), scripts, command);
    for (const [i, { script, extra, overrides }] of plans.entries()) {
      console.log(`\n── ${i + 1}/${plans.length} ${nameOf(script)}`);
      await runScript(script, extra, overrides);
    }
  });
}

/**
 * What each script is started with.
 * @throws InputError for a key that no script has
 */
export function planSteps(
  defaults: string,
  scripts: Script[],
  { overrides, extraFile }: Pick<Command, 'overrides' | 'extraFile'>,
): { script: Script; extra: YamlFile[]; overrides: string[] }[] {
  const files = [defaults, ...(extraFile === undefined ? [] : [extraFile])].map(readYaml);
  for (const { source, content } of files) {
    for (const [key, value] of Object.entries(content)) {
      const inStep = isMap(value) ? Object.keys(value).map((inner) => `${key}.${inner}`) : [key];
      for (const one of inStep) refuseUnknown(one, source, scripts);
    }
  }
  for (const override of overrides) {
    refuseUnknown(parseOverride(override).key, 'command line', scripts);
  }
  return scripts.map((script) => {
    const name = nameOf(script);
    const own = Object.keys(script.schema);
    return {
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

function refuseUnknown(key: string, source: string, scripts: Script[]) {
  const taken = scripts.some((script) => goesTo(key, nameOf(script), Object.keys(script.schema)));
  if (taken) return;
  const known = scripts.flatMap((script) =>
    Object.keys(script.schema).flatMap((own) => [own, `${nameOf(script)}.${own}`]),
  );
  throw new InputError(
    `Unknown key "${key}" (${source}): none of the steps has it.${didYouMean(key, known)} ` +
      `Each step lists its keys with --help: ${scripts.map(nameOf).join(', ')}.`,
  );
}
