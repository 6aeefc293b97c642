/**
 * Gemma-2 (Riviere et al. 2024), after `Gemma2ForCausalLM` of transformers 5.18.
 * Axis letters: src/nn/README.md.
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
import { geluTanh, softCap } from '../src/nn/activation';
import { splitHeads } from '../src/nn/attention';
import { embed } from '../src/nn/embedding';
import { type GatedMlpWeights, gatedMlp } from '../src/nn/gatedMlp';
import { through } from '../src/nn/linear';
import { rmsNorm } from '../src/nn/norm';
import { applyRope, defaultFrequencies, type RopeTables, ropeTables } from '../src/nn/rope';

// ── Config ──────────────────────────────────────────────────────────────────────────────────────

export interface Gemma2Config extends ModelDims {
  rmsNormEps: number;
  ropeTheta: number;
  /** Scores are scaled by queryPreAttnScalar^-½. */
  queryPreAttnScalar: number;
  attnSoftcap: number | null;
  finalSoftcap: number | null;
  /** The window of each block; null: it sees everything. */
  windows: (number | null)[];
  /** The embedding is the output layer too. */
  tied: boolean;
}

/** @throws InputError for a missing or unknown key, or a value this file does not compute */
export function readConfig(file: ModelConfig): Gemma2Config {
  file.oneOf('model_type', ['gemma2']);
  file.oneOf('hidden_act', ['gelu_pytorch_tanh', undefined]);
  file.oneOf('hidden_activation', ['gelu_pytorch_tanh', undefined]);
  file.oneOf('attention_bias', [false, undefined]);
  file.oneOf('use_bidirectional_attention', [false, null, undefined]);
  const nLayers = file.layers('num_hidden_layers', 26);
  const nHeads = file.count('num_attention_heads', 8);
  const slidingWindow = file.countOrNull('sliding_window', 4096);
  file.oneOf('sliding_window_size', [slidingWindow, undefined]);
  const kinds = file.words('layer_types', nLayers, [
    'sliding_attention',
    'full_attention',
  ] as const);
  const config: Gemma2Config = {
    nLayers,
    dModel: file.count('hidden_size', 2304),
    nHeads,
    kvHeads: file.divisor('num_key_value_heads', nHeads, 4),
    headDim: file.even('head_dim', 256),
    vocabSize: file.count('vocab_size', 256000),
    maxPositions: file.count('max_position_embeddings', 8192),
    intermediateSize: file.count('intermediate_size', 9216),
    rmsNormEps: file.number('rms_norm_eps', 1e-6),
    ropeTheta: readRopeTheta(file),
    queryPreAttnScalar: file.count('query_pre_attn_scalar', 256),
    attnSoftcap: file.numberOrNull('attn_logit_softcapping', 50),
    finalSoftcap: file.numberOrNull('final_logit_softcapping', 30),
    // Without a list, every other block slides, the first one included.
    windows: Array.from({ length: nLayers }, (_, l) =>
      (kinds?.[l] ?? (l % 2 ? 'full_attention' : 'sliding_attention')) === 'sliding_attention'
        ? slidingWindow
        : null,
    ),
    tied: file.flag('tie_word_embeddings', true),
  };
  file.done();
  return config;
}

// ── Weights ─────────────────────────────────────────────────────────────────────────────────────

export type BlockWeights = ReturnType<typeof blockWeights>;
export type Gemma2Weights = ReturnType<typeof gemma2Weights>;

const blockWeights = (w: WeightSource, at: string, c: Gemma2Config) => ({
  inputLayernorm: w.gainLessOne(`${at}.input_layernorm.weight`, c.dModel),
  selfAttn: attentionLayers(w, `${at}.self_attn`, c),
  postAttentionLayernorm: w.gainLessOne(`${at}.post_attention_layernorm.weight`, c.dModel),
  preFeedforwardLayernorm: w.gainLessOne(`${at}.pre_feedforward_layernorm.weight`, c.dModel),
  mlp: gatedMlpLayers(w, `${at}.mlp`, c),
  postFeedforwardLayernorm: w.gainLessOne(`${at}.post_feedforward_layernorm.weight`, c.dModel),
});

const NAMES = { prefix: 'model.', embedding: 'model.embed_tokens.weight' };

/** Every tensor of the model, asked for by its checkpoint name. */
export const gemma2Weights = (w: WeightSource, c: Gemma2Config) => ({
  embedTokens: w.table('model.embed_tokens.weight', c.vocabSize, c.dModel),
  layers: Array.from({ length: c.nLayers }, (_, l) => blockWeights(w, `model.layers.${l}`, c)),
  norm: w.gainLessOne('model.norm.weight', c.dModel),
  lmHead: c.tied ? undefined : w.linear('lm_head.weight', c.dModel, c.vocabSize),
});

