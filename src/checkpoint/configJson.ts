import { InputError } from '../util/errors';
import { changesNothing, HARMLESS_KEYS, isComputing, isSlip } from './configKeys';

/** More layers, or numbers in a head, than any model has: what reads a config makes such lists. */
export const LARGEST = 1 << 16;

/**
 * Reads a checkpoint's config.json key by key; `done()` says what becomes of the keys that nobody
 * asked for.
 *
 * The rule: a model is loaded when transformers 5.18 computes the same from the file with the key
 * and without it. So a key is
 * - harmless when it is bookkeeping, a setting of training, or an id (`HARMLESS_KEYS`): no word;
 * - refused when it is a slip of one that was asked for (`rms_norm_epsilon`), for what it says would
 *   be dropped, and the default computed with, in silence;
 * - refused when it changes what a decoder computes, of this model type or another, and is not null
 *   or at the value that changes nothing (`COMPUTING_KEYS`): transformers may ignore it here, but
 *   then the file describes another model than its `model_type` says;
 * - left unread otherwise (`author`, generation defaults, keys of other tools): transformers
 *   ignores these, and `unread` has them for the one line that loading prints.
 */
export class ModelConfig {
  /** Keys that `done()` found to be of no effect. */
  unread: string[] = [];
  private asked = new Set<string>();
  private harmlessHere = new Set<string>();
  private mayBeNull = new Set<string>();

  constructor(
    readonly values: Record<string, unknown>,
    /** For messages. */
    readonly file: string,
  ) {}

