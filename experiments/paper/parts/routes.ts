/** Which of the settings of `reproduce` go to which experiment. */
import {
  type Check,
  isMap,
  listOf,
  oneOf,
  parseOverride,
  type YamlFile,
} from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
import { explainUnknown } from '../../shared/command/authorsKeys';
import { keysOfSteps, type Step } from '../../shared/command/steps';

/** What `reproduce` runs, in this order. */
export const PARTS = ['format', 'length', 'keywords', 'composition', 'analyses'] as const;
export type Part = (typeof PARTS)[number];

const list = listOf(oneOf(PARTS));
/** A list, or its words with commas between them. */
export const partsList: Check<Part[]> = {
  ...list,
  parse: (value) =>
    list.parse(typeof value === 'string' ? value.split(',').map((one) => one.trim()) : value),
};

/** An experiment's part of the settings, as its own `run.ts` would get them. */
export interface Routed {
  overrides: string[];
  extra: YamlFile[];
}

/**
 * Each setting goes to all experiments that have a step with its key: `key`, `step.key`; with the name
 * of an experiment before it, to that one alone.
 * @param runs the steps of every experiment there is, by name
 * @param file of `--config`
 * @throws InputError for a key that none has
 */
export function routeSettings<P extends string>(
  runs: ReadonlyMap<P, Step[]>,
  overrides: readonly string[],
  file?: YamlFile,
): Map<P, Routed> {
  const keys = new Map([...runs].map(([name, steps]) => [name, keysOfSteps(steps)]));
  const routed = new Map([...runs].map(([name]): [P, Routed] => [name, emptyRoute()]));
  const route = (key: string, source: string, give: (own: string, to: Routed) => void) => {
    const homes = homesOf(key, keys);
    if (!homes.length) throw unknownKey(key, source, keys);
    for (const { name, own } of homes) give(own, routed.get(name)!);
  };
  for (const override of overrides) {
    const { key } = parseOverride(override);
    route(key, 'command line', (own, to) => {
      to.overrides.push(override.replace(key, own));
    });
  }
  if (file) {
    const contents = new Map([...runs].map(([name]) => [name, {} as Record<string, unknown>]));
    for (const [key, value] of flatten(file.content, [...runs.keys()])) {
      route(key, file.source, () => {});
      for (const { name, own } of homesOf(key, keys)) put(contents.get(name)!, own, value);
    }
    for (const [name, content] of contents) {
      routed.get(name)!.extra.push({ source: file.source, content });
    }
  }
  return routed;
}

const emptyRoute = (): Routed => ({ overrides: [], extra: [] });

/** The experiments that have a key, and what it is called there. */
function homesOf<P extends string>(key: string, keys: ReadonlyMap<P, string[]>) {
  const [first, ...rest] = key.split('.') as [P, ...string[]];
  const alone = keys.get(first);
  if (alone) {
    const own = rest.join('.');
    return alone.includes(own) ? [{ name: first, own }] : [];
  }
  return [...keys].flatMap(([name, own]) => (own.includes(key) ? [{ name, own: key }] : []));
}

/** `{a: 1, step: {b: 2}, format: {step: {c: 3}}}` → a, step.b, format.step.c. */
function flatten(content: Record<string, unknown>, experiments: string[]): [string, unknown][] {
  const inside = (at: string, value: unknown, depth: number): [string, unknown][] =>
    isMap(value) && depth > 0
      ? Object.entries(value).flatMap(([key, one]) => inside(`${at}.${key}`, one, depth - 1))
      : [[at, value]];
  return Object.entries(content).flatMap(([key, value]) =>
    inside(key, value, experiments.includes(key) ? 2 : 1),
  );
}

function put(content: Record<string, unknown>, key: string, value: unknown): void {
  const [step, own] = key.split('.');
  if (own === undefined) content[step] = value;
  else content[step] = { ...(content[step] as object), [own]: value };
}

function unknownKey(key: string, source: string, keys: ReadonlyMap<string, string[]>): InputError {
  const all = [...keys].flatMap(([name, own]) => own.flatMap((one) => [one, `${name}.${one}`]));
  return new InputError(
    `Unknown key "${key}" (${source}): no step of ${[...keys.keys()].join(', ')} has it.` +
      `${explainUnknown(key, undefined, new Set(all))} --help of each step lists its keys.`,
  );
}
