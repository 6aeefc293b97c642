/** What a model is to the rest of the code, and what one pass through it gets. */
import type * as tf from '@tensorflow/tfjs-core';
import type { AttentionOptions } from '../nn/attention';
import type { BlockPoint, Hooks } from './hooks';
import type { KVCache } from './kvCache';
import type { Steerer } from './steering';

/** The sizes that generation, steering and experiments need of any decoder. */
export interface ModelDims {
  nLayers: number;
  dModel: number;
  nHeads: number;
  kvHeads: number;
  headDim: number;
  /** F: neurons of a block's MLP. */
  intermediateSize: number;
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
  /**
   * The output layer alone, without final norm, bias and cap: what directions of the residual stream
   * say about the vocabulary.
   * @param x [B, T, D]
   * @returns [B, T, V]
   */
  toVocabulary(x: tf.Tensor3D): tf.Tensor3D;
  /** The logits [B, T, V] of h [B, T, D], as if it were the last block's output (logit lens). */
  readOut(h: tf.Tensor3D): tf.Tensor3D;
  /**
   * What the heads of a block write to the residual stream, before bias and norm.
   * @param z what they mixed, [B, T, H·d]
   * @returns z W_O, [B, T, D]
   */
  projectHeads(layer: number, z: tf.Tensor3D): tf.Tensor3D;
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
  /**
   * What to add to the scores of a block that sees the last `window` columns (null: all of them),
   * [B, 1, T, S]; null where nothing is hidden. Blocks with the same window share one tensor.
   */
  mask(window: number | null): tf.Tensor4D | null;
}

/** What one forward pass carries beside the residual stream: tensors alone. */
export interface Pass {
  /** Tokens, [B, T], int32. */
  tokens: tf.Tensor2D;
  /** A named point outside the blocks. */
  hook: ModelHook;
  layer(index: number): LayerPass;
}

/** A named point outside the blocks: the value, or what a hook puts in its place. */
export type ModelHook = <T extends tf.Tensor>(
  name: 'hook_embed' | 'ln_final.hook_normalized',
  value: T,
) => T;

/** The pass in one block. */
export interface LayerPass {
  index: number;
  /** A named point: `blocks.{index}.{point}`. */
  hook<T extends tf.Tensor>(point: BlockPoint, value: T): T;
  /** The residual stream after the block, steered. */
  steer(h: tf.Tensor3D): tf.Tensor3D;
  /**
   * The named point of the queries, keys or values of this pass, as they are projected: before norms
   * of heads and rotation. Hooks see x [B, n, T, d] as [B, T, n, d].
   */
  heads(point: 'q' | 'k' | 'v', x: tf.Tensor4D): tf.Tensor4D;
  /**
   * Attention of q [B, H, T, d] to all keys and values of the layer, this pass's k and v [B, K, T, d]
   * added; the named points of scores, pattern and z are in it.
   * @returns z, [B, T, H·d]
   */
  attend(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, options: AttentionOptions): tf.Tensor3D;
}

/**
 * What a model's file computes. A step that has run several times may be replaced by a graph of its
 * ops (src/backend/replay.ts): the result must follow from the tensors that it gets and the weights.
 */
export interface Computation<I extends object> {
  /** The tensors that depend on positions and the like, so that `blocks` need no numbers. */
  inputs(numbers: PassNumbers): I;
  /** Tokens through all blocks: the last one's output [B, T, D]. */
  blocks(pass: Pass, inputs: I): tf.Tensor3D;
  /** The logits [B, T, V] of the last block's output h [B, T, D]; the final norm goes to `hook`. */
  readOut(h: tf.Tensor3D, hook?: ModelHook): tf.Tensor3D;
  /** See `CausalLM.toVocabulary`. */
  toVocabulary(x: tf.Tensor3D): tf.Tensor3D;
}
