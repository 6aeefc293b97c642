/**
 * Qwen3 (Yang et al. 2025), the dense models, after `Qwen3ForCausalLM` of transformers 5.18.
 * Axis letters: src/nn/README.md.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../src/checkpoint/configJson';
import { attentionLayers, gatedMlpLayers } from '../src/checkpoint/layers';
import { type Checkpoint, loadParts } from '../src/checkpoint/load';
import { readStretchedRope } from '../src/checkpoint/ropeConfig';
import { STRETCHED } from '../src/checkpoint/ropeScalingConfig';
import type { LoadOptions, WeightSource } from '../src/checkpoint/weights';
import { readUpperWindows } from '../src/checkpoint/windowConfig';
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

export interface Qwen3Config extends ModelDims {
  /** F */
  intermediateSize: number;
  rmsNormEps: number;
  rope: Rope;
  /** The window of each block; null: it sees everything. */
  windows: (number | null)[];
  /** Queries, keys, values and the output of attention have biases. */
  attentionBias: boolean;
  /** The embedding is the output layer too. */
  tied: boolean;
}

/** @throws InputError for a missing or unknown key, or a value this file does not compute */
export function readConfig(file: ModelConfig): Qwen3Config {
  file.oneOf('model_type', ['qwen3']);
  file.oneOf('hidden_act', ['silu', undefined]);
  file.nullable('num_key_value_heads');
  const nLayers = file.layers('num_hidden_layers', 32);
  const dModel = file.count('hidden_size', 4096);
  const nHeads = file.count('num_attention_heads', 32);
  const headDim = file.even('head_dim', 128);
  // Null means one for each query head, no word at all means 32.
  const keyHeads = file.values.num_key_value_heads === null ? nHeads : 32;
  const maxPositions = file.count('max_position_embeddings', 32768);
  const config: Qwen3Config = {
    nLayers,
    dModel,
    nHeads,
    kvHeads: file.divisor('num_key_value_heads', nHeads, keyHeads),
    headDim,
    vocabSize: file.count('vocab_size', 151936),
    maxPositions,
    intermediateSize: file.count('intermediate_size', 22016),
    rmsNormEps: file.number('rms_norm_eps', 1e-6),
    rope: readStretchedRope(file, { headDim, maxPositions }, STRETCHED),
    attentionBias: file.flag('attention_bias', false),
    windows: readUpperWindows(file, nLayers),
    tied: file.flag('tie_word_embeddings', false),
  };
  file.done();
  return config;
}

// ── Weights ─────────────────────────────────────────────────────────────────────────────────────

export type BlockWeights = ReturnType<typeof blockWeights>;
export type Qwen3Weights = ReturnType<typeof qwen3Weights>;

const blockWeights = (w: WeightSource, at: string, c: Qwen3Config) => ({
  inputLayernorm: w.gain(`${at}.input_layernorm.weight`, c.dModel),
  selfAttn: {
    ...attentionLayers(w, `${at}.self_attn`, c, {
      qkvBias: c.attentionBias,
      outputBias: c.attentionBias,
    }),
    qNorm: w.gain(`${at}.self_attn.q_norm.weight`, c.headDim),
    kNorm: w.gain(`${at}.self_attn.k_norm.weight`, c.headDim),
  },
  postAttentionLayernorm: w.gain(`${at}.post_attention_layernorm.weight`, c.dModel),
  mlp: gatedMlpLayers(w, `${at}.mlp`, c),
});

const NAMES = { prefix: 'model.', embedding: 'model.embed_tokens.weight' };

/** Every tensor of the model, asked for by its checkpoint name. */
export const qwen3Weights = (w: WeightSource, c: Qwen3Config) => ({
  embedTokens: w.table('model.embed_tokens.weight', c.vocabSize, c.dModel),
  layers: Array.from({ length: c.nLayers }, (_, l) => blockWeights(w, `model.layers.${l}`, c)),
  norm: w.gain('model.norm.weight', c.dModel),
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
  { qProj, kProj, vProj, oProj, qNorm, kNorm }: BlockWeights['selfAttn'],
  c: Qwen3Config,
  pass: LayerPass,
  { rope, mask }: BlockInputs,
) {
  /** Each head is brought to one size before it is turned. */
  const turned = (point: 'q' | 'k', heads: tf.Tensor4D, gain: tf.Tensor1D) =>
    applyRope(rmsNorm(pass.heads(point, heads), gain, c.rmsNormEps), rope);
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

/** h [B, T, D] → [B, T, D]: the residual stream, with a norm before each sublayer. */
function block(
  h: tf.Tensor3D,
  w: BlockWeights,
  c: Qwen3Config,
  pass: LayerPass,
  inputs: BlockInputs,
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

interface PassInputs {
  rope: RopeTables;
  /** The mask of each block. */
  masks: (tf.Tensor4D | null)[];
}

export class Qwen3 extends EmbeddingDecoder<Qwen3Config, Qwen3Weights, PassInputs> {
  static readonly parts = { readConfig, names: NAMES, weights: qwen3Weights };
  readonly modelType = 'qwen3';

  /** @throws InputError when config.json or the weights are not a Qwen3's */
  static load(from: Checkpoint, options?: LoadOptions): Qwen3 {
    return new Qwen3(...loadParts(from, Qwen3.parts, options));
  }

  inputs({ positions, lengths, mask }: PassNumbers): PassInputs {
    const { rope, windows } = this.config;
    return { rope: ropeTablesOf(rope, positions, lengths), masks: windows.map(mask) };
  }

  blocks(pass: Pass, { rope, masks }: PassInputs): tf.Tensor3D {
    const { config: c, weights: w } = this;
    let h = pass.hook('hook_embed', embed(w.embedTokens, pass.tokens));
    w.layers.forEach((layer, l) => {
      h = tf.tidy(() => block(h, layer, c, pass.layer(l), { rope, mask: masks[l] }));
    });
    return h;
  }

  /** The logits [B, T, V] of the last block's output h [B, T, D]. */
  readOut(h: tf.Tensor3D, hook: ModelHook = unhooked): tf.Tensor3D {
    const normed = rmsNorm(h, this.weights.norm, this.config.rmsNormEps);
    return this.toVocabulary(hook('ln_final.hook_normalized', normed));
  }
}
