import * as tf from '@tensorflow/tfjs-core';
import { InputError } from './errors';
import type { Hooks } from './hooks';
import { KVCache } from './kvCache';
import type { CausalLM } from './model';
import { seededRandom } from './random';
import { draw, greedy, type SamplingOptions } from './sampling';
import { type Steer, Steering } from './steering';

export interface GenerateOptions extends SamplingOptions {
  maxNewTokens: number;
  /** A row ends at the first of these; it is not part of the result. */
  stopIds?: number[];
  /** The edits of each prompt, in the order of the prompts. */
  steering?: Steer[][];
  hooks?: Hooks;
  /** Fills the left of shorter rows; never attended to. Default 0. */
  padId?: number;
  /** Rows decoded together; default 32. The tokens do not depend on it. */
  batchSize?: number;
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
  /** Why it ended: a stop id, or `maxNewTokens` (or the model's context) reached. */
  stopped: 'stop' | 'length';
}

/**
 * Continues every prompt: batches of similar length, left-padded, through a KV cache; rows leave
 * their batch as they finish.
 * @param prompts token ids, BOS included
 * @returns one generation per prompt, in the order of the prompts
 * @throws InputError for an empty prompt, one longer than the context, or steering that does not
 *   fit the model; Error when logits are not finite
 */
export async function generate(
  model: CausalLM,
  prompts: number[][],
  options: GenerateOptions,
): Promise<Generation[]> {
  prompts.forEach((prompt, i) => {
    if (!prompt.length) throw new InputError(`Prompt ${i} has no tokens.`);
    if (prompt.length >= model.dims.maxPositions) {
      throw new InputError(
        `Prompt ${i} has ${prompt.length} tokens; this model's context is ${model.dims.maxPositions}.`,
      );
    }
  });
  if (options.steering && options.steering.length !== prompts.length) {
    throw new InputError(
      `${options.steering.length} lists of steering for ${prompts.length} prompts.`,
    );
  }
  const byLength = Array.from(prompts.keys()).sort((a, b) => prompts[a].length - prompts[b].length);
  const results: Generation[] = prompts.map(() => ({ tokens: [], stopped: 'length' }));
  const size = options.batchSize ?? 32;
  for (let i = 0; i < byLength.length; i += size) {
    await generateBatch(model, prompts, byLength.slice(i, i + size), options, results);
  }
  return results;
}

/** Prompts as rows of one length, filled with `padId` on the left. */
export function leftPad(prompts: number[][], padId = 0): { ids: number[][]; pads: number[] } {
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  const pads = prompts.map((prompt) => longest - prompt.length);
  const ids = prompts.map((prompt, row) => [...new Array(pads[row]).fill(padId), ...prompt]);
  return { ids, pads };
}

async function generateBatch(
  model: CausalLM,
  prompts: number[][],
  members: number[],
  options: GenerateOptions,
  results: Generation[],
) {
  const { stopIds = [], maxNewTokens } = options;
  const { ids, pads } = leftPad(
    members.map((prompt) => prompts[prompt]),
    options.padId,
  );
  const cache = new KVCache(pads, ids[0].length);
  const steers = options.steering && members.map((prompt) => options.steering?.[prompt] ?? []);
  const steering = steers?.some((list) => list.length)
    ? new Steering(steers, model.dims)
    : undefined;
  const choose = chooser(options);
  /** Which prompt each row of the batch holds. */
  let rows = members;
  let next = ids;
  try {
    for (let step = 0; step < maxNewTokens && rows.length; step++) {
      // Lets timers and signals (Ctrl-C) in: promises alone would not.
      await new Promise(setImmediate);
      const logits = forwardLast(model, next, cache, steering, options.hooks);
      const tokens = await choose(logits, rows);
      logits.dispose();
      const going: number[] = [];
      rows.forEach((prompt, row) => {
        const result = results[prompt];
        if (stopIds.includes(tokens[row])) result.stopped = 'stop';
        else {
          result.tokens.push(tokens[row]);
          options.onToken?.(prompt, tokens[row]);
          const full = prompts[prompt].length + result.tokens.length >= model.dims.maxPositions;
          if (!full && step + 1 < maxNewTokens) going.push(row);
        }
        if (going.at(-1) !== row) options.onFinish?.(prompt, result);
      });
      next = going.map((row) => [tokens[row]]);
      if (going.length && going.length < rows.length) {
        cache.selectRows(going);
        steering?.selectRows(going);
      }
      rows = going.map((row) => rows[row]);
    }
  } finally {
    cache.dispose();
    steering?.dispose();
  }
}

/** Prefill (whole prompts) or one decoding step (one token a row): logits [B, V]. */
function forwardLast(
  model: CausalLM,
  ids: number[][],
  cache: KVCache,
  steering: Steering | undefined,
  hooks: Hooks | undefined,
): tf.Tensor2D {
  return tf.tidy(() => {
    const logits = model.forward(ids, { cache, steering, hooks, logits: 'last' });
    return tf.reshape(logits, [ids.length, model.dims.vocabSize]);
  });
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
