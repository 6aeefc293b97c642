import * as tf from '@tensorflow/tfjs-core';
import { replayed, tensorsIn } from '../backend/replay';
import type { Seen } from '../nn/attention';
import { causalMask } from '../nn/mask';
import { InputError } from '../util/errors';
import { compileHooks, type Hooks } from './hooks';
import type { KVCache } from './kvCache';
import type { Columns, PassEdits, Steerer } from './steering';

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
  readonly config: ModelDims;
  /** Every tensor of the model, under the names of its file in `models`. */
  readonly weights: object;
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
  steering?: Steerer;
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
  /** False: op by op, even where a graph could stand for this pass (src/backend/replay.ts). */
  graph?: boolean;
}

/** The tokens of one forward pass, in numbers. */
export interface PassNumbers {
  /** Tokens, [B][T]. */
  ids: number[][];
  /** Tokens of each row up to the end of this pass, padding excluded. */
  lengths: number[];
  /** Position of every token, [B][T]. */
  positions: number[][];
}

/** What one forward pass carries through the blocks beside the residual stream: tensors alone. */
export interface Pass {
  /** Tokens, [B, T], int32. */
  tokens: tf.Tensor2D;
  /** The attention mask for a window (null: none), made once per window. */
  mask(window: number | null): tf.Tensor4D | null;
  hook: ReturnType<typeof compileHooks>;
  /** The residual stream after a block, steered. */
  steer(layer: number, h: tf.Tensor3D): tf.Tensor3D;
  /** All keys and values of a layer, this call's added. */
  remember(layer: number, k: tf.Tensor4D, v: tf.Tensor4D): Seen;
}

/** The computation of one model. */
export interface Computation<I extends object> {
  /** The tensors that depend on positions and the like, so that `blocks` need no numbers. */
  inputs(numbers: PassNumbers): I;
  /**
   * Logits from tokens. A step that has run several times may be replaced by a graph of its ops
   * (src/backend/replay.ts): what it computes must follow from the tensors it gets and the weights.
   */
  blocks(pass: Pass, inputs: I): tf.Tensor3D;
}

/**
 * Runs the computation of a model as `CausalLM.forward` promises: the input is checked, columns,
 * positions and masks are laid out, everything but the result is freed, and the cache counts the
 * new columns.
 *
 * A row that grows past `changesBeyond` makes its cached keys and values stale. The batch is then
 * computed once more from its first column, and hooks see all columns in that pass.
 */
export function forwardPass<I extends object>(
  model: Pick<CausalLM, 'config' | 'weights'>,
  ids: number[][],
  options: ForwardOptions,
  computation: Computation<I>,
): tf.Tensor3D {
  const { cache } = options;
  const layout = layOut(ids, model.config, options);
  const limit = model.config.changesBeyond ?? Number.POSITIVE_INFINITY;
  if (cache?.length && layout.lengths.some((n, b) => n > limit && cache.lengths[b] <= limit)) {
    return startOver(model, ids, options, cache, computation);
  }
  const logits = tf.tidy(() => run(model, layout, options, computation));
  cache?.advance(ids, layout.lengths);
  return logits;
}

/** A pass; where it can, as the graph that stands for passes like it. */
function run<I extends object>(
  model: Pick<CausalLM, 'config' | 'weights'>,
  layout: Layout,
  options: ForwardOptions,
  { inputs, blocks }: Computation<I>,
): tf.Tensor3D {
  const made = inputs(layout);
  const { pass, step, dispose } = makePass(model, layout, options);
  try {
    if (!step) return blocks(pass, made);
    const { cache, key } = step;
    const { outputs, byGraph } = replayed(model, key, [...tensorsIn(made), ...step.tensors], () => {
      const logits = blocks(pass, made);
      return [logits, ...cache.pieces()];
    });
    if (byGraph) cache.replacePieces(outputs.slice(1) as tf.Tensor4D[]);
    return outputs[0] as tf.Tensor3D;
  } finally {
    dispose();
  }
}

/** A decoding step for which a graph could stand: all it reads beside inputs and weights. */
interface Step {
  cache: KVCache;
  /** Differs where the ops of the step do. */
  key: string;
  tensors: tf.Tensor[];
}

