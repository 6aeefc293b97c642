/** What a config key may hold. */
import { didYouMean, InputError } from '../util/errors';

/** What one config key may hold: turns a YAML value into T, or throws an InputError (no key name). */
export interface Check<T> {
  /** Shown in errors, e.g. `integer, at least 1`. */
  readonly what: string;
  /** Whether the values are numbers of a model's layers. */
  readonly ofLayers?: boolean;
  parse(value: unknown): T;
}

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

/** A value as YAML would have it, in one line. */
function show(value: unknown) {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
