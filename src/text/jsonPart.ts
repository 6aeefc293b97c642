import { InputError } from '../util/errors';
import type { TextFiles } from './textFiles';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object of a JSON file. What is missing or of another type is an InputError naming file and key. */
export class JsonPart {
  /**
   * @param file the file that it stands in, for messages
   * @param at where in the file: `'model.'`, or `''` for the whole
   */
  constructor(
    readonly file: string,
    readonly values: Json,
    private readonly at = '',
  ) {}

  /** The object that a file holds; undefined where there is no such file. */
  static read(files: TextFiles, name: string): JsonPart | undefined {
    const file = files.pathOf(name);
    let value: unknown;
    try {
      const text = files.read(name);
      if (text === undefined) return undefined;
      value = JSON.parse(text);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new InputError(`${file} can't be read as JSON (${why}). Fetch the file again.`);
    }
    if (!isObject(value)) {
      throw new InputError(`${file} must hold a JSON object. Fetch the file again.`);
    }
    return new JsonPart(file, value);
  }

  /** The error that this key's value can't be used. */
  error(key: string, what: string): InputError {
    return new InputError(`${this.file}: ${this.at}${key} ${what}`);
  }

  /** Whether the key stands there with another value than null. */
  has(key: string): boolean {
    return this.values[key] !== undefined && this.values[key] !== null;
  }

  text(key: string, otherwise?: string): string {
    const value = this.has(key) ? this.values[key] : otherwise;
    if (typeof value !== 'string') throw this.wrong(key, 'a text');
    return value;
  }

  flag(key: string, otherwise = false): boolean {
    const value = this.has(key) ? this.values[key] : otherwise;
    if (typeof value !== 'boolean') throw this.wrong(key, 'true or false');
    return value;
  }

  /** A whole number, 0 or more. */
  count(key: string, otherwise?: number): number {
    const value = this.has(key) ? this.values[key] : otherwise;
    if (!Number.isInteger(value) || (value as number) < 0) {
      throw this.wrong(key, 'a whole number, 0 or more');
    }
    return value as number;
  }

  /** The object under a key; undefined where the key is missing or null. */
  part(key: string): JsonPart | undefined {
    if (!this.has(key)) return undefined;
    const value = this.values[key];
    if (!isObject(value)) throw this.wrong(key, 'an object');
    return new JsonPart(this.file, value, `${this.at}${key}.`);
  }

  list(key: string): unknown[] {
    const value = this.values[key] ?? [];
    if (!Array.isArray(value)) throw this.wrong(key, 'a list');
    return value;
  }

  /** The objects that are listed under a key; none where it is missing. */
  parts(key: string): JsonPart[] {
    return this.list(key).map((value, i) => {
      if (!isObject(value)) throw this.wrong(`${key}[${i}]`, 'an object', value);
      return new JsonPart(this.file, value, `${this.at}${key}[${i}].`);
    });
  }

  private wrong(key: string, wanted: string, value = this.values[key]): InputError {
    if (value === undefined) return this.error(key, `is missing; it must be ${wanted}.`);
    const shown = JSON.stringify(value);
    const short = shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
    return this.error(key, `must be ${wanted}, not ${short}.`);
  }
}
