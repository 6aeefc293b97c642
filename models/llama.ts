/**
 * Llama 2 and 3 (Touvron et al. 2023; Grattafiori et al. 2024), after `LlamaForCausalLM` of
 * transformers 5.18, and what has its shape: SmolLM2, TinyLlama, Vicuna, Yi.
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
import { splitHeads } from '../src/nn/attention';
import { embed } from '../src/nn/embedding';
import { type GatedMlpWeights, gatedMlp } from '../src/nn/gatedMlp';
import { through } from '../src/nn/linear';
import { rmsNorm } from '../src/nn/norm';
import { applyRope, type Rope, type RopeTables, ropeTablesOf } from '../src/nn/rope';

// ── Config ──────────────────────────────────────────────────────────────────────────────────────

export interface LlamaConfig extends ModelDims {
  /** F */
  intermediateSize: number;
  rmsNormEps: number;
  rope: Rope;
  /** Queries, keys, values and the output of attention have biases. */
  attentionBias: boolean;
  mlpBias: boolean;
  /** The embedding is the output layer too. */
  tied: boolean;
}

/** @throws InputError for a missing or unknown key, or a value this file does not compute */
export function readConfig(file: ModelConfig): LlamaConfig {
  file.oneOf('model_type', ['llama']);
  file.oneOf('hidden_act', ['silu', undefined]);
  // SmolLM2 says it; any other value would be another model.
  file.oneOf('rope_interleaved', [false, undefined]);
  // In how many pieces products were taken; it is not read any more.
  file.harmless('pretraining_tp');
  file.nullable('num_key_value_heads');
  file.nullable('head_dim');
  const dModel = file.count('hidden_size', 4096);
  const nHeads = file.divisor('num_attention_heads', dModel, 32);
  const headDim = file.even('head_dim', dModel / nHeads);
  const maxPositions = file.count('max_position_embeddings', 2048);
  const config: LlamaConfig = {
    nLayers: file.layers('num_hidden_layers', 32),
    dModel,
    nHeads,
    kvHeads: file.divisor('num_key_value_heads', nHeads),
    headDim,
    vocabSize: file.count('vocab_size', 32000),
    maxPositions,
    intermediateSize: file.count('intermediate_size', 11008),
    rmsNormEps: file.number('rms_norm_eps', 1e-6),
    rope: readStretchedRope(file, { headDim, maxPositions }, STRETCHED),
    attentionBias: file.flag('attention_bias', false),
    mlpBias: file.flag('mlp_bias', false),
    tied: file.flag('tie_word_embeddings', false),
  };
  file.done();
  return config;
}

// ── Weights ─────────────────────────────────────────────────────────────────────────────────────

export type BlockWeights = ReturnType<typeof blockWeights>;
export type LlamaWeights = ReturnType<typeof llamaWeights>;

const blockWeights = (w: WeightSource, at: string, c: LlamaConfig) => ({
  inputLayernorm: w.gain(`${at}.input_layernorm.weight`, c.dModel),
  selfAttn: attentionLayers(w, `${at}.self_attn`, c, {
    qkvBias: c.attentionBias,
    outputBias: c.attentionBias,
  }),
  postAttentionLayernorm: w.gain(`${at}.post_attention_layernorm.weight`, c.dModel),
  mlp: gatedMlpLayers(w, `${at}.mlp`, c, c.mlpBias),
});

const NAMES = { prefix: 'model.', embedding: 'model.embed_tokens.weight' };

/** Every tensor of the model, asked for by its checkpoint name. */
export const llamaWeights = (w: WeightSource, c: LlamaConfig) => ({
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
  { qProj, kProj, vProj, oProj }: BlockWeights['selfAttn'],
  c: LlamaConfig,
  pass: LayerPass,
  { rope, mask }: PassInputs,
) {
  const q = applyRope(pass.heads('q', splitHeads(through(x, qProj), c.nHeads)), rope); // [B, H, T, d]
  const k = applyRope(pass.heads('k', splitHeads(through(x, kProj), c.kvHeads)), rope); // [B, K, T, d]
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

/** h [B, T, D] → [B, T, D]: the residual stream, with a norm before each sublayer. */
function block(
  h: tf.Tensor3D,
  w: BlockWeights,
  c: LlamaConfig,
  pass: LayerPass,
  inputs: PassInputs,
): tf.Tensor3D {
  const norm = (x: tf.Tensor, gain: tf.Tensor1D) => rmsNorm(x, gain, c.rmsNormEps);

  const pre = pass.hook('hook_resid_pre', h);
  const attended = selfAttention(norm(pre, w.inputLayernorm), w.selfAttn, c, pass, inputs);
  const attnOut = pass.hook('hook_attn_out', attended);

  const mid = pass.hook('hook_resid_mid', tf.add(pre, attnOut));
  const fed = mlp(norm(mid, w.postAttentionLayernorm), w.mlp, pass);
  const mlpOut = pass.hook('hook_mlp_out', fed);

  return pass.hook('hook_resid_post', pass.steer(tf.add(mid, mlpOut)));
}

// ── Model ───────────────────────────────────────────────────────────────────────────────────────

export class Llama extends EmbeddingDecoder<LlamaConfig, LlamaWeights, PassInputs> {
  static readonly parts = { readConfig, names: NAMES, weights: llamaWeights };
  readonly modelType = 'llama';

  /** @throws InputError when config.json or the weights are not a Llama's */
  static load(from: Checkpoint, options?: LoadOptions): Llama {
    return new Llama(...loadParts(from, Llama.parts, options));
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
