/**
 * GPT-2 (Radford et al. 2019), after `GPT2LMHeadModel` of transformers 5.18.
 * Axis letters: src/nn/README.md.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../src/checkpoint/configJson';
import { type Checkpoint, loadParts } from '../src/checkpoint/load';
import type { LoadOptions, WeightSource } from '../src/checkpoint/weights';
import { Decoder, unhooked } from '../src/engine/forward';
import type { LayerPass, ModelDims, ModelHook, Pass, PassNumbers } from '../src/engine/model';
import { geluTanh } from '../src/nn/activation';
import { splitHeads } from '../src/nn/attention';
import { embed, tiedOutput, unembed } from '../src/nn/embedding';
import { type LinearLayer, linear, through } from '../src/nn/linear';
import { layerNorm } from '../src/nn/norm';

// ── Config ──────────────────────────────────────────────────────────────────────────────────────

export interface GPT2Config extends ModelDims {
  layerNormEps: number;
  /** Factor on the scores of each block. */
  scales: number[];
  /** The embedding is the output layer too. */
  tied: boolean;
}

/** @throws InputError for a missing or unknown key, or a value this file does not compute */
export function readConfig(file: ModelConfig): GPT2Config {
  file.oneOf('model_type', ['gpt2']);
  // Two names of one formula.
  file.oneOf('activation_function', ['gelu_new', 'gelu_pytorch_tanh', undefined]);
  file.oneOf('add_cross_attention', [false, undefined]);
  file.oneOf('n_special', [0, undefined]);
  // Precision of mixed arithmetic, another head on top, notes on training and tasks; the context's
  // old name, which transformers does not read any more: the position embedding has its length.
  file.harmless('n_ctx');
  file.harmless('reorder_and_upcast_attn', 'gradient_checkpointing', 'output_past', '_num_labels');
  file.harmless('summary_type', 'summary_use_proj', 'summary_activation', 'summary_first_dropout');
  file.harmless('summary_proj_to_labels', 'task_specific_params', 'predict_special_tokens');
  file.nullable('n_inner');
  const nLayers = file.layers(file.alias('n_layer', 'num_hidden_layers'), 12);
  const dModel = file.count(file.alias('n_embd', 'hidden_size'), 768);
  const nHeads = file.divisor(file.alias('n_head', 'num_attention_heads'), dModel, 12);
  const headDim = dModel / nHeads;
  const maxPositions = file.count(file.alias('n_positions', 'max_position_embeddings'), 1024);
  const scale = file.flag('scale_attn_weights', true) ? headDim ** -0.5 : 1;
  const byLayer = file.flag('scale_attn_by_inverse_layer_idx', false);
  const config: GPT2Config = {
    nLayers,
    dModel,
    nHeads,
    kvHeads: nHeads,
    headDim,
    vocabSize: file.count('vocab_size', 50257),
    maxPositions,
    intermediateSize: file.count('n_inner', 4 * dModel),
    layerNormEps: file.number('layer_norm_epsilon', 1e-5),
    scales: Array.from({ length: nLayers }, (_, l) => (byLayer ? scale / (l + 1) : scale)),
    tied: file.flag('tie_word_embeddings', true),
  };
  file.done();
  return config;
}

// ── Weights ─────────────────────────────────────────────────────────────────────────────────────

export type NormWeights = ReturnType<typeof normWeights>;
export type BlockWeights = ReturnType<typeof blockWeights>;
export type GPT2Weights = ReturnType<typeof gpt2Weights>;

const normWeights = (w: WeightSource, at: string, c: GPT2Config) => ({
  gain: w.gain(`${at}.weight`, c.dModel),
  bias: w.bias(`${at}.bias`, c.dModel),
});

/** A linear layer that is stored [in, out], with a bias. */
const conv1DWeights = (w: WeightSource, at: string, inner: number, outer: number): LinearLayer => ({
  weight: w.table(`${at}.weight`, inner, outer),
  bias: w.bias(`${at}.bias`, outer),
});

const blockWeights = (w: WeightSource, at: string, c: GPT2Config) => ({
  ln1: normWeights(w, `${at}.ln_1`, c),
  attn: {
    /** Queries, then keys, then values: D → 3D. */
    cAttn: conv1DWeights(w, `${at}.attn.c_attn`, c.dModel, 3 * c.dModel),
    cProj: conv1DWeights(w, `${at}.attn.c_proj`, c.dModel, c.dModel),
  },
  ln2: normWeights(w, `${at}.ln_2`, c),
  mlp: {
    cFc: conv1DWeights(w, `${at}.mlp.c_fc`, c.dModel, c.intermediateSize),
    cProj: conv1DWeights(w, `${at}.mlp.c_proj`, c.intermediateSize, c.dModel),
  },
});

const NAMES = {
  prefix: 'transformer.',
  embedding: 'transformer.wte.weight',
  // Older exports hold every block's causal mask, and the score that stands for "hidden".
  leftOver: /(^|\.)(attn|crossattention)\.(bias|masked_bias)$/,
};

