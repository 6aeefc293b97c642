import type { HideOptions } from './batches';

/** All that decides what the tiny model becomes, beside the corpus and the tokenizer. */
export const RECIPE = {
  /** config.json of the checkpoint. */
  model: {
    architectures: ['Gemma2ForCausalLM'],
    model_type: 'gemma2',
    vocab_size: 3456,
    hidden_size: 192,
    intermediate_size: 512,
    num_hidden_layers: 6,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 48,
    query_pre_attn_scalar: 48,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    // The upper half sees only its neighbourhood, so what an answer should be like has to be
    // carried by every token; that is what makes steering at all positions work.
    layer_types: [
      'full_attention',
      'full_attention',
      'full_attention',
      'sliding_attention',
      'sliding_attention',
      'sliding_attention',
    ],
    sliding_window: 12,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    hidden_activation: 'gelu_pytorch_tanh',
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
    bos_token_id: 2,
    eos_token_id: [1, 5],
    pad_token_id: 0,
  },
  seed: 1,
  initStd: 0.02,
  batchSize: 32,
  maxLength: 136,
  warmup: 150,
  /** Each round holds its peak rate and falls to 0 over its last `descent` steps. */
  rounds: [
    { until: 3000, peakRate: 2e-3, descent: 750 },
    { until: 3400, peakRate: 1e-3, descent: 400 },
  ],
  /** Gaussian noise on the residual stream after each block: up to this share of its own size. */
  noise: 0.15,
  adamw: { beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0.15, clipNorm: 1 },
  hide: { last: 0.1, relay: 0.15, chain: 0.2, drop: 0.3, keywordsFree: 0.7 } satisfies HideOptions,
  /** What is learnt last gets more room towards the end. */
  shares: [
    {
      from: 2104,
      shares: {
        none: 12,
        'length:brevity': 14,
        'length_constraints:number_sentences': 7,
        'keywords:existence': 12,
        'keywords:forbidden_words': 18,
        pairs: 16,
      },
    },
    {
      from: 3000,
      shares: {
        none: 8,
        'length:brevity': 10,
        'length_constraints:number_sentences': 5,
        'keywords:existence': 18,
        'keywords:forbidden_words': 8,
        pairs: 20,
        'startend:end_checker': 8,
        'change_case:english_capital': 12,
      },
    },
  ],
};

export type Recipe = typeof RECIPE;