// ── Attention ───────────────────────────────────────────────────────────────────────────────────

/** What a block needs of the pass: the rotary tables, and the mask of its window. */
interface BlockInputs {
  rope: RopeTables;
  mask: tf.Tensor4D | null;
}

/** x [B, T, D] → [B, T, D] */
function selfAttention(
  x: tf.Tensor,
  { qProj, kProj, vProj, oProj }: BlockWeights['selfAttn'],
  c: Gemma2Config,
  pass: LayerPass,
  { rope, mask }: BlockInputs,
) {
  const q = applyRope(pass.heads('q', splitHeads(through(x, qProj), c.nHeads)), rope); // [B, H, T, d]
  const k = applyRope(pass.heads('k', splitHeads(through(x, kProj), c.kvHeads)), rope); // [B, K, T, d]
  const v = pass.heads('v', splitHeads(through(x, vProj), c.kvHeads)); // [B, K, T, d]
  const mixed = pass.attend(q, k, v, {
    scale: c.queryPreAttnScalar ** -0.5,
    softcap: c.attnSoftcap,
    mask,
  }); // [B, T, H·d]
  return through(mixed, oProj);
}

// ── MLP ─────────────────────────────────────────────────────────────────────────────────────────

/** x [B, T, D] → [B, T, D] through width F */
const mlp = (x: tf.Tensor, w: GatedMlpWeights, pass: LayerPass) =>
  gatedMlp(x, w, geluTanh, (neurons) => pass.hook('mlp.hook_post', neurons));

// ── Block ───────────────────────────────────────────────────────────────────────────────────────

/** h [B, T, D] → [B, T, D]: the residual stream, with a norm before and after each sublayer. */
function block(
  h: tf.Tensor3D,
  w: BlockWeights,
  c: Gemma2Config,
  pass: LayerPass,
  inputs: BlockInputs,
): tf.Tensor3D {
  const norm = (x: tf.Tensor, gain: tf.Tensor1D) => rmsNorm(x, gain, c.rmsNormEps);

  const pre = pass.hook('hook_resid_pre', h);
  const attended = selfAttention(norm(pre, w.inputLayernorm), w.selfAttn, c, pass, inputs);
  const attnOut = pass.hook('hook_attn_out', norm(attended, w.postAttentionLayernorm));

  const mid = pass.hook('hook_resid_mid', tf.add(pre, attnOut));
  const fed = mlp(norm(mid, w.preFeedforwardLayernorm), w.mlp, pass);
  const mlpOut = pass.hook('hook_mlp_out', norm(fed, w.postFeedforwardLayernorm));

  return pass.hook('hook_resid_post', pass.steer(tf.add(mid, mlpOut)));
}

// ── Model ───────────────────────────────────────────────────────────────────────────────────────

interface PassInputs {
  rope: RopeTables;
  /** The mask of each block. */
  masks: (tf.Tensor4D | null)[];
}

export class Gemma2 extends EmbeddingDecoder<Gemma2Config, Gemma2Weights, PassInputs> {
  static readonly parts = { readConfig, names: NAMES, weights: gemma2Weights };
  readonly modelType = 'gemma2';

  /** @throws InputError when config.json or the weights are not a Gemma-2's */
  static load(from: Checkpoint, options?: LoadOptions): Gemma2 {
    return new Gemma2(...loadParts(from, Gemma2.parts, options));
  }

  inputs({ positions, mask }: PassNumbers): PassInputs {
    const { headDim, ropeTheta, windows } = this.config;
    return {
      rope: ropeTables(positions, defaultFrequencies(headDim, ropeTheta)),
      masks: windows.map(mask),
    };
  }

  blocks(pass: Pass, { rope, masks }: PassInputs): tf.Tensor3D {
    const { config: c, weights: w } = this;
    const scaled: tf.Tensor3D = tf.mul(embed(w.embedTokens, pass.tokens), Math.sqrt(c.dModel));
    let h = pass.hook('hook_embed', scaled);
    w.layers.forEach((layer, l) => {
      h = tf.tidy(() => block(h, layer, c, pass.layer(l), { rope, mask: masks[l] }));
    });
    return h;
  }

  /** The logits [B, T, V] of the last block's output h [B, T, D]. */
  readOut(h: tf.Tensor3D, hook: ModelHook = unhooked): tf.Tensor3D {
    const normed = rmsNorm(h, this.weights.norm, this.config.rmsNormEps);
    const x = hook('ln_final.hook_normalized', normed);
    return softCap(this.toVocabulary(x), this.config.finalSoftcap);
  }
}
