import * as tf from '@tensorflow/tfjs-core';
import { checkKeys, checkList, refuse } from '../util/check';
import { ActivationCache } from './activationCache';
import { checkEditsOf, checkModel, checkPrompts } from './checks';
import {
  checkHookName,
  compileHooks,
  FINAL_NORM,
  type HookFn,
  type Hooks,
  hookNames,
} from './hooks';
import type { CausalLM, ForwardOptions } from './model';
import { leftPad } from './prefill';
import { type Edit, Steering } from './steering';

export interface RunOptions extends Pick<ForwardOptions, 'logits'> {
  /** Which points to keep: their names, or a function of the name; default all. */
  names?: readonly string[] | ((name: string) => boolean);
  /** Edits, applied before a point is kept. */
  hooks?: Hooks;
  /** The edits of each prompt. */
  edits?: Edit[][];
  padId?: number;
}

/**
 * One pass over the prompts (left-padded together) that keeps the activations at the named points
 * (docs/hooks.md). Only those are asked for: without scores and patterns among them, attention runs
 * as it does without hooks.
 * @returns logits [B, T, V], and the activations by hook name; all are the caller's to dispose
 *   (`cache.dispose()`). The last prompt token of every row is the last column.
 * @throws InputError as `CausalLM.forward`, and for an unknown option, a name that no point has, or
 *   edits that do not fit
 */
export function runWithCache(
  model: CausalLM,
  prompts: number[][],
  options: RunOptions = {},
): { logits: tf.Tensor3D; cache: ActivationCache; pads: number[] } {
  checkModel('runWithCache', model);
  checkPrompts('runWithCache', prompts, model.config);
  checkKeys('runWithCache: options', options, ['logits', 'names', 'hooks', 'edits', 'padId'], {
    steering: 'Steering is given as "edits", one list for each prompt.',
  });
  const { edits, logits } = options;
  if (edits) checkEditsOf('runWithCache', edits, prompts, model.config);
  const { ids, pads } = leftPad(prompts, options.padId);
  const cache = new ActivationCache(model, pads, editedBlocks(model, options));
  const hooks = keepingHooks(model, options, cache);
  const steering = edits && new Steering(edits, model.config);
  try {
    return { logits: model.forward(ids, { pads, steering, logits, hooks }), cache, pads };
  } catch (error) {
    cache.dispose();
    throw error;
  } finally {
    steering?.dispose();
  }
}

/** The given hooks, and at each point to be kept one that keeps what they made of it. */
function keepingHooks(
  { config: { nLayers } }: CausalLM,
  options: RunOptions,
  cache: ActivationCache,
): Record<string, HookFn> {
  const given = compileHooks(options.hooks, nLayers);
  const kept = namesToKeep(nLayers, options);
  const hooks: Record<string, HookFn> = {};
  for (const name of pointsOf(nLayers, options)) {
    if (!kept.has(name) && !given.wants(name)) continue;
    hooks[name] = (value) => {
      const edited = given.at(name, value);
      if (kept.has(name)) cache.set(name, tf.keep(tf.clone(edited)));
      return edited;
    };
  }
  return hooks;
}

/** The points that are passed: without logits, the final norm is not computed. */
function pointsOf(nLayers: number, { logits, names, hooks }: RunOptions): string[] {
  const all = hookNames(nLayers);
  const askedFor = Array.isArray(names) && names.includes(FINAL_NORM);
  const hooked = typeof hooks === 'object' && Object.hasOwn(hooks, FINAL_NORM);
  return logits === 'none' && !askedFor && !hooked ? all.slice(0, -1) : all;
}

function namesToKeep(nLayers: number, { names }: RunOptions): Set<string> {
  if (names === undefined) return new Set(hookNames(nLayers));
  if (typeof names === 'function') return new Set(hookNames(nLayers).filter(names));
  checkList('runWithCache: names', names, 'a list of names of points, or a function');
  for (const name of names) {
    if (typeof name !== 'string') refuse('runWithCache: a name', name, 'the name of a point');
    checkHookName(name, nLayers);
  }
  return new Set<string>(names);
}

/** The blocks whose residual stream an edit or a hook may change. */
function editedBlocks(
  { config: { nLayers } }: CausalLM,
  { edits = [], hooks = {} }: RunOptions,
): Set<number> {
  if (typeof hooks === 'function') return new Set(Array.from({ length: nLayers }, (_, l) => l));
  const hooked = Object.keys(hooks).flatMap((name) => {
    const layer = /^blocks\.(\d+)\.hook_resid_/.exec(name)?.[1];
    return layer === undefined ? [] : [Number(layer)];
  });
  return new Set([...edits.flat().map(({ layer }) => layer), ...hooked]);
}