function makePass(
  model: Pick<CausalLM, 'config' | 'weights'>,
  layout: Layout,
  options: ForwardOptions,
): { pass: Pass; step: Step | null; dispose(): void } {
  const { cache, hooks, graph = true, mask: extra } = options;
  const { ids, columns } = layout;
  const edits = options.steering?.at(columns) ?? NO_EDITS;
  const after = cache?.columnsAfter(columns.length) ?? [];
  const pieces = after.length > 1 ? tf.tensor1d(after, 'int32') : null;
  const masks = new Map<number | null, tf.Tensor4D | null>();
  const windows = windowsOf(model);
  const pass: Pass = {
    tokens: tf.tensor2d(ids, undefined, 'int32'),
    mask(window) {
      windows.add(window);
      if (!masks.has(window)) {
        const causal = causalMask({ ...layout, ...columns, window });
        const own = causal && extra ? tf.add<tf.Tensor4D>(causal, extra) : causal;
        // Kept: the block that asks for it first frees what it made.
        masks.set(window, own && tf.keep(own));
      }
      return masks.get(window) ?? extra ?? null;
    },
    hook: compileHooks(hooks, model.config.nLayers),
    steer: edits.apply,
    remember(layer, k, v) {
      const { keys, values } = cache?.append(layer, k, v) ?? { keys: [k], values: [v] };
      return { keys, values, columns: pieces };
    },
  };
  const dispose = () => tf.dispose([...masks.values()].filter((mask) => mask !== null));

  const { recordable } = edits;
  const alone = graph && columns.length === 1 && !hooks && !extra;
  if (!cache?.length || !alone || !recordable) return { pass, step: null, dispose };
  const all = [pieces, ...[...windows].map((window) => pass.mask(window))];
  const held = cache.pieces();
  const { logits = 'all' } = options;
  const kinds = [[...windows], all.map((x) => x !== null), held.length, after.length];
  const tensors = [...all.filter((x) => x !== null), ...recordable.tensors, ...held];
  const step: Step = {
    cache,
    key: JSON.stringify([ids.length, logits, recordable.key, ...kinds]),
    tensors: [pass.tokens, ...tensors],
  };
  return { pass, step, dispose };
}

const NO_EDITS: PassEdits = { apply: (_, h) => h, recordable: { key: '', tensors: [] } };

/** The windows that the blocks of a model have asked masks for. */
const askedFor = new WeakMap<object, Set<number | null>>();
function windowsOf(model: object): Set<number | null> {
  const known = askedFor.get(model) ?? new Set();
  askedFor.set(model, known);
  return known;
}

function startOver<I extends object>(
  model: Pick<CausalLM, 'config' | 'weights'>,
  ids: number[][],
  options: ForwardOptions,
  cache: KVCache,
  computation: Computation<I>,
): tf.Tensor3D {
  if (options.mask) throw new Error('An extra mask does not fit a pass that starts over.');
  const whole = cache.ids.map((row, b) => [...row, ...ids[b]]);
  cache.clear();
  const logits = forwardPass(model, whole, options, computation);
  if (options.logits && options.logits !== 'all') return logits;
  const [batch, seen, vocab] = logits.shape;
  const length = ids[0].length;
  const last = tf.slice(logits, [0, seen - length, 0], [batch, length, vocab]);
  logits.dispose();
  return last;
}

/** Where the tokens of a pass stand. */
interface Layout extends PassNumbers {
  pads: number[];
  columns: Columns;
}

function layOut(ids: number[][], config: ModelDims, options: ForwardOptions): Layout {
  const { cache } = options;
  const start = cache?.length ?? 0;
  const length = ids[0]?.length ?? 0;
  const pads = cache?.pads ?? options.pads ?? ids.map(() => 0);
  checkIds(ids, config, pads.length);
  if (start + length - Math.min(...pads) > config.maxPositions) {
    throw new InputError(
      `${start + length - Math.min(...pads)} tokens are more than this model's context of ${config.maxPositions}. Shorten the prompt or generate fewer tokens.`,
    );
  }
  const end = options.promptEnd ?? start + length;
  return {
    ids,
    pads,
    columns: { start, length, promptEnds: cache?.promptEnds ?? pads.map(() => end) },
    lengths: options.lengths ?? pads.map((pad) => start + length - pad),
    positions: pads.map((pad) => Array.from({ length }, (_, t) => Math.max(0, start + t - pad))),
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
