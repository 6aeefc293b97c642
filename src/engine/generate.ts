import * as tf from '@tensorflow/tfjs-core';
import { roomForCache } from '../backend/memory';
import { tensorsIn } from '../backend/replay';
import { checkCount, checkFunction, checkKeys, checkList, optional, refuse } from '../util/check';
import { InputError } from '../util/errors';
import { seededRandom } from '../util/random';
import { BatchSizer } from './batchSizer';
import { checkEditsOf, checkId, checkModel, checkPrompts } from './checks';
import type { Hooks } from './hooks';
import type { KVCache } from './kvCache';
import type { CausalLM } from './model';
import { prefill } from './prefill';
import { checkSampling, draw, greedy, type SamplingOptions } from './sampling';
import { type Edit, Steering } from './steering';

export interface GenerateOptions extends SamplingOptions {
  maxNewTokens: number;
  /** A row ends at the first of these; it is not part of the result. */
  stopIds?: number[];
  /** A row ends, too, when this says so of its tokens, which are all part of the result. */
  stopWhen?(tokens: number[]): boolean;
  /** The edits of each prompt, in the order of the prompts. */
  edits?: Edit[][];
  hooks?: Hooks;
  /** Fills the left of shorter rows; never attended to. Default 0. */
  padId?: number;
  /** Rows decoded together; without it, found by measuring. The tokens do not depend on it. */
  batchSize?: number;
  /** Bytes that keys and values may take; default 2 GB. Fewer rows are decoded together for it. */
  cacheBytes?: number;
  /** For temperature > 0: each prompt draws from its own stream, whatever its neighbours. */
  seed?: number;
  /** Called for every token as it comes; `prompt` is the index among the prompts. */
  onToken?(prompt: number, token: number): void;
  /** Called when a prompt is finished. */
  onFinish?(prompt: number, generation: Generation): void;
}

export interface Generation {
  /** New tokens, without the stop id. */
  tokens: number[];
  /** Why it ended: a stop id or `stopWhen`, or `maxNewTokens` (or the model's context) reached. */
  stopped: 'stop' | 'length';
}

/**
 * Continues every prompt. Prompts of similar length start together; a row that is finished leaves the
 * batch, and waiting prompts take the places. Prompts that occur more than once, with different
 * edits, share what lies below the steered layers (see `Branches`).
 * @param prompts token ids, BOS included
 * @returns one generation per prompt, in the order of the prompts
 * @throws InputError for an argument that is not what it should be: an empty prompt, one longer than
 *   the context, an unknown option, edits that do not fit the model; Error when logits are not finite
 */
export async function generate(
  model: CausalLM,
  prompts: number[][],
  options: GenerateOptions,
): Promise<Generation[]> {
  check(model, prompts, options);
  const results: Generation[] = prompts.map(() => ({ tokens: [], stopped: 'length' }));
  const run = new Run(model, prompts, options, results);
  try {
    while (await run.step()) {
      // Lets timers and signals (Ctrl-C) in: promises alone would not.
      await new Promise(setImmediate);
    }
  } finally {
    run.dispose();
  }
  return results;
}

const OPTIONS = [
  ...['maxNewTokens', 'stopIds', 'stopWhen', 'edits', 'hooks', 'padId', 'batchSize', 'cacheBytes'],
  ...['temperature', 'topP', 'seed', 'onToken', 'onFinish'],
];

function check(model: CausalLM, prompts: number[][], options: GenerateOptions) {
  checkModel('generate', model);
  const { config } = model;
  checkPrompts('generate', prompts, config);
  checkKeys('generate: options', options, OPTIONS, {
    steering: 'Steering is given as "edits", one list for each prompt.',
  });
  const name = (option: string) => `generate: ${option}`;
  checkCount(name('maxNewTokens'), options.maxNewTokens);
  checkSampling('generate', options);
  optional(options.stopIds, (ids) => {
    checkList(name('stopIds'), ids, 'a list of token ids');
    for (const id of ids) checkCount(name('a stop id'), id);
  });
  optional(options.edits, (edits) => checkEditsOf('generate', edits, prompts, config));
  optional(options.padId, (id) => checkId(name('padId'), id, config.vocabSize));
  optional(options.batchSize, (size) => checkCount(name('batchSize'), size, 1));
  optional(options.cacheBytes, (bytes) => checkCount(name('cacheBytes'), bytes, 1));
  optional(options.seed, (seed) => checkCount(name('seed'), seed, -(2 ** 32), 2 ** 32));
  optional(options.stopWhen, (stop) => checkFunction(name('stopWhen'), stop));
  optional(options.onToken, (f) => checkFunction(name('onToken'), f));
  optional(options.onFinish, (f) => checkFunction(name('onFinish'), f));
  prompts.forEach(({ length }, i) => {
    if (length < config.maxPositions) return;
    throw new InputError(
      `Prompt ${i} has ${length} tokens; this model's context is ${config.maxPositions}.`,
    );
  });
}

/** A share of finished rows that is worth a copy of the cache: to drop them, or to fill their places. */
const STALE = 0.25;

/** A generation under way: what waits, and the batch that is decoded. */
class Run {
  /** Prompts that wait, similar ones side by side. */
  private readonly queue: number[];
  /** Which prompt each row of the batch holds; finished rows stay until it pays to drop them. */
  private rows: number[] = [];
  private readonly going = new Set<number>();
  private cache: KVCache | undefined;
  private steering: Steering | undefined;
  private readonly choose: ReturnType<typeof chooser>;
  private readonly sizer: BatchSizer;

