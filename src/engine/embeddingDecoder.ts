import type * as tf from '@tensorflow/tfjs-core';
import { tiedOutput, unembed } from '../nn/embedding';
import { type LinearLayer, linear } from '../nn/linear';
import { Decoder } from './forward';
import type { ModelDims } from './model';

interface Parts {
  /** [V, D] */
  embedTokens: tf.Tensor2D;
  /** [D, V]; undefined where the embedding is the output layer too. */
  lmHead?: tf.Tensor2D;
  layers: { selfAttn: { oProj: LinearLayer } }[];
}

/**
 * A decoder whose parts have the names of most checkpoints on the Hub. The output layer is one of its
 * own, or the embedding once more.
 */
export abstract class EmbeddingDecoder<
  C extends ModelDims,
  W extends Parts,
  I extends object,
> extends Decoder<C, W, I> {
  /** [D, V] of a tied head where the backend wants it, see `tiedOutput`. */
  private readonly output: tf.Tensor2D | null;

  constructor(config: C, weights: W) {
    super(config, weights);
    this.output = weights.lmHead ? null : tiedOutput(weights.embedTokens);
  }

  /** See `CausalLM.toVocabulary`. */
  toVocabulary(x: tf.Tensor3D): tf.Tensor3D {
    const { embedTokens, lmHead } = this.weights;
    return lmHead ? (linear(x, lmHead) as tf.Tensor3D) : unembed(x, embedTokens, this.output);
  }

  /** See `CausalLM.projectHeads`. */
  projectHeads(layer: number, z: tf.Tensor3D): tf.Tensor3D {
    return linear(z, this.weights.layers[layer].selfAttn.oProj.weight) as tf.Tensor3D;
  }
}
