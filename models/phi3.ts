/**
 * Phi-3 (Abdin et al. 2024), Phi-3.5 and Phi-4-mini, after `Phi3ForCausalLM` of transformers 5.18.
 * Axis letters: src/nn/README.md.
 *
 * LongRoPE: every row has the short or the long frequencies throughout, by its number of tokens. A
 * row that grows past the limit while it is generated is computed once more from its first token,
 * as in transformers without a cache, and whatever the other rows of the batch are. (With a cache,
 * `generate` of 5.18 goes on from the newest token alone and forgets the text before it.)
 */
import * as tf from '@tensorflow/tfjs-core';
import { LARGEST, type ModelConfig } from '../src/checkpoint/configJson';
import { linearLayer } from '../src/checkpoint/layers';
import { type Checkpoint, loadParts } from '../src/checkpoint/load';
import { readRope } from '../src/checkpoint/ropeConfig';
import type { LoadOptions, WeightSource } from '../src/checkpoint/weights';
import { EmbeddingDecoder } from '../src/engine/embeddingDecoder';
import { unhooked } from '../src/engine/forward';
import type { LayerPass, ModelDims, ModelHook, Pass, PassNumbers } from '../src/engine/model';
import { silu } from '../src/nn/activation';
import { splitHeads } from '../src/nn/attention';
import { embed } from '../src/nn/embedding';
import { linear, through } from '../src/nn/linear';
import { rmsNorm } from '../src/nn/norm';
import { applyRope, type Rope, type RopeTables, ropeTablesOf } from '../src/nn/rope';

// ── Config ──────────────────────────────────────────────────────────────────────────────────────

export interface Phi3Config extends ModelDims {
  rmsNormEps: number;
  rope: Rope;
  /** The window of every block; null: all see everything. */
  window: number | null;
  /** The embedding is the output layer too. */
  tied: boolean;
}

/** @throws InputError for a missing or unknown key, or a value this file does not compute */
export function readConfig(file: ModelConfig): Phi3Config {
  file.oneOf('model_type', ['phi3']);
  file.oneOf('hidden_act', ['silu', undefined]);
  file.oneOf('attention_bias', [false, undefined]);
  file.oneOf('mlp_bias', [false, undefined]);
  // Phi-4-mini names them; any other value would be another model.
  file.oneOf('lm_head_bias', [false, undefined]);
  file.oneOf('full_attn_mod', [1, undefined]);
  file.oneOf('interpolate_factor', [1, undefined]);
  file.nullable('num_key_value_heads');
  const nHeads = file.count('num_attention_heads', 32);
  const dModel = file.count('hidden_size', 3072);
  const headDim = file.count('head_dim', Math.floor(dModel / nHeads), LARGEST);
  const maxPositions = file.count('max_position_embeddings', 4096);
  const rope = readRope(file, headDim, maxPositions, 4096);
  const config: Phi3Config = {
    nLayers: file.layers('num_hidden_layers', 32),
    dModel,
    nHeads,
    kvHeads: file.divisor('num_key_value_heads', nHeads),
    headDim,
    vocabSize: file.count('vocab_size', 32064),
    maxPositions,
    changesBeyond: rope.kind === 'longrope' ? rope.original : undefined,
    intermediateSize: file.count('intermediate_size', 8192),
    rmsNormEps: file.number('rms_norm_eps', 1e-5),
    rope,
    window: file.countOrNull('sliding_window', null),
    tied: file.flag('tie_word_embeddings', false),
  };
  file.done();
  return config;
}

// ── Weights ─────────────────────────────────────────────────────────────────────────────────────

export type AttentionWeights = ReturnType<typeof attentionWeights>;
export type MlpWeights = ReturnType<typeof mlpWeights>;
export type BlockWeights = ReturnType<typeof blockWeights>;
export type Phi3Weights = ReturnType<typeof phi3Weights>;

const attentionWeights = (w: WeightSource, at: string, c: Phi3Config) => ({
  /** Queries, then keys, then values: D → (H + 2K)·d. */
  qkvProj: w.linear(`${at}.qkv_proj.weight`, c.dModel, (c.nHeads + 2 * c.kvHeads) * c.headDim),
  oProj: linearLayer(w, `${at}.o_proj`, c.nHeads * c.headDim, c.dModel),
});

const mlpWeights = (w: WeightSource, at: string, c: Phi3Config) => ({
  /** Gate, then up: D → 2F. */
  gateUpProj: w.linear(`${at}.gate_up_proj.weight`, c.dModel, 2 * c.intermediateSize),
  downProj: w.linear(`${at}.down_proj.weight`, c.intermediateSize, c.dModel),
});

const blockWeights = (w: WeightSource, at: string, c: Phi3Config) => ({
  inputLayernorm: w.gain(`${at}.input_layernorm.weight`, c.dModel),
  selfAttn: attentionWeights(w, `${at}.self_attn`, c),
  postAttentionLayernorm: w.gain(`${at}.post_attention_layernorm.weight`, c.dModel),
  mlp: mlpWeights(w, `${at}.mlp`, c),
});

const NAMES = { prefix: 'model.', embedding: 'model.embed_tokens.weight' };

/** Every tensor of the model, asked for by its checkpoint name. */
export const phi3Weights = (w: WeightSource, c: Phi3Config) => ({
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
  { qkvProj, oProj }: AttentionWeights,
  c: Phi3Config,
  pass: LayerPass,
  { rope, mask }: PassInputs,
) {
  const heads = splitHeads(linear(x, qkvProj), c.nHeads + 2 * c.kvHeads); // [B, H + 2K, T, d]
  const [q, k, v]: tf.Tensor4D[] = tf.split(heads, [c.nHeads, c.kvHeads, c.kvHeads], 1);
  const turned = (point: 'q' | 'k', x: tf.Tensor4D) => applyRope(pass.heads(point, x), rope);
  const mixed = pass.attend(turned('q', q), turned('k', k), pass.heads('v', v), {
    scale: c.headDim ** -0.5,
    softcap: null,
    mask,
  }); // [B, T, H·d]
  return through(mixed, oProj);
}

// ── MLP ─────────────────────────────────────────────────────────────────────────────────────────

/** x [B, T, D] → [B, T, D] through width F */
function mlp(x: tf.Tensor, { gateUpProj, downProj }: MlpWeights, pass: LayerPass) {
  const [gate, up] = tf.split(linear(x, gateUpProj), 2, -1);
  return linear(pass.hook('mlp.hook_post', tf.mul(silu(gate), up)), downProj);
}

// ── Block ───────────────────────────────────────────────────────────────────────────────────────

/** h [B, T, D] → [B, T, D]: the residual stream, with a norm before each sublayer. */
function block(
  h: tf.Tensor3D,
  w: BlockWeights,
  c: Phi3Config,
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

export class Phi3 extends EmbeddingDecoder<Phi3Config, Phi3Weights, PassInputs> {
  static readonly parts = { readConfig, names: NAMES, weights: phi3Weights };
  readonly modelType = 'phi3';

  /** @throws InputError when config.json or the weights are not a Phi-3's */
  static load(from: Checkpoint, options?: LoadOptions): Phi3 {
    return new Phi3(...loadParts(from, Phi3.parts, options));
  }

  inputs({ positions, lengths, mask }: PassNumbers): PassInputs {
    const { rope, window } = this.config;
    return { rope: ropeTablesOf(rope, positions, lengths), mask: mask(window) };
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
