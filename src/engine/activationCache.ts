import * as tf from '@tensorflow/tfjs-core';
import { checkCount, refuse } from '../util/check';
import { InputError } from '../util/errors';
import { checkHookName, hookName, residPost } from './hooks';
import type { CausalLM } from './model';

/** Tensors that add up, or follow each other, along the first axis. */
export type Stack = {
  /** What each is: `embed`, `0_attn_out`, `0_mlp_out`, ... */
  labels: string[];
  /** [labels, B, T, D] */
  stack: tf.Tensor4D;
};

/**
 * The activations of a pass by the names of their points: a Map, and what is mostly computed of it
 * (as `ActivationCache` of TransformerLens). It holds its tensors until `dispose`; what a method
 * computes is the caller's.
 */
export class ActivationCache extends Map<string, tf.Tensor> {
  /**
   * @param pads left padding of each row
   * @param edited the blocks whose residual stream was edited: steered, or by a hook
   */
  constructor(
    private readonly model: CausalLM,
    readonly pads: readonly number[],
    private readonly edited: ReadonlySet<number> = new Set(),
  ) {
    super();
  }

  /** The activation at a point, by its full name; undefined where it was not kept. */
  override get(name: `blocks.${number}.hook_${string}`): tf.Tensor3D | undefined;
  override get(name: `blocks.${number}.attn.hook_${string}`): tf.Tensor4D | undefined;
  override get(name: string): tf.Tensor | undefined;
  override get(name: string): tf.Tensor | undefined {
    return super.get(name);
  }

  /**
   * The activation at a point: `at('pattern', 3)`, `at('blocks.3.attn.hook_pattern')`.
   * @throws InputError for a name that no point has, and for a point that was not kept
   */
  at(name: string, layer?: number): tf.Tensor {
    const full = layer === undefined && this.has(name) ? name : this.nameOf(name, layer);
    const value = this.get(full);
    if (value) return value;
    const what = this.size ? `it holds ${this.size} others` : 'it is empty';
    throw new InputError(`The cache has no ${full}: ${what}. See "names" of runWithCache.`);
  }

  private nameOf(name: string, layer: number | undefined): string {
    const { nLayers } = this.model.config;
    if (layer === undefined && name?.includes?.('.')) {
      checkHookName(name, nLayers);
      return name;
    }
    const full = hookName(name, layer);
    checkHookName(full, nLayers);
    return full;
  }

  /** The residual stream after a block, steering included: [B, T, D]. */
  resid(layer: number): tf.Tensor3D {
    return this.at(residPost(layer)) as tf.Tensor3D;
  }

  /**
   * The residual stream as it grows: what the first block gets, then every block's output.
   * @param layers only those of the first so many blocks; default all
   */
  accumulatedResid(layers = this.model.config.nLayers): Stack {
    const blocks = this.blocksUpTo(layers);
    return stacked([
      ['embed', this.at('hook_embed')],
      ...blocks.map((l): Part => [`${l}_post`, this.resid(l)]),
    ]);
  }

  /**
   * The parts whose sum is the residual stream after the first `layers` blocks (default: all): the
   * embedding, and what attention and MLP of each block add; where a block's stream was steered or a
   * hook edited it, what that added (`3_edit`).
   */
  decomposeResid(layers = this.model.config.nLayers): Stack {
    const blocks = this.blocksUpTo(layers);
    return tf.tidy(() =>
      stacked([
        ['embed', this.at('hook_embed')],
        ...blocks.flatMap((l) => {
          const added: Part[] = [
            [`${l}_attn_out`, this.at('attn_out', l)],
            [`${l}_mlp_out`, this.at('mlp_out', l)],
          ];
          return this.edited.has(l) ? [...added, this.editAt(l, added)] : added;
        }),
      ]),
    );
  }

  private editAt(layer: number, added: Part[]): Part {
    const before = layer ? this.resid(layer - 1) : this.at('hook_embed');
    const without = tf.addN([before, ...added.map(([, part]) => part)]);
    return [`${layer}_edit`, tf.sub(this.resid(layer), without)];
  }

  private blocksUpTo(layers: number): number[] {
    checkCount('ActivationCache: layers', layers, 0, this.model.config.nLayers);
    return Array.from({ length: layers }, (_, l) => l);
  }

  /**
   * The logits that a residual stream would have if the model ended there, by final norm and output
   * layer (logit lens, nostalgebraist 2020).
   * @param resid a block, for the stream after it, or any stream [B, T, D]
   * @returns [B, T, V]
   */
  logitLens(resid: number | tf.Tensor3D): tf.Tensor3D {
    const h = typeof resid === 'number' ? this.resid(resid) : resid;
    const { dModel } = this.model.config;
    if (!(h instanceof tf.Tensor))
      refuse('logitLens: the residual stream', h, 'a block or a tensor');
    if (h.rank === 3 && h.shape[2] === dModel) return tf.tidy(() => this.model.readOut(h));
    throw new InputError(`logitLens: a tensor [${h.shape}], not [batch, pos, ${dModel}].`);
  }

  /**
   * What each head of a block writes: its z through its rows of W_O. Their sum is what attention adds
   * before the bias of W_O (GPT-2) and the norm after it (Gemma-2).
   * @returns [B, T, H, D]
   */
  headResults(layer: number): tf.Tensor4D {
    const z = this.at('z', layer) as tf.Tensor4D;
    const [batch, length, heads, dim] = z.shape;
    return tf.tidy(() => {
      // Row by row of batches with one head alone: W_O itself may be held in 16 bit.
      const alone = tf.reshape(tf.eye(heads), [heads, 1, 1, heads, 1]);
      const each = tf.mul(tf.expandDims(z, 0), alone);
      const flat: tf.Tensor3D = tf.reshape(each, [heads * batch, length, heads * dim]);
      const results = this.model.projectHeads(layer, flat);
      const byHead = tf.reshape(results, [heads, batch, length, results.shape[2]]);
      return tf.transpose(byHead, [1, 2, 0, 3]) as tf.Tensor4D;
    });
  }

  /** Frees every activation. */
  dispose(): void {
    tf.dispose([...this.values()]);
    this.clear();
  }
}

type Part = [label: string, tensor: tf.Tensor];

const stacked = (parts: Part[]): Stack => ({
  labels: parts.map(([label]) => label),
  stack: tf.stack(parts.map(([, tensor]) => tensor)) as tf.Tensor4D,
});
