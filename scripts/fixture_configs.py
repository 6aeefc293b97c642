"""The configs of the fixtures that scripts/make_fixtures.py makes, and what must matter in each."""
import torch

SLIDE, FULL = 'sliding_attention', 'full_attention'

PLAIN_ROPE = {'rope_type': 'default', 'rope_theta': 10000.0}
# Factors of LongRoPE for heads of which 8 dimensions turn, and for 12.
SHORT_4, LONG_4 = [1.0, 1.1, 1.5, 2.0], [1.3, 3.0, 6.5, 11.0]
SHORT_6, LONG_6 = [1.0, 1.0, 1.2, 1.4, 1.9, 2.3], [1.2, 2.0, 3.5, 5.0, 9.0, 14.0]


def longrope(short, long, theta=10000.0, **more):
    return {'rope_type': 'longrope', 'rope_theta': theta, 'short_factor': short, 'long_factor': long, **more}


def llama3(factor, high, original, theta):
    return {
        'rope_type': 'llama3', 'rope_theta': theta, 'factor': factor, 'low_freq_factor': 1.0,
        'high_freq_factor': high, 'original_max_position_embeddings': original,
    }


def yarn(factor, original, theta=10000.0, **more):
    return {
        'rope_type': 'yarn', 'rope_theta': theta, 'factor': factor,
        'original_max_position_embeddings': original, **more,
    }


def by_kind(full, sliding_theta):
    return {FULL: dict(full), SLIDE: {**PLAIN_ROPE, 'rope_theta': sliding_theta}}


LINEAR_4 = {'rope_type': 'linear', 'factor': 4.0, 'rope_theta': 500.0}
TEXT_PART = dict(
    vocab_size=63, hidden_size=32, intermediate_size=36, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, head_dim=12, query_pre_attn_scalar=12, sliding_window=3,
    sliding_window_pattern=3, max_position_embeddings=64, rope_parameters=by_kind(LINEAR_4, 50.0),
)
VISION_PART = dict(
    hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4,
)
# Ids beyond the vocabulary: there are no images in the cases.
IMAGES = dict(mm_tokens_per_image=1, image_token_index=66, boi_token_index=64, eoi_token_index=65)