  /**
   * What a file holds.
   * @throws InputError for a text that is no JSON object
   */
  static parse(text: string, file: string): ModelConfig {
    let values: unknown;
    try {
      values = JSON.parse(text);
    } catch (error) {
      throw new InputError(`${file} is not JSON that can be read: ${(error as Error).message}.`);
    }
    if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      throw new InputError(`${file} is not a JSON object.`);
    }
    return new ModelConfig(values as Record<string, unknown>, file);
  }

  private get(key: string): unknown {
    this.asked.add(key);
    return this.values[key];
  }

  /** @throws InputError that says what was found at a key, and what is wanted there */
  refuse(key: string, wanted: string): never {
    const found = JSON.stringify(this.values[key]);
    throw new InputError(
      found === undefined
        ? `${this.file}: "${key}" is missing (${wanted}).`
        : `${this.file}: "${key}" is ${found}, not ${wanted}.`,
    );
  }

  /** The value; the fallback only where there is none. */
  private valueOr(key: string, fallback: unknown): unknown {
    const value = this.get(key);
    const absent = value === undefined || (value === null && this.mayBeNull.has(key));
    return absent ? fallback : value;
  }

  /** From now on null at this key is the same as no key; elsewhere it is a wrong value. */
  nullable(key: string): void {
    this.mayBeNull.add(key);
  }

  /** A positive whole number, `most` at most. */
  count(key: string, fallback?: number, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.valueOr(key, fallback);
    if (!Number.isSafeInteger(value) || (value as number) <= 0) {
      this.refuse(key, 'a positive whole number');
    }
    if ((value as number) > most) this.refuse(key, `at most ${most}`);
    return value as number;
  }

  /** A whole number that may be 0. */
  wholeNumber(key: string, fallback: number): number {
    return this.valueOr(key, fallback) === 0 ? 0 : this.count(key, fallback);
  }

  /** A number of layers. Whether the checkpoint has so many is for `loadWeights` to say. */
  layers(key: string, fallback: number): number {
    return this.count(key, fallback, LARGEST);
  }

  /** A positive even number, of the size of a head. */
  even(key: string, fallback?: number): number {
    const value = this.count(key, fallback, LARGEST);
    if (value % 2) this.refuse(key, 'a positive even number');
    return value;
  }

  /** A positive whole number that divides `of`. */
  divisor(key: string, of: number, fallback = of): number {
    const value = this.count(key, fallback);
    if (of % value) this.refuse(key, `a divisor of ${of}`);
    return value;
  }

  /** A positive whole number, or null where the file says null; `fallback` where it says nothing. */
  countOrNull(key: string, fallback: number | null): number | null {
    const value = this.get(key);
    if (value === undefined) return fallback;
    return value === null ? null : this.count(key);
  }

  /** true or false. */
  flag(key: string, fallback: boolean): boolean {
    const value = this.valueOr(key, fallback);
    if (typeof value !== 'boolean') this.refuse(key, 'true or false');
    return value;
  }

  /** A list of `n` positive numbers. */
  numbers(key: string, n: number): number[] {
    const value = this.get(key);
    const fits = (x: unknown) => typeof x === 'number' && Number.isFinite(x) && x > 0;
    if (!Array.isArray(value) || value.length !== n || !value.every(fits)) {
      this.refuse(key, `a list of ${n} positive numbers`);
    }
    return value;
  }

  /** A positive number. */
  number(key: string, fallback?: number): number {
    const value = this.valueOr(key, fallback);
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      this.refuse(key, 'a positive number');
    }
    return value;
  }

  /** A positive number, or null where the file says null; `fallback` where it says nothing. */
  numberOrNull(key: string, fallback: number | null): number | null {
    const value = this.get(key);
    if (value === undefined) return fallback;
    return value === null ? null : this.number(key);
  }

  /** The value must be one of these (or absent, when `undefined` is among them). */
  oneOf<T>(key: string, allowed: readonly T[]): T {
    const value = this.get(key) as T;
    if (!allowed.includes(value)) {
      this.refuse(key, `one of ${allowed.map((a) => JSON.stringify(a) ?? 'absent').join(', ')}`);
    }
    return value;
  }

  /** A list of `n` words, each one of `allowed`; null where absent. */
  words<T extends string>(key: string, n: number, allowed: readonly T[]): T[] | null {
    const value = this.get(key) ?? null;
    if (value === null) return null;
    if (!Array.isArray(value) || value.length !== n || !value.every((w) => allowed.includes(w))) {
      this.refuse(key, `a list of ${n} words out of ${allowed.join(', ')}`);
    }
    return value as T[];
  }

  /**
   * The key to read of two that mean the same: transformers knows some settings under a second,
   * common name. Where the file has both, they must agree.
   */
  alias(key: string, common: string): string {
    if (this.get(common) === undefined) return key;
    if (this.values[key] === undefined) return common;
    this.oneOf(common, [this.values[key]]);
    return key;
  }

  /** An object of keys; null where it is absent, null or empty. */
  nested(key: string): ModelConfig | null {
    const value = this.get(key) ?? null;
    if (value === null) return null;
    if (typeof value !== 'object' || Array.isArray(value)) this.refuse(key, 'an object or null');
    const values = value as Record<string, unknown>;
    return Object.keys(values).length ? new ModelConfig(values, `${this.file}: ${key}`) : null;
  }

  /** Marks keys that do not change what this model type computes. */
  harmless(...keys: string[]): void {
    for (const key of keys) this.harmlessHere.add(key);
  }

  /**
   * Settles the keys that nobody asked for, by the rule above.
   * @throws InputError naming every one that may change the computation
   */
  done(): void {
    const known = [this.asked, HARMLESS_KEYS, this.harmlessHere];
    const rest = Object.keys(this.values).filter((key) => !known.some((keys) => keys.has(key)));
    const bad = rest.flatMap((key) => {
      const slip = this.slipOf(key);
      if (slip) return [described(key, slip)];
      return isComputing(key) && !changesNothing(key, this.values[key]) ? [described(key)] : [];
    });
    if (bad.length) this.refuseKeys(bad);
    this.unread = rest.filter((key) => !isComputing(key) && this.values[key] !== null);
  }

  /** `done` for keys of a kind where every one counts. @throws InputError naming all others */
  doneStrictly(): void {
    const bad = Object.keys(this.values).filter(
      (key) => !this.asked.has(key) && this.values[key] !== null,
    );
    if (bad.length) this.refuseKeys(bad.map((key) => described(key, this.slipOf(key))));
  }

  /** The key that was probably meant. */
  private slipOf(key: string): string | undefined {
    return [...this.asked].find((wanted) => isSlip(key, wanted));
  }

  private refuseKeys(keys: string[]): never {
    throw new InputError(
      `${this.file} has keys that Tiller does not know for this model type: ${keys.join(', ')}. They may change the computation, so the model is not loaded.`,
    );
  }
}

const described = (key: string, meant?: string) =>
  `"${key}"${meant ? ` (did you mean "${meant}"?)` : ''}`;