  constructor(
    private readonly model: CausalLM,
    private readonly prompts: number[][],
    private readonly options: GenerateOptions,
    private readonly results: Generation[],
  ) {
    this.queue = inOrder(prompts);
    this.choose = chooser(options);
    const room = roomForCache(tensorsIn(model));
    this.sizer = new BatchSizer(model.config, prompts, options, room);
    if (options.maxNewTokens < 1) this.queue = [];
  }

  /** Admits prompts where there is room, else decodes a token of every row. False: all is done. */
  async step(): Promise<boolean> {
    const room = this.sizer.size - this.going.size;
    const enough = this.going.size === 0 || room >= Math.max(1, STALE * this.sizer.size);
    if (this.queue.length && room > 0 && enough) await this.admit(this.queue.splice(0, room));
    else if (this.going.size) await this.decode();
    return this.going.size > 0 || this.queue.length > 0;
  }

  private async admit(members: number[]) {
    const { model, prompts, options } = this;
    const edits = members.map((prompt) => options.edits?.[prompt] ?? []);
    const started = prefill(
      model,
      members.map((prompt) => prompts[prompt]),
      { edits, hooks: options.hooks, padId: options.padId },
    );
    this.dropFinished();
    if (this.cache) this.cache.join(started.cache);
    else this.cache = started.cache;
    this.rows = [...this.rows, ...members];
    for (const prompt of members) this.going.add(prompt);
    try {
      await this.take(started.logits, members);
    } finally {
      started.logits.dispose();
    }
    this.compact();
    this.steer();
  }

  private async decode() {
    const { cache, rows, results, model, options } = this;
    const begin = performance.now();
    // A finished row repeats its last token until it is dropped.
    const next = rows.map((prompt) => [results[prompt].tokens.at(-1) ?? 0]);
    const logits: tf.Tensor2D = tf.tidy(() => {
      const { steering } = this;
      const out = model.forward(next, { cache, steering, hooks: options.hooks, logits: 'last' });
      return tf.reshape(out, [rows.length, model.config.vocabSize]);
    });
    const decoded = this.going.size;
    try {
      await this.take(logits, rows);
    } finally {
      logits.dispose();
    }
    this.sizer.measured(decoded, performance.now() - begin, this.queue.length);
    if (this.compact()) this.steer();
  }

  /** Chooses the next token of every row that goes on, from logits [B, V]. */
  private async take(logits: tf.Tensor2D, rows: number[]) {
    const { prompts, results, model, options } = this;
    const { stopIds = [], maxNewTokens } = options;
    const tokens = await this.choose(logits, rows);
    rows.forEach((prompt, row) => {
      if (!this.going.has(prompt)) return;
      const result = results[prompt];
      if (stopIds.includes(tokens[row])) result.stopped = 'stop';
      else {
        result.tokens.push(tokens[row]);
        options.onToken?.(prompt, tokens[row]);
        const full = prompts[prompt].length + result.tokens.length >= model.config.maxPositions;
        if (this.shouldStop(result.tokens)) result.stopped = 'stop';
        else if (!full && result.tokens.length < maxNewTokens) return;
      }
      this.going.delete(prompt);
      options.onFinish?.(prompt, result);
    });
  }

  private shouldStop(tokens: number[]): boolean {
    const stop: unknown = this.options.stopWhen?.(tokens);
    // A promise would count as a yes.
    if (stop instanceof Promise) refuse('What stopWhen returned', stop, 'true or false (at once)');
    return Boolean(stop);
  }

  /** Drops finished rows once they are many, or when one stands at the end of the context. */
  private compact(): boolean {
    const { maxPositions } = this.model.config;
    const done = this.rows.filter((prompt) => !this.going.has(prompt));
    const full = this.rows.some((_, row) => this.cache!.lengths[row] >= maxPositions);
    const changes = this.model.config.changesBeyond !== undefined;
    if (!done.length || !(full || changes || done.length >= STALE * this.rows.length)) return false;
    this.dropFinished();
    return true;
  }

  private dropFinished() {
    const kept = this.rows.flatMap((prompt, row) => (this.going.has(prompt) ? [row] : []));
    if (kept.length === this.rows.length) return;
    if (kept.length) this.cache!.selectRows(kept);
    else {
      this.cache?.dispose();
      this.cache = undefined;
    }
    this.rows = kept.map((row) => this.rows[row]);
  }

  /** The edits of the rows as they stand now. */
  private steer() {
    this.steering?.dispose();
    const edits = this.rows.map((prompt) => this.options.edits?.[prompt] ?? []);
    const any = edits.some((list) => list.length);
    this.steering = any ? new Steering(edits, this.model.config) : undefined;
  }

  dispose() {
    this.cache?.dispose();
    this.steering?.dispose();
  }
}

/** Short prompts first; the same ones side by side. */
function inOrder(prompts: number[][]): number[] {
  const first = new Map<string, number>();
  const same = prompts.map((prompt, i) => {
    const key = prompt.join();
    if (!first.has(key)) first.set(key, i);
    return first.get(key)!;
  });
  return Array.from(prompts.keys()).sort(
    (a, b) => prompts[a].length - prompts[b].length || same[a] - same[b] || a - b,
  );
}

/** Picks the next token of every row of logits [B, V]. */
function chooser(options: GenerateOptions) {
  const { temperature = 0, seed = 0 } = options;
  if (!temperature) return greedy;
  const streams = new Map<number, () => number>();
  return async (logits: tf.Tensor2D, rows: number[]) => {
    const values = (await logits.data()) as Float32Array;
    const width = logits.shape[1];
    return rows.map((prompt, row) => {
      const stream = streams.get(prompt) ?? seededRandom(seed * 1_000_003 + prompt);
      streams.set(prompt, stream);
      return draw(values.subarray(row * width, (row + 1) * width), options, stream());
    });
  };
}
