/**
 * OLMo 2 (OLMo Team 2024), after `Olmo2ForCausalLM` of transformers 5.18: norms stand after the
 * sublayers, and queries and keys are brought to one size over all heads together.
 * Axis letters: src/nn/README.md.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../src/checkpoint/configJson';
import { attentionLayers, gatedMlpLayers } from '../src/checkpoint/layers';
import { type Checkpoint, loadParts } from '../src/checkpoint/load';
import { readStretchedRope } from '../src/checkpoint/ropeConfig';
import { STRETCHED } from '../src/checkpoint/ropeScalingConfig';
import type { LoadOptions, WeightSource } from '../src/checkpoint/weights';
import { EmbeddingDecoder } from '../src/engine/embeddingDecoder';
import { unhooked } from '../src/engine/forward';
import type { LayerPass, ModelDims, ModelHook, Pass, PassNumbers } from '../src/engine/model';
import { silu } from '../src/nn/activation';
import { mergeHeads, splitHeads } from '../src/nn/attention';
import { embed } from '../src/nn/embedding';
import { type GatedMlpWeights, gatedMlp } from '../src/nn/gatedMlp';
import { through } from '../src/nn/linear';
import { rmsNorm } from '../src/nn/norm';
import { applyRope, type Rope, type RopeTables, ropeTablesOf } from '../src/nn/rope';

// ── Config ──────────────────────────────────────────────────────────────────────────────────────

export interface Olmo2Config extends ModelDims {
  /** F */
  intermediateSize: number;
  rmsNormEps: number;
  rope: Rope;
  /** Queries, keys, values and the output of attention have biases. */
  attentionBias: boolean;
  /** The embedding is the output layer too. */
  tied: boolean;
}

/** @throws InputError for a missing or unknown key, or a value this file does not compute */
export function readConfig(file: ModelConfig): Olmo2Config {
  file.oneOf('model_type', ['olmo2']);
  file.oneOf('hidden_act', ['silu', undefined]);
  file.nullable('num_key_value_heads');
  const dModel = file.count('hidden_size', 4096);
  const nHeads = file.count('num_attention_heads', 32);
  const headDim = file.even('head_dim', Math.floor(dModel / nHeads));
  const maxPositions = file.count('max_position_embeddings', 2048);
  const config: Olmo2Config = {
    nLayers: file.layers('num_hidden_layers', 32),
    dModel,
    nHeads,
    kvHeads: file.divisor('num_key_value_heads', nHeads),
    headDim,
    vocabSize: file.count('vocab_size', 50304),
    maxPositions,
    intermediateSize: file.count('intermediate_size', 11008),
    rmsNormEps: file.number('rms_norm_eps', 1e-5),
    rope: readStretchedRope(file, { headDim, maxPositions }, STRETCHED),
    attentionBias: file.flag('attention_bias', false),
    tied: file.flag('tie_word_embeddings', false),
  };
  file.done();
  return config;
}

// ── Weights ─────────────────────────────────────────────────────────────────────────────────────

export type BlockWeights = ReturnType<typeof blockWeights>;
export type Olmo2Weights = ReturnType<typeof olmo2Weights>;

const blockWeights = (w: WeightSource, at: string, c: Olmo2Config) => ({
  selfAttn: {
    ...attentionLayers(w, `${at}.self_attn`, c, {
      qkvBias: c.attentionBias,
      outputBias: c.attentionBias,
    }),
    qNorm: w.gain(`${at}.self_attn.q_norm.weight`, c.nHeads * c.headDim),
    kNorm: w.gain(`${at}.self_attn.k_norm.weight`, c.kvHeads * c.headDim),
  },
  postAttentionLayernorm: w.gain(`${at}.post_attention_layernorm.weight`, c.dModel),
  mlp: gatedMlpLayers(w, `${at}.mlp`, c),
  postFeedforwardLayernorm: w.gain(`${at}.post_feedforward_layernorm.weight`, c.dModel),
});

const NAMES = { prefix: 'model.', embedding: 'model.embed_tokens.weight' };

/** Every tensor of the model, asked for by its checkpoint name. */
export const olmo2Weights = (w: WeightSource, c: Olmo2Config) => ({
  embedTokens: w.table('model.embed_tokens.weight', c.vocabSize, c.dModel),
  layers: Array.from({ length: c.nLayers }, (_, l) => blockWeights(w, `model.layers.${l}`, c)),
  norm: w.gain('model.norm.weight', c.dModel),
  lmHead: c.tied ? undefined : w.linear('lm_head.weight', c.dModel, c.vocabSize),
});

