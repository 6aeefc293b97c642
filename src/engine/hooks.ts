import * as tf from '@tensorflow/tfjs-core';
import { checkFunction, checkObject, refuse } from '../util/check';
import { InputError } from '../util/errors';
import { checkHookName, FINAL_NORM } from './hookPoints';

export {
  type BlockPoint,
  checkHookName,
  FINAL_NORM,
  type HookRow,
  hookName,
  hookNames,
  hookTable,
  residPost,
} from './hookPoints';

/** Reads the tensor at a named point; what it returns, if anything, takes the tensor's place. */
export type HookFn = (value: tf.Tensor, name: string) => tf.Tensor | undefined;

/**
 * One function for every point, or functions by name (docs/hooks.md). Only what is asked for is
 * computed: one function for all makes every block's attention scores.
 */
export type Hooks = HookFn | Record<string, HookFn>;

/** The hooks of one pass. */
export interface PassHooks {
  /** Whether a hook is to see this point. */
  wants(name: string): boolean;
  /** The value at a point, or what its hook puts in its place. */
  at<T extends tf.Tensor>(name: string, value: T): T;
  /** @throws InputError when a point that was asked for was not passed */
  finish(): void;
}

/** Without hooks: every value is let through. */
const NONE: PassHooks = { wants: () => false, at: (_, value) => value, finish: () => undefined };

/**
 * The hooks of one pass, as a model calls them.
 * @throws InputError for a name the model does not have, or a function that returns anything but
 *   undefined or a tensor of the same shape
 */
export function compileHooks(hooks: Hooks | undefined, nLayers: number): PassHooks {
  if (!hooks) return NONE;
  if (typeof hooks === 'function') {
    return { ...NONE, wants: () => true, at: (name, value) => edited(hooks, name, value) };
  }
  checkObject('hooks', hooks);
  for (const [name, fn] of Object.entries(hooks)) {
    checkFunction(`The hook at ${name}`, fn);
    checkHookName(name, nLayers);
  }
  const waiting = new Set(Object.keys(hooks));
  return {
    wants: (name) => Object.hasOwn(hooks, name),
    at(name, value) {
      if (!Object.hasOwn(hooks, name)) return value;
      waiting.delete(name);
      return edited(hooks[name], name, value);
    },
    finish() {
      const [name] = waiting;
      if (name === undefined) return;
      const why = name === FINAL_NORM ? "logits is 'none'" : 'its file in models/ does not name it';
      throw new InputError(`The model did not pass the hook point ${name}: ${why}.`);
    },
  };
}

function edited<T extends tf.Tensor>(fn: HookFn, name: string, value: T): T {
  const result = fn(value, name);
  if (result === undefined) return value;
  if (!(result instanceof tf.Tensor)) {
    refuse(`What the hook at ${name} returned`, result, 'a tensor, or undefined (at once)');
  }
  if (result.dtype !== value.dtype || result.shape.join() !== value.shape.join()) {
    throw new InputError(
      `The hook at ${name} returned ${result.dtype} [${result.shape}] in place of ${value.dtype} [${value.shape}].`,
    );
  }
  return result as T;
}
