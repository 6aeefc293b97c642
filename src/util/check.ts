/**
 * Checks of what a caller gives to a public function: types are not checked where a program runs, so
 * a slip would end in a number that looks right. Each throws an InputError that names the argument,
 * what it is, and what is expected. `what` is the function and the argument: `generate: maxNewTokens`.
 */
import { didYouMean, InputError } from './errors';

/** A value in an error message, in one short line. */
export function show(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 40 ? `"${value.slice(0, 37)}..."` : `"${value}"`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (!Array.isArray(value)) {
    const name = Object.getPrototypeOf(value)?.constructor?.name ?? 'Object';
    return name === 'Object'
      ? `an object {${Object.keys(value).slice(0, 4).join(', ')}}`
      : `a ${name}`;
  }
  if (!value.length) return 'an empty list';
  return `a list of ${value.length} (the first is ${Array.isArray(value[0]) ? 'a list' : show(value[0])})`;
}

/** @throws InputError always */
export function refuse(what: string, value: unknown, expected: string): never {
  throw new InputError(`${what} is ${show(value)}, not ${expected}.`);
}

export function checkObject(
  what: string,
  value: unknown,
): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse(what, value, 'an object');
  }
}

/**
 * An object of options: a key that there isn't is refused, with the one that was probably meant.
 * @param known every key that there is
 * @param elsewhere what to say of keys that do not exist, but are likely to be tried
 */
export function checkKeys(
  what: string,
  value: unknown,
  known: readonly string[],
  elsewhere: Record<string, string> = {},
): void {
  checkObject(what, value);
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const hint = elsewhere[key] ? ` ${elsewhere[key]}` : didYouMean(key, known);
    throw new InputError(`${what}: there is no "${key}" (there are ${known.join(', ')}).${hint}`);
  }
}

export function checkList(
  what: string,
  value: unknown,
  expected = 'a list',
): asserts value is unknown[] {
  if (!Array.isArray(value)) refuse(what, value, expected);
}

/** A whole number in a range, both ends included. */
export function checkCount(
  what: string,
  value: unknown,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most)
    return;
  const range = most < Number.MAX_SAFE_INTEGER ? `${least} to ${most}` : `${least} up`;
  refuse(what, value, `a whole number from ${range}`);
}

/** A finite number. */
export function checkNumber(what: string, value: unknown): asserts value is number {
  if (!Number.isFinite(value)) refuse(what, value, 'a finite number');
}

export function checkOneOf(what: string, value: unknown, choices: readonly string[]): void {
  if (choices.includes(value as string)) return;
  const hint = typeof value === 'string' ? didYouMean(value, choices) : '';
  throw new InputError(`${what} is ${show(value)}, not one of ${choices.join(', ')}.${hint}`);
}

export function checkFunction(what: string, value: unknown): void {
  if (typeof value !== 'function') refuse(what, value, 'a function');
}

/** `check` of a value that may be left out. */
export function optional<T>(value: T | undefined, check: (value: T) => void): void {
  if (value !== undefined) check(value);
}
