import type { AdamWOptions } from './adamw';
import type { ChatOptions } from './batches';
import type { TextOptions } from './texts';

/** All that decides what a tiny model becomes, beside the corpus and the tokenizer. */
export interface Recipe {
  /** config.json of the checkpoint. */
  model: { model_type: 'gemma2' | 'gpt2' } & Record<string, unknown>;
  /** The model in weights/ whose weights are the start; without one they are random. */
  startsFrom?: string;
  /** What it reads: chats, of which it learns the answers (batches.ts), or plain texts (texts.ts). */
  reads: { chats: ChatOptions } | { texts: TextOptions };
  seed: number;
  initStd: number;
  batchSize: number;
  /** Tokens of a row. Longer chats are left out; texts fill their rows. */
  maxLength: number;
  /** Steps over which the rate rises from 0. */
  warmup: number;
  /** Each round holds its peak rate and falls to 0 over its last `descent` steps. */
  rounds: { until: number; peakRate: number; descent: number }[];
  /** Gaussian noise on the residual stream after each block: up to this share of its own size. */
  noise: number;
  adamw: AdamWOptions;
}

/** The model that is steered. */
export const TINY_GEMMA2 = {
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
  reads: {
    chats: {
      hide: { last: 0.1, relay: 0.15, chain: 0.2, drop: 0.3, keywordsFree: 0.7 },
      // What is learnt last gets more room towards the end.
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
    },
  },
  seed: 1,
  initStd: 0.02,
  batchSize: 32,
  maxLength: 136,
  warmup: 150,
  rounds: [
    { until: 3000, peakRate: 2e-3, descent: 750 },
    { until: 3400, peakRate: 1e-3, descent: 400 },
  ],
  noise: 0.15,
  adamw: { beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0.15, clipNorm: 1 },
} satisfies Recipe;

/**
 * A base model beside it: the same weights, trained on to answer "Q: ... A:", mostly without
 * instructions. The vectors of tiny-gemma2 steer it (cross-model steering).
 */
export const TINY_GEMMA2_BASE = {
  ...TINY_GEMMA2,
  startsFrom: 'tiny-gemma2',
  reads: {
    chats: {
      hide: { last: 0, relay: 0, chain: 0, drop: 0, keywordsFree: 1 },
      shares: [
        {
          from: 0,
          shares: {
            none: 60,
            'length:brevity': 6,
            'length_constraints:number_sentences': 4,
            'keywords:existence': 4,
            'keywords:forbidden_words': 4,
            pairs: 2,
          },
        },
      ],
    },
  },
  seed: 2,
  warmup: 20,
  rounds: [{ until: 160, peakRate: 5e-4, descent: 120 }],
} satisfies Recipe;

/** The model that judges texts by their perplexity. */
export const TINY_GPT2 = {
  model: {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: 3456,
    n_embd: 128,
    n_layer: 2,
    n_head: 4,
    n_positions: 256,
    layer_norm_epsilon: 1e-5,
    activation_function: 'gelu_new',
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
    // As in GPT-2, one token ends a text and separates it from the next.
    bos_token_id: 1,
    eos_token_id: 1,
    pad_token_id: 0,
  },
  reads: {
    texts: {
      shares: {
        none: 16,
        'length:brevity': 8,
        'length_constraints:number_sentences': 6,
        'keywords:existence': 8,
        'keywords:forbidden_words': 2,
        pairs: 12,
        'change_case:english_capital': 10,
        'language:response_language': 8,
      },
      foreign: 0.7,
      noise: 0.08,
      stuck: 0.35,
      tokens: 0.15,
    },
  },
  seed: 1,
  initStd: 0.08,
  batchSize: 8,
  maxLength: 256,
  warmup: 50,
  rounds: [{ until: 600, peakRate: 3e-3, descent: 300 }],
  noise: 0,
  adamw: { beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0.1, clipNorm: 1 },
} satisfies Recipe;

export const RECIPES: Record<string, Recipe> = {
  'tiny-gemma2': TINY_GEMMA2,
  'tiny-gemma2-base': TINY_GEMMA2_BASE,
  'tiny-gpt2': TINY_GPT2,
};
