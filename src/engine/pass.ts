/** What a model's file gets of a forward pass: its named points, steering, and the cache. */
import * as tf from '@tensorflow/tfjs-core';
import { attention, type Watch } from '../nn/attention';
import { type BlockPoint, compileHooks, type PassHooks } from './hooks';
import type { ForwardOptions, LayerPass, ModelDims, Pass } from './model';
import type { PassEdits } from './steering';

/**
 * @param ids [B][T]
 * @param columns of each piece of keys that the pass will see, where there are several
 * @returns the pass, and its hooks, to be finished when the model has passed them
 */
export function makePass(
  { nLayers }: ModelDims,
  ids: number[][],
  { cache, hooks }: ForwardOptions,
  edits: PassEdits,
  columns: tf.Tensor1D | null,
): { pass: Pass; hooks: PassHooks } {
  const compiled = compileHooks(hooks, nLayers);
  const layer = (index: number): LayerPass => {
    const points = pointsOf(index, compiled);
    return {
      index,
      hook: points.at,
      heads: (point, x) => points.heads(`attn.hook_${point}`, x),
      steer: (h) => edits.apply(index, h),
      attend(q, k, v, options) {
        const seen = cache?.append(index, k, v) ?? { keys: [k], values: [v] };
        const z = attention(q, { ...seen, columns }, { ...options, watch: points.watch });
        return points.z(z, q.shape[1]);
      },
    };
  };
  const tokens = tf.tensor2d(ids, undefined, 'int32');
  return { pass: { tokens, hook: compiled.at, layer }, hooks: compiled };
}

/** The named points of one block. Nothing is reshaped or computed for a point that no hook is at. */
function pointsOf(index: number, hooks: PassHooks) {
  const name = (point: BlockPoint) => `blocks.${index}.${point}`;
  const wants = (point: BlockPoint) => hooks.wants(name(point));
  const at = <T extends tf.Tensor>(point: BlockPoint, value: T) => hooks.at(name(point), value);
  const swapped = (x: tf.Tensor4D): tf.Tensor4D => tf.transpose(x, [0, 2, 1, 3]);
  const watch: Watch = {
    scores: (x) => at('attn.hook_attn_scores', x),
    pattern: (x) => at('attn.hook_pattern', x),
  };
  const watches = wants('attn.hook_attn_scores') || wants('attn.hook_pattern');
  return {
    at,
    watch: watches ? watch : undefined,
    /** x [B, n, T, d], which hooks see as [B, T, n, d]. */
    heads: (point: BlockPoint, x: tf.Tensor4D) =>
      wants(point) ? swapped(at(point, swapped(x))) : x,
    /** z [B, T, H·d], which hooks see as [B, T, H, d]. */
    z(z: tf.Tensor3D, heads: number): tf.Tensor3D {
      if (!wants('attn.hook_z')) return z;
      const [batch, length, width] = z.shape;
      const perHead: tf.Tensor4D = tf.reshape(z, [batch, length, heads, width / heads]);
      return tf.reshape(at('attn.hook_z', perHead), z.shape);
    },
  };
}
