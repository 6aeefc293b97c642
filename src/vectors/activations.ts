import * as tf from '@tensorflow/tfjs-core';
import { type HookFn, residPost } from '../engine/hooks';
import type { CausalLM } from '../engine/model';
import { leftPad } from '../engine/prefill';
import { InputError } from '../util/errors';
import { yieldNow } from '../util/yieldNow';

/** The residual stream of one prompt: `finalTokens` rows of D for each layer, [L, F, D] flattened. */
export type PromptActivations = Float32Array;

/** Where finished batches are kept, so that a run that was killed goes on after them. */
export interface KeptBatches {
  /**
   * The rows of the batches that are there, from the first on.
   * @param sizes rows of each batch
   * @param width numbers in a row
   */
  read(sizes: number[], width: number): Float32Array[][];
  append(rows: Float32Array[]): void;
}

export interface ActivationOptions {
  /** The blocks whose output is kept. */
  layers: number[];
  /** F: how many of the last prompt tokens; 1 in the paper. */
  finalTokens: number;
  /**
   * `mean`: in place of the last tokens, one row that is the mean over a prompt's tokens but the first,
   * which attention uses as a place for what it has no use for (Sun et al. 2024, "Massive
   * Activations"). Default: `last`.
   */
  read?: 'last' | 'mean';
  batchSize: number;
  padId: number;
  /** Finished batches go here, and are not computed again. */
  partial?: KeptBatches;
  onBatch?(prompts: number): void;
}

/**
 * `resid_post` of the given layers at the last prompt tokens (paper, section 3). Prompts of like
 * length run together; no logits are computed, and nothing else of the pass is kept.
 * @param prompts token ids, BOS included
 * @throws InputError for a prompt of fewer than F tokens
 */
export async function finalActivations(
  model: CausalLM,
  prompts: number[][],
  options: ActivationOptions,
): Promise<PromptActivations[]> {
  const { finalTokens, batchSize } = options;
  const short = prompts.findIndex((prompt) => prompt.length < finalTokens);
  if (short >= 0) {
    throw new InputError(
      `Prompt ${short} has ${prompts[short].length} tokens; ${finalTokens} of each are asked for (num_final_tokens).`,
    );
  }
  const results: PromptActivations[] = new Array(prompts.length);
  const order = [...prompts.keys()].sort((a, b) => prompts[a].length - prompts[b].length);
  const batches: number[][] = [];
  for (let i = 0; i < order.length; i += batchSize) batches.push(order.slice(i, i + batchSize));
  const width = options.layers.length * finalTokens * model.config.dModel;
  const done =
    options.partial?.read(
      batches.map((members) => members.length),
      width,
    ) ?? [];
  for (const [i, members] of batches.entries()) {
    const batch = members.map((prompt) => prompts[prompt]);
    const rows = done[i] ?? (await batchActivations(model, batch, options));
    if (!done[i]) options.partial?.append(rows);
    members.forEach((prompt, row) => {
      results[prompt] = rows[row];
    });
    options.onBatch?.(members.length);
  }
  return results;
}

async function batchActivations(
  model: CausalLM,
  prompts: number[][],
  { layers, finalTokens, padId, read }: ActivationOptions,
) {
  await yieldNow();
  const { ids, pads } = leftPad(prompts, padId);
  const start = ids[0].length - finalTokens;
  const kept = new Map<number, tf.Tensor>();
  const hooks: Record<string, HookFn> = {};
  for (const layer of layers) {
    hooks[residPost(layer)] = (h) => {
      const size = [prompts.length, finalTokens, model.config.dModel];
      const rows = read === 'mean' ? meanOver(h, pads) : tf.slice(h, [0, start, 0], size);
      kept.set(layer, tf.keep(rows));
      return undefined;
    };
  }
  tf.dispose(model.forward(ids, { pads, hooks, logits: 'none' }));
  const width = finalTokens * model.config.dModel;
  const rows = prompts.map(() => new Float32Array(layers.length * width));
  for (const [index, layer] of layers.entries()) {
    const values = await kept.get(layer)!.data();
    rows.forEach((row, b) => {
      row.set(values.subarray(b * width, (b + 1) * width) as Float32Array, index * width);
    });
    kept.get(layer)!.dispose();
  }
  return rows;
}

/** h [B, T, D] → its mean over the columns after the first of each row, [B, 1, D]. */
function meanOver(h: tf.Tensor, pads: number[]): tf.Tensor {
  const columns = h.shape[1]!;
  const shares = pads.flatMap((pad) => {
    const from = Math.min(pad + 1, columns - 1);
    return Array.from({ length: columns }, (_, t) => (t < from ? 0 : 1 / (columns - from)));
  });
  return tf.sum(tf.mul(h, tf.tensor3d(shares, [pads.length, columns, 1])), 1, true);
}
