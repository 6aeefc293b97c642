import * as path from 'node:path';
import { parse, stringify } from 'yaml';
import { didYouMean, InputError, sentence } from '../util/errors';
import { readText } from '../util/files';

/** What one config key may hold: turns a YAML value into T, or throws an InputError (no key name). */
export interface Check<T> {
  /** Shown in errors, e.g. `integer, at least 1`. */
  readonly what: string;
  /** Whether the values are numbers of a model's layers. */
  readonly ofLayers?: boolean;
  parse(value: unknown): T;
}

/** The keys of a config, each with its check. The YAML file beside it holds defaults and meaning. */
export type Schema = Record<string, Check<unknown>>;
export type ConfigOf<S extends Schema> = {
  [K in keyof S]: S[K] extends Check<infer T> ? T : never;
};

function check<T>(what: string, read: (value: unknown) => T | undefined): Check<T> {
  return {
    what,
    parse(value) {
      const result = read(value);
      if (result === undefined) throw new InputError(`must be ${what}, not ${show(value)}`);
      return result;
    },
  };
}

/** Any text but none at all; numbers are taken as text too (`name=12`). */
export function text(): Check<string> {
  return check('text', textOf);
}

const textOf = (value: unknown): string | undefined => {
  const read = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  return read.trim() && !read.includes('\0') ? read : undefined;
};

/** Folders that steps keep beside their runs. */
const TAKEN = ['representations', 'layer_search', 'ivs'];
/** In bytes; file systems take 255, and endings such as `.summary.json` are added. */
const NAME_BYTES = 180;

