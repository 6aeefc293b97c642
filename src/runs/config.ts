import { parse, stringify } from 'yaml';
import { didYouMean, InputError, sentence } from '../util/errors';
import type { Check } from './checks';
import { firstLine, readYaml, type Section, sectionsOf, valuesIn, type YamlFile } from './yamlFile';

export * from './checks';
export { isMap, readYaml, type YamlFile } from './yamlFile';

/** The keys of a config, each with its check. The YAML file beside it holds defaults and meaning. */
export type Schema = Record<string, Check<unknown>>;
export type ConfigOf<S extends Schema> = {
  [K in keyof S]: S[K] extends Check<infer T> ? T : never;
};

/** Where the values of a config come from: a file, or `command line`. */
export type Sources = ReadonlyMap<string, string>;

export interface LoadOptions {
  /** Further files, on top of the defaults, in this order. */
  extra?: readonly YamlFile[];
  /** `key=value`, values in YAML as Hydra reads them: `weights=[1,2]`, `layer=null`. */
  overrides?: readonly string[];
  hints?: Hints;
}

/** What to say of a key that there isn't, in place of a likely spelling, and of a value refused. */
export interface Hints {
  unknown(key: string, value: unknown): string | undefined;
  refused(key: string, value: unknown): string | undefined;
}

/**
 * Reads the defaults from a YAML file, puts further files and then overrides on top, and checks all
 * keys. A file may have other defaults for some models, by the last part of `model_name`, and for some
 * values of a key; of one file, the more special ones come last:
 *
 *     layer: 2
 *     cases: { mode: { slow: { layer: 4 } } }
 *     models: { small: { layer: 1, cases: { mode: { slow: { layer: 3 } } } } }
 *
 * @throws InputError naming file and key for unknown or repeated keys, bad YAML, bad values
 */
export function loadConfig<S extends Schema>(
  schema: S,
  file: string,
  options: LoadOptions = {},
): ConfigOf<S> {
  return loadWithSources(schema, file, options).config;
}

/** As `loadConfig`, and where each value comes from. */
export function loadWithSources<S extends Schema>(
  schema: S,
  file: string,
  { extra = [], overrides = [], hints }: LoadOptions = {},
): { config: ConfigOf<S>; sources: Sources } {
  const given = overrides.map(parseOverride);
  const repeated = given.find(({ key }, i) => given.findIndex((one) => one.key === key) < i);
  if (repeated) throw new InputError(`"${repeated.key}" is given twice on the command line.`);
  const line = Object.fromEntries(given.map(({ key, value }) => [key, value]));
  const sections = [
    ...[readYaml(file), ...extra].flatMap(sectionsOf),
    { source: 'command line', keys: line },
  ];
  for (const section of sections) checkSection(section, schema, hints);
  const values = valuesIn(sections);
  const config: Record<string, unknown> = {};
  const sources = new Map<string, string>();
  for (const [key, { parse: read }] of Object.entries(schema)) {
    const { value, source } = values.get(key) ?? { value: undefined, source: file };
    sources.set(key, source);
    try {
      config[key] = read(value);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      const problem = sentence(`${key} (${source}) ${error.message}`);
      throw new InputError(joined(problem, hints?.refused(key, value) ?? listHint(key, value)));
    }
  }
  return { config: config as ConfigOf<S>, sources };
}

const joined = (...parts: string[]) => parts.filter(Boolean).join(' ');

/** @throws InputError for a key that there isn't, or a case of a value that its key can't have */
function checkSection(
  { source, keys, when }: Section,
  schema: Schema,
  hints: Hints | undefined,
): void {
  for (const [key, value] of Object.entries(when ? { ...keys, [when.key]: when.value } : keys)) {
    if (Object.hasOwn(schema, key)) continue;
    const hint = hints?.unknown(key, value) ?? didYouMean(key, Object.keys(schema)).trim();
    const problem = `Unknown key "${key}" (${source}).`;
    throw new InputError(joined(problem, hint, '--help lists the keys.'));
  }
  if (!when) return;
  try {
    schema[when.key].parse(parse(when.value));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(sentence(`cases of ${when.key} (${source}): it ${error.message}`));
  }
}

/** `1,2` is neither of the two things that it may be meant for. */
function listHint(key: string, value: unknown): string {
  if (typeof value !== 'string' || !/^[^[\]{}]+(,[^[\]{}]+)+$/.test(value)) return '';
  return `A list is written ${key}=[${value}]; with --multirun, ${key}=${value} is a run for each value.`;
}

/** `007`, and hashes of eight digits such as `1234e567`: names, which as numbers would be others. */
const LOOKS_LIKE_A_NUMBER = /^(0\d+|(?=.{8}$)\d+e\d+)$/;

/** Splits `key=value` and reads the value as YAML. @throws InputError when it is not of that form */
export function parseOverride(override: string): { key: string; value: unknown } {
  const [, key, raw] = /^([A-Za-z_][\w.-]*)=(.*)$/s.exec(override) ?? [];
  if (key === undefined) {
    throw new InputError(
      `"${override}" is not an override. Write key=value without spaces, for example n_examples=10.`,
    );
  }
  if (raw === '' || LOOKS_LIKE_A_NUMBER.test(raw)) return { key, value: raw };
  try {
    return { key, value: parse(raw) };
  } catch (error) {
    throw new InputError(`The value of ${key} is not valid: ${firstLine(error)}`);
  }
}

/** A config as YAML text, keys in schema order. */
export function configToYaml(config: Record<string, unknown>): string {
  return stringify(config, { lineWidth: 0 });
}
