import * as tf from '@tensorflow/tfjs-core';
import { InputError } from './errors';
import { compileHooks, type Hooks } from './hooks';
import type { KVCache, Seen } from './kvCache';
import { causalMask } from './nn/mask';
import type { Steering } from './steering';

/** The sizes that generation, steering and experiments need of any decoder. */
export interface ModelDims {
  nLayers: number;
  dModel: number;
  nHeads: number;
  kvHeads: number;
  headDim: number;
  vocabSize: number;
  /** The longest context, in positions. */
  maxPositions: number;
  /** Rows longer than this are computed otherwise, from their first token on (LongRoPE). */
  changesBeyond?: number;
}

/** A decoder: token ids in, logits out. */
export interface CausalLM {
  /** `model_type` of the checkpoint's config.json. */
  readonly modelType: string;
  readonly dims: ModelDims;
  /**
   * One pass over B rows of T tokens, already left-padded to one length.
   * @param ids [B][T]
   * @returns logits [B, T, V]; [B, 1, V] for `logits: 'last'`; [B, 0, V] for `'none'`
   * @throws InputError for ragged rows, ids outside the vocabulary, or more positions than the
   *   model has
   */
  forward(ids: number[][], options?: ForwardOptions): tf.Tensor3D;
  /** Frees the weights. */
  dispose(): void;
}

export interface ForwardOptions {
  /** Continues from, and adds to, these keys and values. */
  cache?: KVCache;
  /** Left padding of each row; taken from the cache where there is one. */
  pads?: number[];
  /** The first column that counts as generated; taken from the cache; else every column is prompt. */
  promptEnd?: number;
  /** A `Steering`, or `Branches`, which adds rows on the way. */
  steering?: Pick<Steering, 'apply'>;
  hooks?: Hooks;
  /**
   * Tokens of each row in the end, where a text comes in pieces that are to count as one pass;
   * without it, those seen so far.
   */
  lengths?: number[];
  /** Which columns get logits; `none` where only activations are wanted. */
  logits?: 'all' | 'last' | 'none';
  /** Added to every layer's attention mask, [B, 1, T, S]: training hides tokens with it. */
  mask?: tf.Tensor4D;
}

/** What one forward pass carries through the blocks beside the residual stream. */
export interface Pass {
  /** Tokens, [B][T]. */
  ids: number[][];
  /** Tokens of each row up to the end of this pass, padding excluded. */
  lengths: number[];
  /** Position of every token, [B][T]. */
  positions: number[][];
  /** The attention mask for a window (null: none), made once per window. */
  mask(window: number | null): tf.Tensor4D | null;
  hook: ReturnType<typeof compileHooks>;
  /** The residual stream after a block, steered. */
  steer(layer: number, h: tf.Tensor3D): tf.Tensor3D;
  /** All keys and values of a layer, this call's added. */
  remember(layer: number, k: tf.Tensor4D, v: tf.Tensor4D): Seen;
  /** Frees the masks, which outlive the blocks that ask for them first. */
  dispose(): void;
}

/**
 * Runs `body`, the computation of one model, as `CausalLM.forward` promises: the input is checked,
 * columns, positions and masks are laid out, everything but the result is freed, and the cache
 * counts the new columns.
 *
 * A row that grows past `changesBeyond` makes its cached keys and values stale. The batch is then
 * computed once more from its first column, and hooks see all columns in that pass.
 */
export function forwardPass(
  ids: number[][],
  dims: ModelDims,
  options: ForwardOptions,
  body: (pass: Pass) => tf.Tensor3D,
): tf.Tensor3D {
  const { cache } = options;
  const pass = beginPass(ids, dims, options);
  const limit = dims.changesBeyond ?? Number.POSITIVE_INFINITY;
  if (cache?.length && pass.lengths.some((n, b) => n > limit && cache.lengths[b] <= limit)) {
    return startOver(ids, dims, options, cache, body);
  }
  try {
    const logits = tf.tidy(() => body(pass));
    cache?.advance(ids, pass.lengths);
    return logits;
  } finally {
    pass.dispose();
  }
}

function startOver(
  ids: number[][],
  dims: ModelDims,
  options: ForwardOptions,
  cache: KVCache,
  body: (pass: Pass) => tf.Tensor3D,
): tf.Tensor3D {
  if (options.mask) throw new Error('An extra mask does not fit a pass that starts over.');
  const whole = cache.ids.map((row, b) => [...row, ...ids[b]]);
  cache.clear();
  const logits = forwardPass(whole, dims, options, body);
  if (options.logits && options.logits !== 'all') return logits;
  const [batch, seen, vocab] = logits.shape;
  const length = ids[0].length;
  const last = tf.slice(logits, [0, seen - length, 0], [batch, length, vocab]);
  logits.dispose();
  return last;
}

function beginPass(ids: number[][], dims: ModelDims, options: ForwardOptions): Pass {
  const { cache, hooks, steering } = options;
  const start = cache?.length ?? 0;
  const length = ids[0]?.length ?? 0;
  const pads = cache?.pads ?? options.pads ?? ids.map(() => 0);
  checkIds(ids, dims, pads.length);
  if (start + length - Math.min(...pads) > dims.maxPositions) {
    throw new InputError(
      `${start + length - Math.min(...pads)} tokens are more than this model's context of ${dims.maxPositions}. Shorten the prompt or generate fewer tokens.`,
    );
  }
  const end = options.promptEnd ?? start + length;
  const columns = { start, length, promptEnds: cache?.promptEnds ?? pads.map(() => end) };
  const masks = new Map<number | null, tf.Tensor4D | null>();
  const kept: tf.Tensor[] = [];
  return {
    ids,
    lengths: options.lengths ?? pads.map((pad) => start + length - pad),
    positions: pads.map((pad) => Array.from({ length }, (_, t) => Math.max(0, start + t - pad))),
    mask(window) {
      if (!masks.has(window)) {
        const causal = causalMask({ pads, start, length, window });
        const own = causal && options.mask ? tf.add<tf.Tensor4D>(causal, options.mask) : causal;
        if (own) kept.push(tf.keep(own));
        masks.set(window, own ?? options.mask ?? null);
      }
      return masks.get(window) ?? null;
    },
    hook: compileHooks(hooks, dims.nLayers),
    steer: (layer, h) => steering?.apply(layer, h, columns) ?? h,
    remember: (layer, k, v) => cache?.append(layer, k, v) ?? { keys: [k], values: [v] },
    dispose: () => tf.dispose(kept),
  };
}

function checkIds(ids: number[][], { vocabSize }: ModelDims, rows: number) {
  const length = ids[0]?.length ?? 0;
  if (!length) throw new InputError('A forward pass needs at least one row with one token.');
  if (ids.length !== rows)
    throw new InputError(`${ids.length} rows of ids for ${rows} rows of padding.`);
  for (const row of ids) {
    if (row.length !== length) {
      throw new InputError(
        `Rows of ${length} and ${row.length} tokens in one batch: pad them on the left.`,
      );
    }
    for (const id of row) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
        throw new InputError(`Token id ${id} is outside the vocabulary of ${vocabSize}.`);
      }
    }
  }
}