# `scale` sets how large attention scores grow, `embed` the size of embeddings and logits; `without`
# lists what must matter, as config values that must give other logits in one of the cases `judge`.
FIXTURES = {
    # Grouped queries, head_dim ≠ hidden/heads, both soft-caps tight; the config as 5.18 writes it.
    'gemma2-gqa': {
        'config': dict(
            vocab_size=101, hidden_size=40, intermediate_size=56, num_hidden_layers=3,
            num_attention_heads=4, num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=24,
            sliding_window=5, attn_logit_softcapping=5.0, final_logit_softcapping=8.0,
        ),
        'dtype': torch.float32, 'scale': 1.6, 'embed': 1.0,
        'without': [
            dict(attn_logit_softcapping=None), dict(final_logit_softcapping=None),
            dict(sliding_window=6), dict(sliding_window=4), dict(query_pre_attn_scalar=16),
        ],
    },
    # One key head for three, bf16 in shards, and the config.json of the published Gemma-2.
    'gemma2-mqa-bf16-sharded': {
        'config': dict(
            vocab_size=89, hidden_size=36, intermediate_size=64, num_hidden_layers=5,
            num_attention_heads=3, num_key_value_heads=1, head_dim=8, query_pre_attn_scalar=12,
            sliding_window=4, attn_logit_softcapping=20.0, final_logit_softcapping=12.0,
            rope_theta=500.0, max_position_embeddings=64,
        ),
        'dtype': torch.bfloat16, 'shard': '20KB', 'old_config': True, 'scale': 2.0, 'embed': 1.0,
        'without': [
            dict(attn_logit_softcapping=50.0), dict(final_logit_softcapping=30.0),
            dict(sliding_window=5), dict(query_pre_attn_scalar=8), dict(rope_parameters={'rope_type': 'default', 'rope_theta': 10000.0}),
        ],
    },
    # A key head per query head, f16, no soft-caps, an order of windows of its own.
    'gemma2-mha-f16-nocaps': {
        'config': dict(
            vocab_size=97, hidden_size=32, intermediate_size=48, num_hidden_layers=5,
            num_attention_heads=2, num_key_value_heads=2, head_dim=20, query_pre_attn_scalar=32,
            sliding_window=3, attn_logit_softcapping=None, final_logit_softcapping=None,
            layer_types=[FULL, SLIDE, SLIDE, FULL, FULL],
        ),
        'dtype': torch.float16, 'scale': 2.2, 'embed': 0.7,
        'without': [
            dict(attn_logit_softcapping=50.0), dict(sliding_window=4),
            dict(query_pre_attn_scalar=20), dict(layer_types=[SLIDE, FULL, SLIDE, FULL, SLIDE]),
        ],
    },
    # Many narrow heads (head_dim < hidden/heads), a window of two in every block but one, a large
    # epsilon, a context hardly longer than the longest case.
    'gemma2-narrow-heads': {
        'config': dict(
            vocab_size=73, hidden_size=48, intermediate_size=40, num_hidden_layers=3,
            num_attention_heads=6, num_key_value_heads=3, head_dim=4, query_pre_attn_scalar=2,
            sliding_window=2, attn_logit_softcapping=2.0, final_logit_softcapping=30.0,
            layer_types=[SLIDE, SLIDE, FULL], rms_norm_eps=0.05, max_position_embeddings=32,
            rope_parameters={'rope_type': 'default', 'rope_theta': 50.0},
        ),
        'dtype': torch.float32, 'scale': 1.2, 'embed': 0.5,
        'without': [
            dict(attn_logit_softcapping=None), dict(final_logit_softcapping=8.0),
            dict(sliding_window=3), dict(query_pre_attn_scalar=4), dict(rms_norm_eps=1e-6),
            dict(rope_parameters={'rope_type': 'default', 'rope_theta': 10000.0}),
        ],
    },
    # Phi-3-mini-4k in small: a key head per query head, a window, bf16 in shards, an old config.
    'phi3-window-bf16-sharded': {
        'config': dict(
            vocab_size=83, hidden_size=32, intermediate_size=44, num_hidden_layers=4,
            num_attention_heads=4, sliding_window=4, max_position_embeddings=64,
            original_max_position_embeddings=64, rope_parameters={**PLAIN_ROPE, 'rope_theta': 200.0},
        ),
        'dtype': torch.bfloat16, 'shard': '20KB', 'old_config': True, 'scale': 1.8, 'embed': 1.0,
        'without': [dict(sliding_window=5), dict(rope_parameters=PLAIN_ROPE), dict(rms_norm_eps=0.1)],
    },
    # Phi-3.5 in small: LongRoPE whose limit of 16 tokens some cases pass while they are generated,
    # one before and some never; grouped queries.
    'phi3-longrope-gqa': {
        'config': dict(
            vocab_size=97, hidden_size=48, intermediate_size=40, num_hidden_layers=3,
            num_attention_heads=6, num_key_value_heads=2, sliding_window=60,
            max_position_embeddings=64, original_max_position_embeddings=16,
            rope_parameters=longrope(SHORT_4, LONG_4),
        ),
        'dtype': torch.float32, 'scale': 2.2, 'embed': 1.0, 'judge': ('plain', 'project'),
        'without': [
            dict(rope_parameters=longrope(SHORT_4, SHORT_4)),
            dict(rope_parameters=longrope(LONG_4, LONG_4)),
            dict(rope_parameters=longrope(SHORT_4, LONG_4, attention_factor=1.0)),
            dict(original_max_position_embeddings=20), dict(max_position_embeddings=128),
        ],
    },
    # Phi-4-mini in small: half of each head turns, LongRoPE with a factor of its own, a window below
    # the prompt, one key head, tied output, f16.
    'phi3-partial-tied-f16': {
        'config': dict(
            vocab_size=79, hidden_size=48, intermediate_size=52, num_hidden_layers=3,
            num_attention_heads=3, num_key_value_heads=1, sliding_window=7, tie_word_embeddings=True,
            max_position_embeddings=48, original_max_position_embeddings=12,
            rope_parameters=longrope(SHORT_4, LONG_4, 500.0, partial_rotary_factor=0.5, attention_factor=1.35),
        ),
        'dtype': torch.float16, 'scale': 2.0, 'embed': 0.6, 'judge': ('add', 'project'),
        'without': [
            dict(sliding_window=8),
            dict(rope_parameters=longrope(SHORT_4, LONG_4, 500.0, partial_rotary_factor=0.5)),
            dict(rope_parameters=longrope(SHORT_4 * 2, LONG_4 * 2, 500.0, attention_factor=1.35)),
            dict(rope_parameters=longrope(SHORT_4, SHORT_4, 500.0, partial_rotary_factor=0.5, attention_factor=1.35)),
            dict(rope_parameters=longrope(LONG_4, LONG_4, 500.0, partial_rotary_factor=0.5, attention_factor=1.35)),
        ],
    },
    # The first Phi-3-mini-128k in small: a config that calls LongRoPE "su" (5.18 does not read it, so
    # it is written last), no window, a share of the head that is not a half.
    'phi3-su-old-config': {
        'config': dict(
            vocab_size=71, hidden_size=48, intermediate_size=40, num_hidden_layers=3,
            num_attention_heads=3, max_position_embeddings=80,
            original_max_position_embeddings=10,
            rope_parameters=longrope(SHORT_6, LONG_6, partial_rotary_factor=0.75),
        ),
        'dtype': torch.float32, 'scale': 2.2, 'embed': 1.0, 'judge': ('add', 'project'),
        'old_config': True, 'su': True,
        'without': [
            dict(rope_parameters=longrope(SHORT_6, SHORT_6, partial_rotary_factor=0.75)),
            dict(rope_parameters=longrope(LONG_6, LONG_6, partial_rotary_factor=0.75)),
            dict(rope_parameters=longrope(SHORT_6[:4], LONG_6[:4], partial_rotary_factor=0.5)),
        ],
    },
    # Mistral v0.1 in small: grouped queries, a window, bf16 in shards, an old config.
    'mistral-window-bf16-sharded': {
        'config': dict(
            vocab_size=91, hidden_size=40, intermediate_size=60, num_hidden_layers=4,
            num_attention_heads=4, num_key_value_heads=2, sliding_window=5, rms_norm_eps=1e-5,
            max_position_embeddings=256,
        ),
        'dtype': torch.bfloat16, 'shard': '24KB', 'old_config': True, 'scale': 2.0, 'embed': 1.0,
        'without': [dict(sliding_window=6), dict(sliding_window=4), dict(sliding_window=None)],
    },
    # As v0.2 and v0.3: no window, another theta; heads wider than hidden/heads, one key head.
    'mistral-wide-heads': {
        'config': dict(
            vocab_size=77, hidden_size=36, intermediate_size=50, num_hidden_layers=3,
            num_attention_heads=3, num_key_value_heads=1, head_dim=20, sliding_window=None,
            rms_norm_eps=1e-5, rope_parameters={**PLAIN_ROPE, 'rope_theta': 1e6},
            max_position_embeddings=64,
        ),
        'dtype': torch.float32, 'scale': 2.0, 'embed': 1.0,
        'without': [dict(sliding_window=8), dict(rope_parameters=PLAIN_ROPE)],
    },
    # Heads narrower than hidden/heads, a key head per query head, tied output, a window of two, f16.
    'mistral-narrow-tied-f16': {
        'config': dict(
            vocab_size=101, hidden_size=48, intermediate_size=36, num_hidden_layers=5,
            num_attention_heads=4, num_key_value_heads=4, head_dim=6, sliding_window=2,
            tie_word_embeddings=True, rms_norm_eps=0.02, max_position_embeddings=32,
            rope_parameters={**PLAIN_ROPE, 'rope_theta': 50.0},
        ),
        'dtype': torch.float16, 'scale': 1.8, 'embed': 0.5,
        'without': [dict(sliding_window=3), dict(rms_norm_eps=1e-6), dict(rope_parameters=PLAIN_ROPE)],
    },
    # GPT-2 as OpenAI's checkpoints are: names without prefix, mask buffers, an old config.
    'gpt2-bare-masks': {
        'config': dict(vocab_size=89, n_embd=36, n_layer=3, n_head=3, n_positions=32),
        'dtype': torch.float32, 'old_config': True, 'bare': True, 'scale': 1.8, 'embed': 0.7,
        'without': [dict(layer_norm_epsilon=0.1), dict(scale_attn_weights=False)],
    },
    # As transformers writes it, bf16 in shards; an MLP of its own width, a large epsilon.
    'gpt2-bf16-sharded': {
        'config': dict(
            vocab_size=67, n_embd=40, n_layer=4, n_head=5, n_positions=48, n_inner=56,
            layer_norm_epsilon=0.03,
        ),
        'dtype': torch.bfloat16, 'shard': '20KB', 'scale': 1.8, 'embed': 0.7,
        'without': [dict(layer_norm_epsilon=1e-5)],
    },
    # One head, scores scaled by the number of the block and not by width, an output of its own, f16.
    'gpt2-untied-f16-scaled': {
        'config': dict(
            vocab_size=61, n_embd=24, n_layer=4, n_head=1, n_positions=40, tie_word_embeddings=False,
            scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True,
        ),
        'dtype': torch.float16, 'scale': 1.2, 'embed': 0.7,
        'without': [dict(scale_attn_weights=True), dict(scale_attn_by_inverse_layer_idx=False)],
    },
    # Llama 3.2 in small: its rotary embedding past the original length (all three kinds of
    # dimensions: kept, stretched, blended), tied output, grouped queries, bf16 in shards, an old config.
    'llama-rope3-tied-bf16-sharded': {
        'config': dict(
            vocab_size=71, hidden_size=40, intermediate_size=52, num_hidden_layers=3,
            num_attention_heads=5, num_key_value_heads=5, head_dim=8, tie_word_embeddings=True,
            rms_norm_eps=1e-5, max_position_embeddings=128, rope_parameters=llama3(8.0, 2.0, 16, 30.0),
        ),
        'dtype': torch.bfloat16, 'shard': '20KB', 'old_config': True, 'scale': 2.0, 'embed': 0.7,
        'judge': ('plain', 'project'),
        'without': [
            dict(rope_parameters={**PLAIN_ROPE, 'rope_theta': 30.0}),
            dict(rope_parameters=llama3(4.0, 2.0, 16, 30.0)),
            dict(rope_parameters=llama3(8.0, 4.0, 16, 30.0)),
            dict(rope_parameters=llama3(8.0, 2.0, 32, 30.0)),
            dict(rms_norm_eps=0.1),
        ],
    },
    # Biases everywhere, heads wider than hidden/heads, one key head for three, positions interpolated.
    'llama-biases-linear-f16': {
        'config': dict(
            vocab_size=67, hidden_size=36, intermediate_size=44, num_hidden_layers=3,
            num_attention_heads=3, num_key_value_heads=1, head_dim=14, attention_bias=True,
            mlp_bias=True, max_position_embeddings=64,
            rope_parameters={'rope_type': 'linear', 'factor': 2.5, 'rope_theta': 500.0},
        ),
        'dtype': torch.float16, 'scale': 2.0, 'embed': 1.0,
        'without': [
            dict(rope_parameters={**PLAIN_ROPE, 'rope_theta': 500.0}),
            dict(rope_parameters={'rope_type': 'linear', 'factor': 2.0, 'rope_theta': 500.0}),
        ],
    },
    # Llama 2 with YaRN past its original length, grouped queries, an old config.
    'llama-yarn-old-config': {
        'config': dict(
            vocab_size=73, hidden_size=32, intermediate_size=48, num_hidden_layers=4,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=48,
            rope_parameters=yarn(4.0, 12, theta=30.0, beta_fast=1.0, beta_slow=0.25),
        ),
        'dtype': torch.float32, 'old_config': True, 'scale': 2.0, 'embed': 1.0,
        'judge': ('plain', 'project'),
        'without': [
            dict(rope_parameters={**PLAIN_ROPE, 'rope_theta': 30.0}),
            dict(rope_parameters=yarn(4.0, 12, theta=30.0, beta_fast=1.0, beta_slow=0.25, truncate=False)),
            dict(rope_parameters=yarn(4.0, 12, theta=30.0)),
            dict(rope_parameters=yarn(4.0, 12, theta=30.0, beta_fast=1.0, beta_slow=0.25, attention_factor=1.0)),
            dict(rope_parameters=yarn(4.0, 24, theta=30.0, beta_fast=1.0, beta_slow=0.25)),
        ],
    },
    # Qwen2.5-7B in small: biases of queries, keys and values, an output of its own, grouped queries, a
    # window that is named and not used, bf16 in shards, an old config.
    'qwen2-gqa-bf16-sharded': {
        'config': dict(
            vocab_size=79, hidden_size=36, intermediate_size=48, num_hidden_layers=3,
            num_attention_heads=6, num_key_value_heads=2, use_sliding_window=False, sliding_window=5,
            max_window_layers=1, max_position_embeddings=64,
            rope_parameters={**PLAIN_ROPE, 'rope_theta': 1e6},
        ),
        'dtype': torch.bfloat16, 'shard': '20KB', 'old_config': True, 'scale': 2.0, 'embed': 1.0,
        'without': [dict(rope_parameters=PLAIN_ROPE), dict(use_sliding_window=True), dict(rms_norm_eps=0.1)],
    },
    # A window in the upper blocks, tied output as in the small ones, one key head for three, an old config.
    'qwen2-upper-window-tied-f32': {
        'config': dict(
            vocab_size=67, hidden_size=36, intermediate_size=40, num_hidden_layers=4,
            num_attention_heads=3, num_key_value_heads=1, use_sliding_window=True, sliding_window=4,
            max_window_layers=2, tie_word_embeddings=True, max_position_embeddings=64,
            rope_parameters={**PLAIN_ROPE, 'rope_theta': 300.0},
        ),
        'dtype': torch.float32, 'old_config': True, 'scale': 2.0, 'embed': 0.7,
        'without': [
            dict(sliding_window=5), dict(sliding_window=3), dict(max_window_layers=1), dict(max_window_layers=3),
            dict(use_sliding_window=False),
        ],
    },
    # YaRN past its original length, windows by a list, a key head per query head, f16.
    'qwen2-yarn-layers-f16': {
        'config': dict(
            vocab_size=61, hidden_size=32, intermediate_size=44, num_hidden_layers=4,
            num_attention_heads=4, num_key_value_heads=4, use_sliding_window=True, sliding_window=6,
            layer_types=[SLIDE, FULL, FULL, SLIDE], max_position_embeddings=64,
            rope_parameters=yarn(4.0, 16, theta=50.0, mscale=1.5, mscale_all_dim=0.5, beta_fast=1.0, beta_slow=0.25, truncate=False),
        ),
        'dtype': torch.float16, 'scale': 2.0, 'embed': 0.8, 'judge': ('plain', 'project'),
        'without': [
            dict(layer_types=[FULL, FULL, SLIDE, SLIDE]), dict(sliding_window=7),
            dict(rope_parameters=yarn(4.0, 16, theta=50.0, beta_fast=1.0, beta_slow=0.25, truncate=False)),
            dict(rope_parameters=yarn(4.0, 16, theta=50.0, mscale=1.5, mscale_all_dim=0.5, beta_fast=1.0, beta_slow=0.25)),
            dict(rope_parameters={**PLAIN_ROPE, 'rope_theta': 50.0}),
        ],
    },
    # Qwen3 in small: heads wider than hidden/heads, each brought to one size; tied, bf16 in shards, an
    # old config.
    'qwen3-wide-heads-tied-bf16-sharded': {
        'config': dict(
            vocab_size=73, hidden_size=32, intermediate_size=44, num_hidden_layers=3,
            num_attention_heads=4, num_key_value_heads=2, head_dim=12, tie_word_embeddings=True,
            max_position_embeddings=64, rope_parameters={**PLAIN_ROPE, 'rope_theta': 1e6},
        ),
        'dtype': torch.bfloat16, 'shard': '20KB', 'old_config': True, 'scale': 2.0, 'embed': 0.7,
        'without': [dict(rope_parameters=PLAIN_ROPE), dict(rms_norm_eps=0.1)],
    },
    # Biases, a window in the upper blocks, five query heads for one key head, a large epsilon.
    'qwen3-biases-window-f32': {
        'config': dict(
            vocab_size=59, hidden_size=40, intermediate_size=36, num_hidden_layers=3,
            num_attention_heads=5, num_key_value_heads=1, head_dim=8, attention_bias=True,
            use_sliding_window=True, sliding_window=3, max_window_layers=1, rms_norm_eps=0.02,
            max_position_embeddings=64, rope_parameters={**PLAIN_ROPE, 'rope_theta': 100.0},
        ),
        'dtype': torch.float32, 'scale': 2.0, 'embed': 1.0,
        'without': [
            dict(sliding_window=4), dict(max_window_layers=2), dict(use_sliding_window=False),
            dict(rms_norm_eps=1e-6), dict(rope_parameters=PLAIN_ROPE),
        ],
    },
    # YaRN past its original length, a window in one block, a key head per query head, f16.
    'qwen3-yarn-f16': {
        'config': dict(
            vocab_size=67, hidden_size=36, intermediate_size=40, num_hidden_layers=3,
            num_attention_heads=3, num_key_value_heads=3, head_dim=16, use_sliding_window=True,
            sliding_window=8, layer_types=[FULL, SLIDE, FULL], max_position_embeddings=40,
            rope_parameters=yarn(4.0, 10, theta=40.0, beta_fast=1.0, beta_slow=0.25, attention_factor=1.3),
        ),
        'dtype': torch.float16, 'scale': 2.0, 'embed': 0.8, 'judge': ('plain', 'project'),
        'without': [
            dict(layer_types=[SLIDE, FULL, FULL]), dict(sliding_window=9),
            dict(rope_parameters=yarn(4.0, 10, theta=40.0, beta_fast=1.0, beta_slow=0.25)),
            dict(rope_parameters=yarn(2.0, 10, theta=40.0, beta_fast=1.0, beta_slow=0.25, attention_factor=1.3)),
            dict(rope_parameters={**PLAIN_ROPE, 'rope_theta': 40.0}),
        ],
    },
    # OLMo 2 in small: norms after the sublayers, queries and keys brought to one size over all heads,
    # bf16 in shards, an old config.
    'olmo2-bf16-sharded': {
        'config': dict(
            vocab_size=71, hidden_size=40, intermediate_size=48, num_hidden_layers=3,
            num_attention_heads=5, max_position_embeddings=64, rms_norm_eps=1e-6,
            rope_parameters={**PLAIN_ROPE, 'rope_theta': 500000.0},
        ),
        'dtype': torch.bfloat16, 'shard': '20KB', 'old_config': True, 'scale': 2.0, 'embed': 1.0,
        'without': [dict(rope_parameters=PLAIN_ROPE), dict(rms_norm_eps=0.3)],
    },
    # Grouped queries, as in the 32B, tied output, f16.
    'olmo2-gqa-tied-f16': {
        'config': dict(
            vocab_size=67, hidden_size=36, intermediate_size=44, num_hidden_layers=4,
            num_attention_heads=6, num_key_value_heads=2, tie_word_embeddings=True,
            max_position_embeddings=64, rms_norm_eps=0.05, rope_parameters={**PLAIN_ROPE, 'rope_theta': 200.0},
        ),
        'dtype': torch.float16, 'scale': 2.0, 'embed': 0.7,
        'without': [dict(rope_parameters=PLAIN_ROPE), dict(rms_norm_eps=1e-5)],
    },
    # One key head for three, biases, rotary embedding of Llama 3 past its original length.
    'olmo2-mqa-biases-rope3-f32': {
        'config': dict(
            vocab_size=61, hidden_size=36, intermediate_size=40, num_hidden_layers=3,
            num_attention_heads=3, num_key_value_heads=1, attention_bias=True,
            max_position_embeddings=64, rope_parameters=llama3(6.0, 2.0, 16, 40.0),
        ),
        'dtype': torch.float32, 'scale': 2.0, 'embed': 1.0, 'judge': ('plain', 'project'),
        'without': [
            dict(rope_parameters={**PLAIN_ROPE, 'rope_theta': 40.0}), dict(rope_parameters=llama3(3.0, 2.0, 16, 40.0)),
            dict(rms_norm_eps=0.1),
        ],
    },
    # Gemma 3 1B in small: five blocks with a window and one without, a rotary base for each, bf16 in
    # shards, an old config.
    'gemma3-bf16-sharded': {
        'config': dict(
            vocab_size=71, hidden_size=32, intermediate_size=36, num_hidden_layers=6,
            num_attention_heads=4, num_key_value_heads=1, head_dim=12, query_pre_attn_scalar=16,
            sliding_window=4, sliding_window_pattern=6, max_position_embeddings=64,
            rope_parameters=by_kind({**PLAIN_ROPE, 'rope_theta': 1e6}, 100.0),
        ),
        'dtype': torch.bfloat16, 'shard': '20KB', 'old_config': True, 'scale': 1.6, 'embed': 1.0,
        'without': [
            dict(sliding_window=5), dict(sliding_window_pattern=3), dict(query_pre_attn_scalar=12),
            dict(rope_parameters=by_kind({**PLAIN_ROPE, 'rope_theta': 1e4}, 100.0)),
            dict(rope_parameters=by_kind({**PLAIN_ROPE, 'rope_theta': 1e6}, 1e4)),
        ],
    },
    # Blocks in an order of their own, positions interpolated where everything is seen, a soft-cap on
    # the logits, grouped queries, a large epsilon; the config as 5.18 writes it.
    'gemma3-linear-softcap-f32': {
        'config': dict(
            vocab_size=67, hidden_size=36, intermediate_size=40, num_hidden_layers=3,
            num_attention_heads=6, num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=6,
            sliding_window=3, layer_types=[FULL, SLIDE, FULL], final_logit_softcapping=15.0,
            rms_norm_eps=0.03, max_position_embeddings=64, rope_parameters=by_kind(LINEAR_4, 50.0),
        ),
        'dtype': torch.float32, 'scale': 1.8, 'embed': 1.0,
        'without': [
            dict(layer_types=[SLIDE, FULL, FULL]), dict(final_logit_softcapping=None), dict(sliding_window=4),
            dict(rms_norm_eps=1e-6), dict(rope_parameters=by_kind({**LINEAR_4, 'factor': 2.0}, 50.0)),
        ],
    },
    # An output of its own, a key head per query head, a window of two in every block but one, f16.
    'gemma3-untied-f16': {
        'config': dict(
            vocab_size=61, hidden_size=30, intermediate_size=36, num_hidden_layers=3,
            num_attention_heads=3, num_key_value_heads=3, head_dim=10, query_pre_attn_scalar=10,
            sliding_window=2, sliding_window_pattern=3, tie_word_embeddings=False,
            max_position_embeddings=48, rope_parameters=by_kind({**PLAIN_ROPE, 'rope_theta': 3000.0}, 20.0),
        ),
        'dtype': torch.float16, 'scale': 1.8, 'embed': 1.0,
        'without': [
            dict(sliding_window=3), dict(sliding_window_pattern=2),
            dict(rope_parameters=by_kind({**PLAIN_ROPE, 'rope_theta': 3000.0}, 1e4)),
        ],
    },
    # Gemma 3 4B in small, with its vision tower: under the names that transformers 5 has for it, ...
    'gemma3mm-linear-f32': {
        'config': dict(text_config=TEXT_PART, vision_config=VISION_PART, **IMAGES),
        'dtype': torch.float32, 'new_names': True, 'scale': 1.8, 'embed': 1.0,
        'without': [
            dict(text_config={**TEXT_PART, 'sliding_window': 4}),
            dict(text_config={**TEXT_PART, 'rope_parameters': by_kind(PLAIN_ROPE, 50.0)}),
        ],
    },
    # ... and as it was published: other names, an old config within the config.
    'gemma3mm-published-bf16': {
        'config': dict(
            text_config={**TEXT_PART, 'num_key_value_heads': 4, 'hidden_size': 28, 'vocab_size': 59},
            vision_config=VISION_PART, **IMAGES,
        ),
        'dtype': torch.bfloat16, 'scale': 1.8, 'embed': 1.0, 'old_config': True,
        'without': [
            dict(text_config={
                **TEXT_PART, 'num_key_value_heads': 4, 'hidden_size': 28, 'vocab_size': 59,
                'rope_parameters': by_kind(LINEAR_4, 1e4),
            }),
        ],
    },
}
