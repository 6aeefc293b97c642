/** What a command of the command line consists of, and what commands share. */
import type { WeightDtype } from '../backend/weightDtype';
import { InputError } from '../util/errors';

export type Options = Record<string, string | true | string[]>;

/** A command: one file of this folder, and a line in src/cli.ts. */
export interface Command {
  /** Its name and what follows, as in --help: `generate <model> [...prompt]`. */
  name: string;
  description: string;
  /** In place of `name` in its own --help. */
  usage?: string;
  /**
   * `['--seed <n>', 'Seed of the draws']`, `['--json', ...]` for one without a value, or
   * `['--steer <edit...>', ...]` for one that may be given several times.
   */
  options?: readonly (readonly [flags: string, description: string])[];
  /** Command lines; `tiller` is shown as what a reader types for it here. */
  examples?: readonly string[];
  /**
   * @param words as many as `name` asks for; of a `program`, all that follow its name
   * @returns the exit code
   */
  run(words: string[], options: Options): number | Promise<number>;
  /** Reads its options and answers --help itself. */
  program?: true;
}

export const BACKEND_OPTION = [
  '--backend <name>',
  'tensorflow, wasm or auto (default: TILLER_BACKEND, else auto)',
] as const;

export const DTYPE_OPTION = [
  '--dtype <dtype>',
  'Weights in float32, or on tensorflow bfloat16 or float16 (default: float32)',
] as const;

export const JSON_OPTION = ['--json', 'Print one JSON object'] as const;

/** The value of an option; undefined where it is not given. */
export function text(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** The value of an option that must be given. @throws InputError saying what it is for */
export function required(options: Options, name: string, what: string): string {
  const value = text(options, name);
  if (value !== undefined) return value;
  throw new InputError(`Give ${what}: --${name} <${name}>.`);
}

/** The values of an option that may be given several times, in their order. */
export function list(options: Options, name: string): string[] {
  const value = options[name];
  return Array.isArray(value) ? value : [];
}

/**
 * The number that an option gives.
 * @param wanted for messages, e.g. `a whole number from 1`
 * @throws InputError for another value
 */
export function number<F extends number | undefined>(
  options: Options,
  name: string,
  fallback: F,
  wanted: string,
  fits: (x: number) => boolean,
): number | F {
  const given = text(options, name);
  if (given === undefined) return fallback;
  const value = Number(given);
  if (given.trim() === '' || !Number.isFinite(value) || !fits(value)) {
    throw new InputError(`--${name} is "${given}", not ${wanted}.`);
  }
  return value;
}

/** A whole number from 1. @throws InputError for another value */
export function count<F extends number | undefined>(options: Options, name: string, fallback: F) {
  const fits = (x: number) => Number.isSafeInteger(x) && x > 0;
  return number(options, name, fallback, 'a whole number from 1', fits);
}

/** Checked where the model is loaded. */
export const weightDtype = (options: Options) => text(options, 'dtype') as WeightDtype | undefined;
