/** One prompt on its way through the scheduler. */
import { checkCount, checkFunction, checkKeys, checkList, optional, refuse } from '../util/check';
import { InputError } from '../util/errors';
import { checkEditsOf, checkPrompts } from './checks';
import type { Wish } from './choose';
import type { ScoredToken } from './logprobs';
import type { ModelDims } from './model';
import { checkSampling, type SamplingOptions, sampler } from './sampling';
import type { Edit } from './steering';

export interface Generation {
  /** New tokens, without the stop id. */
  tokens: number[];
  /** Why it ended: a stop id or `stopWhen`, or `maxNewTokens` (or the model's context) reached. */
  stopped: 'stop' | 'length';
  /** Where they were asked for: of each new token. */
  logprobs?: ScoredToken[];
  /** Where they were asked for: of the stop id that ended the row. */
  stopLogprob?: ScoredToken;
  /** Where they were asked for: of each token of the prompt but the first. */
  promptLogprobs?: ScoredToken[];
}

/** What a row of the batch is to become. */
export interface RowRequest extends SamplingOptions {
  /** Token ids, BOS included. */
  prompt: number[];
  edits?: Edit[];
  maxNewTokens: number;
  /** The row ends at the first of these; it is not part of the result. */
  stopIds?: number[];
  /** The row ends, too, when this says so of its tokens, which are all part of the result. */
  stopWhen?(tokens: number[]): boolean;
  /** Of the row's own stream of draws, for temperature > 0; default 0. */
  seed?: number;
  /** Give the log-probability of each new token, and of so many likeliest ones. */
  logprobs?: number;
  /** The same for the tokens of the prompt. */
  promptLogprobs?: number;
  onToken?(token: number, score?: ScoredToken): void;
  onFinish?(generation: Generation): void;
  /** Called in place of `onFinish` when the row fails, be it by one of these functions. */
  onError(error: unknown): void;
}

export class Row {
  readonly result: Generation = { tokens: [], stopped: 'length' };
  /** Columns that it takes in the end. */
  readonly columns: number;
  /** Goes through its prompt by itself, since it failed together with others. */
  alone = false;
  /** Those that act from here on. */
  edits: Edit[];
  private readonly wish: Wish;

  constructor(
    readonly request: RowRequest,
    private readonly maxPositions: number,
  ) {
    const { prompt, maxNewTokens, seed = 0, logprobs } = request;
    this.edits = request.edits ?? [];
    this.wish = { sampler: sampler(request, seed), logprobs };
    this.columns = Math.min(prompt.length + maxNewTokens, maxPositions);
    if (logprobs !== undefined) this.result.logprobs = [];
  }

  /** What it asks of the next logits; null when it has all its tokens. */
  next(): Wish | null {
    const { prompt, maxNewTokens } = this.request;
    const { length } = this.result.tokens;
    const full = length >= maxNewTokens || prompt.length + length >= this.maxPositions;
    return full ? null : this.wish;
  }

  /** Takes the scores of its prompt's tokens. */
  takePrompt(scores: ScoredToken[]): void {
    const { promptLogprobs } = this.request;
    this.result.promptLogprobs = scores.map((one) => {
      return { ...one, top: one.top.slice(0, promptLogprobs) };
    });
  }

  /** Takes a token. @returns whether the row goes on */
  take(token: number, score?: ScoredToken): boolean {
    const { request, result } = this;
    if (request.stopIds?.includes(token)) {
      result.stopped = 'stop';
      if (score) result.stopLogprob = score;
      return false;
    }
    result.tokens.push(token);
    if (score) result.logprobs?.push(score);
    request.onToken?.(token, score);
    if (this.shouldStop()) {
      result.stopped = 'stop';
      return false;
    }
    return this.next() !== null;
  }

  private shouldStop(): boolean {
    const stop: unknown = this.request.stopWhen?.(this.result.tokens);
    // A promise would count as a yes.
    if (stop instanceof Promise) refuse('What stopWhen returned', stop, 'true or false (at once)');
    return Boolean(stop);
  }
}

const KEYS = [
  ...['prompt', 'edits', 'maxNewTokens', 'stopIds', 'stopWhen', 'temperature', 'topP', 'seed'],
  ...['logprobs', 'promptLogprobs', 'onToken', 'onFinish', 'onError'],
];

/** @throws InputError for a request that is not what it should be, or does not fit the model */
export function checkRequest(caller: string, request: RowRequest, config: ModelDims): void {
  checkKeys(`${caller}: request`, request, KEYS);
  const { prompt, edits, promptLogprobs } = request;
  checkPrompts(caller, [prompt], config);
  checkWriting(caller, request);
  optional(edits, () => checkEditsOf(caller, [edits], [prompt], config));
  optional(promptLogprobs, (top) => checkCount(`${caller}: promptLogprobs`, top));
  checkFunction(`${caller}: onError`, request.onError);
  checkRoom([prompt], config, request.maxNewTokens);
}

/** What says how a row is continued. */
export function checkWriting(
  caller: string,
  options: Omit<RowRequest, 'prompt' | 'edits' | 'onError' | 'onToken' | 'onFinish'> & {
    onToken?: unknown;
    onFinish?: unknown;
  },
): void {
  const name = (option: string) => `${caller}: ${option}`;
  checkCount(name('maxNewTokens'), options.maxNewTokens);
  checkSampling(caller, options);
  optional(options.stopIds, (ids) => {
    checkList(name('stopIds'), ids, 'a list of token ids');
    for (const id of ids) checkCount(name('a stop id'), id);
  });
  optional(options.seed, (seed) => checkCount(name('seed'), seed, Number.MIN_SAFE_INTEGER));
  optional(options.logprobs, (top) => checkCount(name('logprobs'), top));
  for (const option of ['stopWhen', 'onToken', 'onFinish'] as const) {
    optional(options[option], (f) => checkFunction(name(option), f));
  }
}

/** @throws InputError for a prompt that leaves no room in the context for one more token */
export function checkRoom(
  prompts: number[][],
  { maxPositions }: ModelDims,
  maxNewTokens: number,
): void {
  for (const [i, { length }] of prompts.entries()) {
    if (length + Math.min(1, maxNewTokens) <= maxPositions) continue;
    throw new InputError(
      `Prompt ${i} has ${length} tokens; this model's context is ${maxPositions}.`,
    );
  }
}
