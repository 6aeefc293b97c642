import * as tf from '@tensorflow/tfjs-core';
import { checkFunction, checkKeys, optional } from '../util/check';
import { checkEditsOf, checkModel, checkPrompts } from './checks';
import { compileHooks, type Hooks } from './hooks';
import type { CausalLM, ForwardOptions } from './model';
import { leftPad } from './prefill';
import { type Edit, Steering } from './steering';

export interface RunOptions extends Pick<ForwardOptions, 'logits'> {
  /** Which points to keep; default all. */
  names?: (name: string) => boolean;
  /** Edits, applied before a point is kept. */
  hooks?: Hooks;
  /** The edits of each prompt. */
  edits?: Edit[][];
  padId?: number;
}

/**
 * One pass over the prompts (left-padded together) that keeps the activations at the named points.
 * @returns logits [B, T, V], and the activations [B, T, D] by hook name; all are the caller's to
 *   dispose. The last prompt token of every row is the last column.
 * @throws InputError as `CausalLM.forward`, and for an unknown option or edits that do not fit
 */
export function runWithCache(
  model: CausalLM,
  prompts: number[][],
  options: RunOptions = {},
): { logits: tf.Tensor3D; cache: Map<string, tf.Tensor3D>; pads: number[] } {
  checkModel('runWithCache', model);
  checkPrompts('runWithCache', prompts, model.config);
  checkKeys('runWithCache: options', options, ['logits', 'names', 'hooks', 'edits', 'padId'], {
    steering: 'Steering is given as "edits", one list for each prompt.',
  });
  optional(options.names, (names) => checkFunction('runWithCache: names', names));
  const { edits } = options;
  if (edits) checkEditsOf('runWithCache', edits, prompts, model.config);
  const { ids, pads } = leftPad(prompts, options.padId);
  const steering = edits && new Steering(edits, model.config);
  const edit = compileHooks(options.hooks, model.config.nLayers);
  const cache = new Map<string, tf.Tensor3D>();
  try {
    const logits = model.forward(ids, {
      pads,
      steering,
      logits: options.logits,
      hooks: (value, name) => {
        const edited = edit(name, value);
        if (options.names?.(name) ?? true)
          cache.set(name, tf.keep(tf.clone(edited)) as tf.Tensor3D);
        return edited;
      },
    });
    return { logits, cache, pads };
  } finally {
    steering?.dispose();
  }
}