/** The name of a run, a file or a folder of results: one part of a path, and no other. */
export function nameText(): Check<string> {
  const what =
    'a name for a folder: up to 180 letters, digits, spaces and signs, no / or \\, no dot first';
  return check(what, (value) => {
    const name = textOf(value);
    if (name === undefined || /[/\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) return undefined;
    if (/^[.\s]|\s$/.test(name) || Buffer.byteLength(name) > NAME_BYTES) return undefined;
    if (!TAKEN.includes(name.toLowerCase())) return name;
    throw new InputError(`must not be ${name}: that folder holds something else`);
  });
}

export function flag(): Check<boolean> {
  return check('true or false', (value) => (typeof value === 'boolean' ? value : undefined));
}

export function number({ min = -Infinity, max = Infinity } = {}): Check<number> {
  return check(`a number${range(min, max)}`, (value) =>
    typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max
      ? value
      : undefined,
  );
}

export function integer({ min = -Infinity, max = Infinity } = {}): Check<number> {
  return check(`a whole number${range(min, max)}`, (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : undefined,
  );
}

/** A layer of a model, from 0. Whether the model has it is checked where the model is known. */
export function layer(): Check<number> {
  return { ...integer({ min: 0 }), ofLayers: true };
}

/** One of a few values; a mistyped word gets a suggestion. */
export function oneOf<const T extends string | boolean>(choices: readonly T[]): Check<T> {
  const what = choices.join(' | ');
  return {
    what,
    parse(value) {
      const found = choices.find((choice) => choice === value);
      if (found !== undefined) return found;
      throw new InputError(
        `must be one of ${what}, not ${show(value)}.${didYouMean(String(value), choices.map(String))}`,
      );
    },
  };
}

/** A list; one value alone stands for a list of one. */
export function listOf<T>(item: Check<T>): Check<T[]> {
  return {
    what: `a list of: ${item.what}`,
    ofLayers: item.ofLayers,
    parse(value) {
      const values = Array.isArray(value) ? value : [value];
      if (!values.length) throw new InputError('must not be an empty list');
      return values.map((one) => item.parse(one));
    },
  };
}

export function nullable<T>(inner: Check<T>): Check<T | null> {
  return {
    what: `${inner.what}, or null`,
    ofLayers: inner.ofLayers,
    parse: (value) => (value === null || value === undefined ? null : inner.parse(value)),
  };
}

function range(min: number, max: number) {
  if (min === -Infinity) return max === Infinity ? '' : `, at most ${max}`;
  return max === Infinity ? `, at least ${min}` : ` from ${min} to ${max}`;
}

function show(value: unknown) {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

/**
 * Reads the defaults from a YAML file, puts further files and then `key=value` overrides (values in
 * YAML, as Hydra reads them: `weights=[1,2]`, `layer=null`) on top, and checks all keys.
 * Under `models`, a file may have other defaults for models, by the last part of `model_name`.
 * @throws InputError naming file and key for unknown or repeated keys, bad YAML, bad values
 */
export function loadConfig<S extends Schema>(
  schema: S,
  file: string,
  options: { extra?: readonly YamlFile[]; overrides?: readonly string[] } = {},
): ConfigOf<S> {
  const given = (options.overrides ?? []).map(parseOverride);
  const repeated = given.find(({ key }, i) => given.findIndex((one) => one.key === key) < i);
  if (repeated) throw new InputError(`"${repeated.key}" is given twice on the command line.`);
  const files = [readYaml(file), ...(options.extra ?? [])];
  const model = [...files.map(({ content }) => content.model_name), named(given, 'model_name')]
    .filter((name) => name !== undefined)
    .at(-1);
  const values = new Map<string, { value: unknown; source: string }>();
  for (const { source, content } of files) {
    const { models, ...keys } = content;
    const special = modelKeys(models, String(model), source);
    for (const [key, value] of Object.entries({ ...keys, ...special })) {
      values.set(key, { value, source });
    }
  }
  for (const { key, value } of given) values.set(key, { value, source: 'command line' });
  for (const [key, { source }] of values) {
    if (key in schema) continue;
    throw new InputError(
      `Unknown key "${key}" (${source}).${didYouMean(key, Object.keys(schema))} --help lists the keys.`,
    );
  }
  const config: Record<string, unknown> = {};
  for (const [key, { parse: read }] of Object.entries(schema)) {
    const { value, source } = values.get(key) ?? { value: undefined, source: file };
    try {
      config[key] = read(value);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(sentence(`${key} (${source}) ${error.message}`) + listHint(key, value));
    }
  }
  return config as ConfigOf<S>;
}

/** `1,2` is neither of the two things that it may be meant for. */
function listHint(key: string, value: unknown): string {
  if (typeof value !== 'string' || !/^[^[\]{}]+(,[^[\]{}]+)+$/.test(value)) return '';
  return ` A list is written ${key}=[${value}]; with --multirun, ${key}=${value} is a run for each value.`;
}

const named = (given: { key: string; value: unknown }[], name: string) =>
  given.find(({ key }) => key === name)?.value;

/** The keys under `models` for this model. */
function modelKeys(models: unknown, model: string, source: string): Record<string, unknown> {
  if (models === undefined || models === null) return {};
  const keys = isMap(models) ? models[path.basename(model)] : models;
  if (keys === undefined) return {};
  if (isMap(keys)) return keys;
  throw new InputError(`${source}: models must hold "model: {key: value}" lines.`);
}

/** Not a list, not null. */
export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Splits `key=value` and reads the value as YAML. @throws InputError when it is not of that form */
export function parseOverride(override: string): { key: string; value: unknown } {
  const [, key, raw] = /^([A-Za-z_][\w.-]*)=(.*)$/s.exec(override) ?? [];
  if (key === undefined) {
    throw new InputError(
      `"${override}" is not an override. Write key=value without spaces, for example n_examples=10.`,
    );
  }
  if (raw === '') return { key, value: '' };
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

/** The keys of a YAML file, and where they come from (for errors). */
export interface YamlFile {
  source: string;
  content: Record<string, unknown>;
}

/** @throws InputError for a file that is missing, or is not a map */
export function readYaml(file: string): YamlFile {
  let value: unknown;
  try {
    value = parse(readText(file, 'the config file'));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${file} is not valid YAML: ${firstLine(error)}`);
  }
  if (value !== null && !isMap(value)) {
    throw new InputError(`${file} must hold "key: value" lines.`);
  }
  return { source: file, content: value ?? {} };
}

function firstLine(error: unknown) {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0];
}
