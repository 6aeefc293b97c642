/**
 * Mistral (Jiang et al. 2023), after `MistralForCausalLM` of transformers 5.18: v0.1 with its sliding
 * window, v0.2 and v0.3 without. Axis letters: src/nn/README.md.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../src/checkpoint/configJson';
import { attentionLayers, gatedMlpLayers } from '../src/checkpoint/layers';
import { type Checkpoint, loadParts } from '../src/checkpoint/load';
import { readRopeTheta } from '../src/checkpoint/ropeConfig';
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
import { applyRope, defaultFrequencies, type RopeTables, ropeTables } from '../src/nn/rope';

// ── Config ──────────────────────────────────────────────────────────────────────────────────────

export interface MistralConfig extends ModelDims {
  rmsNormEps: number;
  ropeTheta: number;
  /** The window of every block; null: all see everything. */
  window: number | null;
  /** The embedding is the output layer too. */
  tied: boolean;
}

/** @throws InputError for a missing or unknown key, or a value this file does not compute */
export function readConfig(file: ModelConfig): MistralConfig {
  file.oneOf('model_type', ['mistral']);
  file.oneOf('hidden_act', ['silu', undefined]);
  file.oneOf('attention_bias', [false, undefined]);
  file.oneOf('mlp_bias', [false, undefined]);
  file.nullable('head_dim');
  const nHeads = file.count('num_attention_heads', 32);
  const dModel = file.count('hidden_size', 4096);
  const headDim = file.even('head_dim', Math.floor(dModel / nHeads));
  const config: MistralConfig = {
    nLayers: file.layers('num_hidden_layers', 32),
    dModel,
    nHeads,
    kvHeads: file.divisor('num_key_value_heads', nHeads, 8),
    headDim,
    vocabSize: file.count('vocab_size', 32000),
    maxPositions: file.count('max_position_embeddings', 131072),
    intermediateSize: file.count('intermediate_size', 14336),
    rmsNormEps: file.number('rms_norm_eps', 1e-6),
    ropeTheta: readRopeTheta(file),
    // Without the key the window is that of v0.1; the later ones say null.
    window: file.countOrNull('sliding_window', 4096),
    tied: file.flag('tie_word_embeddings', false),
  };
  file.done();
  return config;
}

// ── Weights ─────────────────────────────────────────────────────────────────────────────────────

export type BlockWeights = ReturnType<typeof blockWeights>;
export type MistralWeights = ReturnType<typeof mistralWeights>;

const blockWeights = (w: WeightSource, at: string, c: MistralConfig) => ({
  inputLayernorm: w.gain(`${at}.input_layernorm.weight`, c.dModel),
  selfAttn: attentionLayers(w, `${at}.self_attn`, c),
  postAttentionLayernorm: w.gain(`${at}.post_attention_layernorm.weight`, c.dModel),
  mlp: gatedMlpLayers(w, `${at}.mlp`, c),
});

const NAMES = { prefix: 'model.', embedding: 'model.embed_tokens.weight' };

/** Every tensor of the model, asked for by its checkpoint name. */
export const mistralWeights = (w: WeightSource, c: MistralConfig) => ({
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
  c: MistralConfig,
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
  c: MistralConfig,
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

export class Mistral extends EmbeddingDecoder<MistralConfig, MistralWeights, PassInputs> {
  static readonly parts = { readConfig, names: NAMES, weights: mistralWeights };
  readonly modelType = 'mistral';

  /** @throws InputError when config.json or the weights are not a Mistral's */
  static load(from: Checkpoint, options?: LoadOptions): Mistral {
    return new Mistral(...loadParts(from, Mistral.parts, options));
  }

  inputs({ positions, mask }: PassNumbers): PassInputs {
    const { headDim, ropeTheta, window } = this.config;
    return {
      rope: ropeTables(positions, defaultFrequencies(headDim, ropeTheta)),
      mask: mask(window),
    };
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
