/** Reading the fields of a request's JSON. A field that is null counts as left out, as in the API. */
import { checkCount, checkNumber, show } from '../util/check';
import { didYouMean } from '../util/errors';
import { ApiError, badField, blaming } from './errors';

export type Json = Record<string, unknown>;

/** @throws ApiError for a text that is no JSON object */
export function parseObject(text: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    throw new ApiError(400, `The body is not JSON: ${message}.`, { code: 'invalid_json' });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError(400, `The body is ${show(value)}, not an object.`);
  }
  return value as Json;
}

/** The body of a request. */
export class Fields {
  constructor(private readonly values: Json) {}

  get(name: string): unknown {
    return Object.hasOwn(this.values, name) ? (this.values[name] ?? undefined) : undefined;
  }

  text(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === 'string') return value;
    throw badField(name, `${name} is ${show(value)}, not a text.`);
  }

  flag(name: string): boolean {
    const value = this.get(name) ?? false;
    if (typeof value === 'boolean') return value;
    throw badField(name, `${name} is ${show(value)}, not true or false.`);
  }

  /** A whole number. */
  count(name: string, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    blaming(name, () => checkCount(name, value, least, most));
    return value as number;
  }

  number(name: string, expected: string, fits: (x: number) => boolean): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    blaming(name, () => checkNumber(name, value));
    if (fits(value as number)) return value as number;
    throw badField(name, `${name} is ${show(value)}, not ${expected}.`);
  }

  /** What would change the answer, and is not done here, must have the value that changes nothing. */
  refuseAllBut(neutral: Record<string, (value: unknown) => boolean>): void {
    for (const [name, changesNothing] of Object.entries(neutral)) {
      const value = this.get(name);
      if (value === undefined || changesNothing(value)) continue;
      const message = `${name} is not supported by this server: leave it out.`;
      throw badField(name, message, 'unsupported_parameter');
    }
  }

  /** @throws ApiError for a field that there isn't: it might have been meant to change the answer */
  refuseOthers(known: readonly string[]): void {
    for (const name of Object.keys(this.values)) {
      if (known.includes(name) || this.get(name) === undefined) continue;
      const message = `There is no field "${name}".${didYouMean(name, known)}`;
      throw badField(name, message, 'unknown_parameter');
    }
  }
}

const isEmpty = (value: unknown) =>
  typeof value === 'object' && value !== null && !Object.keys(value).length;
const is =
  (...values: unknown[]) =>
  (value: unknown) =>
    values.includes(value);

/** Fields that change answers, of the API and of other servers, and the values that don't. */
export const NOT_DONE: Record<string, (value: unknown) => boolean> = {
  presence_penalty: is(0),
  frequency_penalty: is(0),
  repetition_penalty: is(1),
  logit_bias: isEmpty,
  top_k: is(0, -1),
  min_p: is(0),
  min_tokens: is(0),
  ignore_eos: is(false),
  use_beam_search: is(false),
  skip_special_tokens: is(true),
  best_of: is(1),
  suffix: is(''),
  tools: isEmpty,
  tool_choice: is('none', 'auto'),
  functions: isEmpty,
  function_call: is('none', 'auto'),
  response_format: (value) => (value as Json).type === 'text',
  modalities: (value) => JSON.stringify(value) === '["text"]',
  audio: isEmpty,
  web_search_options: is(),
  reasoning_effort: is('none'),
};

/** Fields that change no answer. */
export const IGNORED = [
  ...['user', 'metadata', 'store', 'service_tier', 'safety_identifier', 'prompt_cache_key'],
  ...['prompt_cache_retention', 'parallel_tool_calls', 'prediction'],
];