/** Every tensor of the model, asked for by its checkpoint name (OpenAI's are without the prefix). */
export const gpt2Weights = (w: WeightSource, c: GPT2Config) => ({
  /** Token embedding [V, D]. */
  wte: w.table('transformer.wte.weight', c.vocabSize, c.dModel),
  /** Position embedding [maxPositions, D]. */
  wpe: w.table('transformer.wpe.weight', c.maxPositions, c.dModel),
  h: Array.from({ length: c.nLayers }, (_, l) => blockWeights(w, `transformer.h.${l}`, c)),
  lnF: normWeights(w, 'transformer.ln_f', c),
  lmHead: c.tied ? undefined : w.linear('lm_head.weight', c.dModel, c.vocabSize),
});

// ── Attention ───────────────────────────────────────────────────────────────────────────────────

/** x [B, T, D] → [B, T, D] */
function selfAttention(
  x: tf.Tensor,
  { cAttn, cProj }: BlockWeights['attn'],
  c: GPT2Config,
  pass: LayerPass,
  mask: tf.Tensor4D | null,
) {
  const heads = splitHeads(through(x, cAttn), 3 * c.nHeads); // [B, 3H, T, d]
  const [q, k, v]: tf.Tensor4D[] = tf.split(heads, 3, 1);
  const mixed = pass.attend(pass.heads('q', q), pass.heads('k', k), pass.heads('v', v), {
    scale: c.scales[pass.index],
    softcap: null,
    mask,
  }); // [B, T, D]
  return through(mixed, cProj);
}

// ── MLP ─────────────────────────────────────────────────────────────────────────────────────────

/** x [B, T, D] → [B, T, D] through width F */
function mlp(x: tf.Tensor, { cFc, cProj }: BlockWeights['mlp'], pass: LayerPass) {
  return through(pass.hook('mlp.hook_post', geluTanh(through(x, cFc))), cProj);
}

// ── Block ───────────────────────────────────────────────────────────────────────────────────────

/** h [B, T, D] → [B, T, D]: the residual stream, with a norm before each sublayer. */
function block(
  h: tf.Tensor3D,
  w: BlockWeights,
  c: GPT2Config,
  pass: LayerPass,
  mask: tf.Tensor4D | null,
): tf.Tensor3D {
  const norm = (x: tf.Tensor, weights: NormWeights) => layerNorm(x, weights, c.layerNormEps);

  const pre = pass.hook('hook_resid_pre', h);
  const attended = selfAttention(norm(pre, w.ln1), w.attn, c, pass, mask);
  const attnOut = pass.hook('hook_attn_out', attended);

  const mid = pass.hook('hook_resid_mid', tf.add(pre, attnOut));
  const mlpOut = pass.hook('hook_mlp_out', mlp(norm(mid, w.ln2), w.mlp, pass));

  return pass.hook('hook_resid_post', pass.steer(tf.add(mid, mlpOut)));
}

// ── Model ───────────────────────────────────────────────────────────────────────────────────────

interface PassInputs {
  /** [B, T], int32 */
  positions: tf.Tensor2D;
  mask: tf.Tensor4D | null;
}

export class GPT2 extends Decoder<GPT2Config, GPT2Weights, PassInputs> {
  static readonly parts = { readConfig, names: NAMES, weights: gpt2Weights };
  readonly modelType = 'gpt2';
  /** [D, V] of a tied head where the backend wants it, see `tiedOutput`. */
  private readonly output: tf.Tensor2D | null;

  constructor(config: GPT2Config, weights: GPT2Weights) {
    super(config, weights);
    this.output = weights.lmHead ? null : tiedOutput(weights.wte);
  }

  /** @throws InputError when config.json or the weights are not a GPT-2's */
  static load(from: Checkpoint, options?: LoadOptions): GPT2 {
    return new GPT2(...loadParts(from, GPT2.parts, options));
  }

  inputs({ positions, mask }: PassNumbers): PassInputs {
    return { positions: tf.tensor2d(positions, undefined, 'int32'), mask: mask(null) };
  }

  blocks(pass: Pass, { positions, mask }: PassInputs): tf.Tensor3D {
    const { config: c, weights: w } = this;
    const embedded = tf.add<tf.Tensor3D>(embed(w.wte, pass.tokens), embed(w.wpe, positions));
    // Token and position together, so that it is what the first block gets, as everywhere else.
    let h = pass.hook('hook_embed', embedded);
    w.h.forEach((layer, l) => {
      h = tf.tidy(() => block(h, layer, c, pass.layer(l), mask));
    });
    return h;
  }

  /** The logits [B, T, V] of the last block's output h [B, T, D]. */
  readOut(h: tf.Tensor3D, hook: ModelHook = unhooked): tf.Tensor3D {
    const normed = layerNorm(h, this.weights.lnF, this.config.layerNormEps);
    return this.toVocabulary(hook('ln_final.hook_normalized', normed));
  }

  /** x [B, T, D] through the output layer alone: [B, T, V]. */
  toVocabulary(x: tf.Tensor3D): tf.Tensor3D {
    const { wte, lmHead } = this.weights;
    return lmHead ? (linear(x, lmHead) as tf.Tensor3D) : unembed(x, wte, this.output);
  }

  /** See `CausalLM.projectHeads`. */
  projectHeads(layer: number, z: tf.Tensor3D): tf.Tensor3D {
    return linear(z, this.weights.h[layer].attn.cProj.weight) as tf.Tensor3D;
  }
}