// ── Attention ───────────────────────────────────────────────────────────────────────────────────

/** What every block needs of the pass: the rotary tables, and the mask. */
interface PassInputs {
  rope: RopeTables;
  mask: tf.Tensor4D | null;
}

/** x [B, T, D] → [B, T, D] */
function selfAttention(
  x: tf.Tensor,
  { qProj, kProj, vProj, oProj, qNorm, kNorm }: BlockWeights['selfAttn'],
  c: Olmo2Config,
  pass: LayerPass,
  { rope, mask }: PassInputs,
) {
  /** All heads of a token together are brought to one size before they are turned. */
  const turned = (point: 'q' | 'k', heads: tf.Tensor4D, gain: tf.Tensor1D) => {
    const all = mergeHeads(pass.heads(point, heads));
    return applyRope(splitHeads(rmsNorm(all, gain, c.rmsNormEps), heads.shape[1]), rope);
  };
  const q = turned('q', splitHeads(through(x, qProj), c.nHeads), qNorm); // [B, H, T, d]
  const k = turned('k', splitHeads(through(x, kProj), c.kvHeads), kNorm); // [B, K, T, d]
  const v = pass.heads('v', splitHeads(through(x, vProj), c.kvHeads)); // [B, K, T, d]
  const mixed = pass.attend(q, k, v, {
    scale: c.headDim ** -0.5,
    softcap: null,
    mask,
  }); // [B, T, H·d]
  return through(mixed, oProj);
}

// ── MLP ─────────────────────────────────────────────────────────────────────────────────────────

/** x [B, T, D] → [B, T, D] through width F */
const mlp = (x: tf.Tensor, w: GatedMlpWeights, pass: LayerPass) =>
  gatedMlp(x, w, silu, (neurons) => pass.hook('mlp.hook_post', neurons));

// ── Block ───────────────────────────────────────────────────────────────────────────────────────

/** h [B, T, D] → [B, T, D]: the residual stream, with a norm after each sublayer. */
function block(
  h: tf.Tensor3D,
  w: BlockWeights,
  c: Olmo2Config,
  pass: LayerPass,
  inputs: PassInputs,
): tf.Tensor3D {
  const norm = (x: tf.Tensor, gain: tf.Tensor1D) => rmsNorm(x, gain, c.rmsNormEps);

  const pre = pass.hook('hook_resid_pre', h);
  const attended = selfAttention(pre, w.selfAttn, c, pass, inputs);
  const attnOut = pass.hook('hook_attn_out', norm(attended, w.postAttentionLayernorm));

  const mid = pass.hook('hook_resid_mid', tf.add(pre, attnOut));
  const fed = mlp(mid, w.mlp, pass);
  const mlpOut = pass.hook('hook_mlp_out', norm(fed, w.postFeedforwardLayernorm));

  return pass.hook('hook_resid_post', pass.steer(tf.add(mid, mlpOut)));
}

// ── Model ───────────────────────────────────────────────────────────────────────────────────────

export class Olmo2 extends EmbeddingDecoder<Olmo2Config, Olmo2Weights, PassInputs> {
  static readonly parts = { readConfig, names: NAMES, weights: olmo2Weights };
  readonly modelType = 'olmo2';

  /** @throws InputError when config.json or the weights are not an OLMo 2's */
  static load(from: Checkpoint, options?: LoadOptions): Olmo2 {
    return new Olmo2(...loadParts(from, Olmo2.parts, options));
  }

  inputs({ positions, lengths, mask }: PassNumbers): PassInputs {
    return { rope: ropeTablesOf(this.config.rope, positions, lengths), mask: mask(null) };
  }

  blocks(pass: Pass, inputs: PassInputs): tf.Tensor3D {
    const { config: c, weights: w } = this;
    let h = pass.hook('hook_embed', embed(w.embedTokens, pass.tokens));
    w.layers.forEach((layer, l) => {
      h = tf.tidy(() => block(h, layer, c, pass.layer(l), inputs));
    });
    return h;
  }

  /** The logits [B, T, V] of the last block's output h [B, T, D]. */
  readOut(h: tf.Tensor3D, hook: ModelHook = unhooked): tf.Tensor3D {
    const normed = rmsNorm(h, this.weights.norm, this.config.rmsNormEps);
    return this.toVocabulary(hook('ln_final.hook_normalized', normed));
  }
}
