/**
 * Gemma 3 (Gemma Team 2025), after `Gemma3ForCausalLM` of transformers 5.18; of a checkpoint for text
 * and images (`Gemma3ForConditionalGeneration`) the text part, given text alone.
 * Axis letters: src/nn/README.md.
 */
import * as tf from '@tensorflow/tfjs-core';
import { ModelConfig } from '../src/checkpoint/configJson';
import { attentionLayers, gatedMlpLayers } from '../src/checkpoint/layers';
import { type Checkpoint, loadParts } from '../src/checkpoint/load';
import { IMAGE_PARTS } from '../src/checkpoint/names';
import { readRopesByKind } from '../src/checkpoint/ropeConfig';
import type { LoadOptions, WeightSource } from '../src/checkpoint/weights';
import { readWindows } from '../src/checkpoint/windowConfig';
import { EmbeddingDecoder } from '../src/engine/embeddingDecoder';
import { unhooked } from '../src/engine/forward';
import type { LayerPass, ModelDims, ModelHook, Pass, PassNumbers } from '../src/engine/model';
import { geluTanh, softCap } from '../src/nn/activation';
import { splitHeads } from '../src/nn/attention';
import { embed } from '../src/nn/embedding';
import { type GatedMlpWeights, gatedMlp } from '../src/nn/gatedMlp';
import { through } from '../src/nn/linear';
import { rmsNorm } from '../src/nn/norm';
import { applyRope, type Rope, type RopeTables, ropeTablesOf } from '../src/nn/rope';

// ── Config ──────────────────────────────────────────────────────────────────────────────────────

export interface Gemma3Config extends ModelDims {
  /** F */
  intermediateSize: number;
  rmsNormEps: number;
  /** Of the blocks that see everything, and of those with a window. */
  ropes: { full: Rope; sliding: Rope };
  /** Scores are scaled by queryPreAttnScalar^-½. */
  queryPreAttnScalar: number;
  finalSoftcap: number | null;
  /** The window of each block; null: it sees everything. */
  windows: (number | null)[];
  /** The embedding is the output layer too. */
  tied: boolean;
}

/** @throws InputError for a missing or unknown key, or a value this file does not compute */
export function readConfig(file: ModelConfig): Gemma3Config {
  const type = file.oneOf('model_type', ['gemma3_text', 'gemma3']);
  if (type === 'gemma3_text') return readText(file);
  const text = file.nested('text_config') ?? new ModelConfig({}, `${file.file}: text_config`);
  text.oneOf('model_type', ['gemma3_text', undefined]);
  // transformers leaves it out beside images, and does not look for a head of its own.
  text.oneOf('final_logit_softcapping', [null, undefined]);
  for (const place of [file, text]) place.oneOf('tie_word_embeddings', [true, undefined]);
  file.harmless('mm_tokens_per_image', 'boi_token_index', 'eoi_token_index', 'image_token_index');
  const config = readText(text);
  file.done();
  file.unread.push(...text.unread.map((key) => `text_config.${key}`));
  return config;
}

/** The config of a text model, or of the text part of one for text and images. */
function readText(file: ModelConfig): Gemma3Config {
  file.oneOf('hidden_activation', ['gelu_pytorch_tanh', undefined]);
  file.oneOf('attention_bias', [false, undefined]);
  file.oneOf('use_bidirectional_attention', [false, null, undefined]);
  // transformers knows the key and does not compute it, so any value would be another model.
  file.oneOf('attn_logit_softcapping', [null, undefined]);
  // What transformers writes and reads nowhere: `layer_types` stands beside it.
  file.harmless('_sliding_window_pattern');
  const nLayers = file.layers('num_hidden_layers', 26);
  const dModel = file.count('hidden_size', 2304);
  const nHeads = file.divisor('num_attention_heads', dModel, 8);
  const headDim = file.even('head_dim', 256);
  const maxPositions = file.count('max_position_embeddings', 131072);
  const window = file.count('sliding_window', 4096);
  // Without a list, five blocks slide and the sixth sees everything.
  const pattern = file.count('sliding_window_pattern', 6);
  const thetas = { full: 1e6, sliding: 1e4 };
  const config: Gemma3Config = {
    nLayers,
    dModel,
    nHeads,
    kvHeads: file.divisor('num_key_value_heads', nHeads, 4),
    headDim,
    vocabSize: file.count('vocab_size', 262208),
    maxPositions,
    intermediateSize: file.count('intermediate_size', 9216),
    rmsNormEps: file.number('rms_norm_eps', 1e-6),
    ropes: readRopesByKind(file, { headDim, maxPositions }, thetas, ['linear']),
    queryPreAttnScalar: file.count('query_pre_attn_scalar', 256),
    finalSoftcap: file.numberOrNull('final_logit_softcapping', null),
    windows: readWindows(file, nLayers, window, (l) => (l + 1) % pattern !== 0),
    tied: file.flag('tie_word_embeddings', true),
  };
  file.done();
  return config;
}

