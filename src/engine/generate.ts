import { roomForCache } from '../backend/memory';
import { tensorsIn } from '../backend/replay';
import { checkCount, checkKeys, optional } from '../util/check';
import { InputError } from '../util/errors';
import { BatchSizer } from './batchSizer';
import { checkEditsOf, checkId, checkModel, checkPrompts } from './checks';
import type { Hooks } from './hooks';
import type { CausalLM } from './model';
import { checkRoom, checkWriting, type Generation, type RowRequest } from './row';
import { type SamplingOptions, streamSeed } from './sampling';
import { Scheduler } from './scheduler';
import type { Edit } from './steering';

export type { Generation } from './row';

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
  /**
   * For temperature > 0: each prompt draws from its own stream, whatever its neighbours. A list has a
   * seed for each prompt: the draws are then those of that prompt alone with that seed.
   */
  seed?: number | number[];
  /** Give the log-probability of each new token, and of so many likeliest ones beside it. */
  logprobs?: number;
  /** Called for every token as it comes; `prompt` is the index among the prompts. */
  onToken?(prompt: number, token: number): void;
  /** Called when a prompt is finished. */
  onFinish?(prompt: number, generation: Generation): void;
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
  if (options.maxNewTokens < 1) return results;
  const { hooks, padId } = options;
  const sizer = new BatchSizer(model.config, prompts, options, roomForCache(tensorsIn(model)));
  const scheduler = new Scheduler(model, { sizer, hooks, padId });
  const failures: unknown[] = [];
  for (const prompt of inOrder(prompts)) {
    scheduler.submit({
      ...rowOptions(options, prompt),
      prompt: prompts[prompt],
      onFinish(generation) {
        results[prompt] = generation;
        options.onFinish?.(prompt, generation);
      },
      onError(error) {
        failures.push(error);
        scheduler.stop();
      },
    });
  }
  await scheduler.run();
  if (failures.length) throw failures[0];
  return results;
}

function rowOptions(
  options: GenerateOptions,
  prompt: number,
): Omit<RowRequest, 'prompt' | 'onError'> {
  const { maxNewTokens, stopIds, stopWhen, temperature, topP, seed = 0, logprobs } = options;
  return {
    ...{ maxNewTokens, stopIds, stopWhen, temperature, topP, logprobs },
    edits: options.edits?.[prompt],
    seed: Array.isArray(seed) ? streamSeed(seed[prompt], 0) : streamSeed(seed, prompt),
    onToken: options.onToken && ((token) => options.onToken!(prompt, token)),
  };
}

const OPTIONS = [
  ...['maxNewTokens', 'stopIds', 'stopWhen', 'edits', 'hooks', 'padId', 'batchSize', 'cacheBytes'],
  ...['temperature', 'topP', 'seed', 'logprobs', 'onToken', 'onFinish'],
];

function check(model: CausalLM, prompts: number[][], options: GenerateOptions) {
  checkModel('generate', model);
  const { config } = model;
  checkPrompts('generate', prompts, config);
  checkKeys('generate: options', options, OPTIONS, {
    steering: 'Steering is given as "edits", one list for each prompt.',
  });
  const name = (option: string) => `generate: ${option}`;
  checkSeeds(options.seed, prompts);
  checkWriting('generate', { ...options, seed: undefined });
  optional(options.edits, (edits) => checkEditsOf('generate', edits, prompts, config));
  optional(options.padId, (id) => checkId(name('padId'), id, config.vocabSize));
  optional(options.batchSize, (size) => checkCount(name('batchSize'), size, 1));
  optional(options.cacheBytes, (bytes) => checkCount(name('cacheBytes'), bytes, 1));
  checkRoom(prompts, config, 1);
}

function checkSeeds(seed: number | number[] = 0, prompts: number[][]) {
  if (Array.isArray(seed) && seed.length !== prompts.length) {
    throw new InputError(`generate: ${seed.length} seeds for ${prompts.length} prompts.`);
  }
  for (const one of [seed].flat()) checkCount('generate: seed', one, -(2 ** 32), 2 ** 32);
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
