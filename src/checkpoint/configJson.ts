import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultFrequencies, dividedFrequencies, type Rope } from '../nn/rope';
import { didYouMean, InputError } from '../util/errors';

/**
 * Keys of config.json that say nothing about the computation of a forward pass: bookkeeping,
 * training-time settings, generation defaults, ids that generation takes from elsewhere.
 */
const HARMLESS = [
  '_name_or_path',
  'architectures',
  'auto_map',
  'torch_dtype',
  'dtype',
  'transformers_version',
  'initializer_range',
  'use_cache',
  'cache_implementation',
  'attention_dropout',
  'attn_pdrop',
  'embd_pdrop',
  'resid_pdrop',
  'bos_token_id',
  'eos_token_id',
  'pad_token_id',
  'return_dict',
  'output_hidden_states',
  'output_attentions',
  'id2label',
  'label2id',
  'problem_type',
  'chunk_size_feed_forward',
  '_attn_implementation',
  '_attn_implementation_autoset',
];

/**
 * Reads a checkpoint's config.json key by key. A key that no one asked for and that is not known
 * to be harmless is refused at `done()`, since it may change the computation.
 */
export class ModelConfig {
  private asked = new Set<string>(HARMLESS);

  constructor(
    readonly values: Record<string, unknown>,
    /** For messages. */
    readonly file: string,
  ) {}

  /** @throws InputError when the folder has no readable config.json */
  static open(dir: string): ModelConfig {
    const file = join(dir, 'config.json');
    let values: unknown;
    try {
      values = JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      throw new InputError(
        `${file} cannot be read as JSON: ${(error as Error).message}. A model folder holds config.json beside its .safetensors files.`,
      );
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

  private refuse(key: string, wanted: string): never {
    const found = JSON.stringify(this.values[key]);
    throw new InputError(
      found === undefined
        ? `${this.file}: "${key}" is missing (${wanted}).`
        : `${this.file}: "${key}" is ${found}, not ${wanted}.`,
    );
  }

  /** A positive whole number. */
  count(key: string, fallback?: number): number {
    const value = this.get(key) ?? fallback;
    if (!Number.isSafeInteger(value) || (value as number) <= 0) {
      this.refuse(key, 'a positive whole number');
    }
    return value as number;
  }

  /** A positive even number. */
  even(key: string, fallback?: number): number {
    const value = this.count(key, fallback);
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
    const value = this.get(key) ?? fallback;
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
    const value = this.get(key) ?? fallback;
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
   * `rope_theta` of a plain rotary embedding, in the old style (`rope_theta` at the top) or the
   * new one (`rope_parameters`).
   * @throws InputError for any other kind of rotary embedding
   */
  ropeTheta(): number {
    const nested = this.get('rope_parameters');
    const scaling = this.get('rope_scaling');
    for (const [key, value] of Object.entries({ rope_parameters: nested, rope_scaling: scaling })) {
      if (value === undefined || value === null) continue;
      const inner = new ModelConfig(value as Record<string, unknown>, `${this.file}: ${key}`);
      inner.oneOf('rope_type', ['default', undefined]);
      inner.oneOf('type', ['default', undefined]);
      const theta = inner.numberOrNull('rope_theta', null);
      inner.done();
      if (theta !== null) {
        this.get('rope_theta');
        return theta;
      }
    }
    return this.number('rope_theta', 10000);
  }

  /**
   * A rotary embedding that is plain or LongRoPE, of all dimensions of a head or the first ones, in
   * the old style (`rope_theta`, `rope_scaling`, `partial_rotary_factor`) or the new one
   * (`rope_parameters`). `original_max_position_embeddings` stands at the top of the file, as
   * transformers 5.18 has it; a nested one must agree.
   * @throws InputError for any other kind, or factors that do not fit the heads
   */
  rope(headDim: number, maxPositions: number, originalFallback: number): Rope {
    const [nested, second] = ['rope_scaling', 'rope_parameters'].filter((key) => this.get(key));
    if (second) this.refuse(second, `absent (there is "${nested}" already)`);
    const values = (nested ? this.values[nested] : {}) as Record<string, unknown>;
    const inner = new ModelConfig(values, nested ? `${this.file}: ${nested}` : this.file);
    const types = ['type', 'rope_type'].map((key) =>
      inner.oneOf(key, ['default', 'su', 'longrope', undefined]),
    );
    const isLong = types.map((type) => type && type !== 'default');
    if (types.every(Boolean) && isLong[0] !== isLong[1]) {
      inner.refuse('rope_type', `of the kind that "type" is (${types[0]})`);
    }
    const theta = inner.numberOrNull('rope_theta', null) ?? this.number('rope_theta', 10000);
    const share =
      inner.numberOrNull('partial_rotary_factor', null) ?? this.number('partial_rotary_factor', 1);
    const half = Math.floor(headDim * share) / 2;
    if (!Number.isInteger(half) || half < 1 || share > 1) {
      this.refuse('partial_rotary_factor', `a share that makes ${headDim} an even number`);
    }
    this.get('rope_theta');
    this.get('partial_rotary_factor');
    const original = this.count('original_max_position_embeddings', originalFallback);
    inner.oneOf('original_max_position_embeddings', [original, null, undefined]);
    if (!isLong.some(Boolean)) {
      inner.done();
      return { kind: 'default', frequencies: defaultFrequencies(2 * half, theta) };
    }
    const factor = inner.numberOrNull('factor', null) ?? maxPositions / original;
    const recommended = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
    const rope: Rope = {
      kind: 'longrope',
      short: dividedFrequencies(theta, inner.numbers('short_factor', half)),
      long: dividedFrequencies(theta, inner.numbers('long_factor', half)),
      original,
      attentionFactor: inner.numberOrNull('attention_factor', null) ?? recommended,
    };
    inner.done();
    return rope;
  }

  /** Marks keys that do not change what this model type computes. */
  harmless(...keys: string[]): void {
    for (const key of keys) this.asked.add(key);
  }

  /** @throws InputError naming every key that was neither read nor known to be harmless */
  done(): void {
    const unknown = Object.keys(this.values).filter((key) => !this.asked.has(key));
    if (!unknown.length) return;
    const hints = unknown.map((key) => `"${key}"${didYouMean(key, this.asked)}`).join(', ');
    throw new InputError(
      `${this.file} has keys that Tiller does not know for this model type: ${hints}. They may change the computation, so the model is not loaded.`,
    );
  }
}