// ── Weights ─────────────────────────────────────────────────────────────────────────────────────

export type BlockWeights = ReturnType<typeof blockWeights>;
export type Gemma3Weights = ReturnType<typeof gemma3Weights>;

const blockWeights = (w: WeightSource, at: string, c: Gemma3Config) => ({
  inputLayernorm: w.gainLessOne(`${at}.input_layernorm.weight`, c.dModel),
  selfAttn: {
    ...attentionLayers(w, `${at}.self_attn`, c),
    qNorm: w.gainLessOne(`${at}.self_attn.q_norm.weight`, c.headDim),
    kNorm: w.gainLessOne(`${at}.self_attn.k_norm.weight`, c.headDim),
  },
  postAttentionLayernorm: w.gainLessOne(`${at}.post_attention_layernorm.weight`, c.dModel),
  preFeedforwardLayernorm: w.gainLessOne(`${at}.pre_feedforward_layernorm.weight`, c.dModel),
  mlp: gatedMlpLayers(w, `${at}.mlp`, c),
  postFeedforwardLayernorm: w.gainLessOne(`${at}.post_feedforward_layernorm.weight`, c.dModel),
});

const NAMES = {
  prefix: 'model.',
  embedding: 'model.embed_tokens.weight',
  // Checkpoints for text and images, as transformers 5 writes them and as they were published.
  within: [
    { prefix: 'model.language_model.', head: 'lm_head.weight' },
    { prefix: 'language_model.model.', head: 'language_model.lm_head.weight' },
  ],
  beside: IMAGE_PARTS,
};

/** Every tensor of the model, asked for by its checkpoint name. */
export const gemma3Weights = (w: WeightSource, c: Gemma3Config) => ({
  embedTokens: w.table('model.embed_tokens.weight', c.vocabSize, c.dModel),
  layers: Array.from({ length: c.nLayers }, (_, l) => blockWeights(w, `model.layers.${l}`, c)),
  norm: w.gainLessOne('model.norm.weight', c.dModel),
  lmHead: c.tied ? undefined : w.linear('lm_head.weight', c.dModel, c.vocabSize),
});

// ── Attention ───────────────────────────────────────────────────────────────────────────────────

/** What a block needs of the pass: the rotary tables of its kind, and the mask of its window. */
interface BlockInputs {
  rope: RopeTables;
  mask: tf.Tensor4D | null;
}

/** x [B, T, D] → [B, T, D] */
function selfAttention(
  x: tf.Tensor,
  { qProj, kProj, vProj, oProj, qNorm, kNorm }: BlockWeights['selfAttn'],
  c: Gemma3Config,
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
    scale: c.queryPreAttnScalar ** -0.5,
    softcap: null,
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
  c: Gemma3Config,
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
  full: RopeTables;
  sliding: RopeTables;
  /** The mask of each block. */
  masks: (tf.Tensor4D | null)[];
}

export class Gemma3 extends EmbeddingDecoder<Gemma3Config, Gemma3Weights, PassInputs> {
  static readonly parts = { readConfig, names: NAMES, weights: gemma3Weights };
  readonly modelType = 'gemma3';

  /** @throws InputError when config.json or the weights are not a Gemma 3's */
  static load(from: Checkpoint, options?: LoadOptions): Gemma3 {
    return new Gemma3(...loadParts(from, Gemma3.parts, options));
  }

  inputs({ positions, lengths, mask }: PassNumbers): PassInputs {
    const { ropes, windows } = this.config;
    return {
      full: ropeTablesOf(ropes.full, positions, lengths),
      sliding: ropeTablesOf(ropes.sliding, positions, lengths),
      masks: windows.map(mask),
    };
  }

  blocks(pass: Pass, { full, sliding, masks }: PassInputs): tf.Tensor3D {
    const { config: c, weights: w } = this;
    const scaled: tf.Tensor3D = tf.mul(embed(w.embedTokens, pass.tokens), Math.sqrt(c.dModel));
    let h = pass.hook('hook_embed', scaled);
    w.layers.forEach((layer, l) => {
      const rope = c.windows[l] === null ? full : sliding;
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
