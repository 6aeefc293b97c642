import * as tf from '@tensorflow/tfjs-core';
import { checkCount, checkFunction, checkObject, refuse } from '../util/check';
import { didYouMean, InputError } from '../util/errors';

/** Reads the tensor at a named point; what it returns, if anything, takes the tensor's place. */
export type HookFn = (value: tf.Tensor, name: string) => tf.Tensor | undefined;

/** One function for every point, or functions by name (names as in TransformerLens). */
export type Hooks = HookFn | Record<string, HookFn>;

const BLOCK_POINTS = [
  'hook_resid_pre',
  'hook_attn_out',
  'hook_resid_mid',
  'hook_mlp_out',
  'hook_resid_post',
] as const;

/** A named point of a block. */
export type BlockPoint = (typeof BLOCK_POINTS)[number];

/** Every hook point of a decoder with `nLayers` blocks, in the order in which they are passed. */
export function hookNames(nLayers: number): string[] {
  checkCount('hookNames: nLayers', nLayers);
  const blocks = Array.from({ length: nLayers }, (_, l) =>
    BLOCK_POINTS.map((name) => `blocks.${l}.${name}`),
  );
  return ['hook_embed', ...blocks.flat()];
}

/** `blocks.{layer}.hook_resid_post`: the residual stream after a block, steering included. */
export function residPost(layer: number): string {
  checkCount('residPost: layer', layer);
  return `blocks.${layer}.hook_resid_post`;
}

/**
 * The function a model calls at each point.
 * @throws InputError for a name the model does not have, or a function that returns anything but
 *   undefined or a tensor of the same shape
 */
export function compileHooks(hooks: Hooks | undefined, nLayers: number) {
  if (!hooks) return <T extends tf.Tensor>(_name: string, value: T) => value;
  if (typeof hooks !== 'function') {
    checkObject('hooks', hooks);
    const known = hookNames(nLayers);
    for (const [name, fn] of Object.entries(hooks)) {
      checkFunction(`The hook at ${name}`, fn);
      if (!known.includes(name)) {
        throw new InputError(`No hook point "${name}" in this model.${didYouMean(name, known)}`);
      }
    }
  }
  return <T extends tf.Tensor>(name: string, value: T): T => {
    const fn = typeof hooks === 'function' ? hooks : hooks[name];
    const edited = fn?.(value, name);
    if (edited === undefined) return value;
    if (!(edited instanceof tf.Tensor)) {
      refuse(`What the hook at ${name} returned`, edited, 'a tensor, or undefined (at once)');
    }
    if (edited.dtype !== value.dtype || edited.shape.join() !== value.shape.join()) {
      throw new InputError(
        `The hook at ${name} returned ${edited.dtype} [${edited.shape}] in place of ${value.dtype} [${value.shape}].`,
      );
    }
    return edited as T;
  };
}
