#!/usr/bin/env python3
"""Writes what transformers knows of config.json:

- src/checkpoint/computingKeys.ts: the keys that change what some decoder computes;
- test/fixtures/configs/defaults.json: the values of every model type where a file is silent;
- test/fixtures/configs/ropes.json: frequencies of stretched rotary embeddings, as torch has them.

    python scripts/config_keys.py        # with the packages of scripts/make_fixtures.py
"""
import dataclasses
import json
import os
import re
import sys
import textwrap

if __name__ == '__main__' and {'-h', '--help'} & set(sys.argv):
    sys.exit(print(__doc__))

import transformers
from transformers import (
    Gemma2Config, Gemma3TextConfig, GPT2Config, LlamaConfig, MistralConfig, Olmo2Config, Phi3Config,
    PreTrainedConfig, Qwen2Config, Qwen3Config,
)
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')

# Settings of training and of generation, ids of tokens, other inputs than text, other heads,
# how long a text may be, and how a computation is carried out: the numbers do not depend on them.
OF_NO_EFFECT = re.compile(
    r'drop|init|loss|aux_|classif|spec_augment|_token_id$|_token_index$|_index$|_id$|^mask_'
    r'|^summary_|_n_top$|audio|vision|image|video|langu|^lang|^patch|^use_mamba|^use_mem'
    r'|^chunk_size|^(step|sequence|chunkwise)_kernel$|kernel_dtype|associative_scan|inference|device'
    r'|^(seed|mode|pretraining_tp|use_cache|n_langs|reorder_and_upcast_attn|num_logits_to_keep'
    r'|output_router_logits|model_max_length|decoder_vocab_size|num_mel_bins|task_type_vocab_size'
    r'|return_last_states|slow_but_exact|median_filter_width|vocabulary_map|weight_mode'
    r'|use_weighted_layer_sum|context_length|max_seq_len|block_size|prompt_length|prompt_types'
    r'|n_token|n_words|max_source_positions|max_target_positions|suppress_tokens'
    r'|begin_suppress_tokens|encoder_no_repeat_ngram_size)$'
)

# Read from any config by transformers' shared code, though no class declares them.
SHARED = [
    'is_causal', 'is_encoder_decoder', 'tie_encoder_decoder', 'per_layer_config', 'pruned_heads',
    'quantization_config', 'compression_config', 'transformers_weights', 'fusion_config',
    'attribute_map', 'mtp_layer_types',
]


def computing_keys():
    of_all = {field.name for field in dataclasses.fields(PreTrainedConfig)}
    keys = set(SHARED)
    for model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        config = CONFIG_MAPPING[model_type]
        keys |= {field.name for field in dataclasses.fields(config)} | set(config.attribute_map)
    return sorted(key for key in keys if key in SHARED or not (key in of_all or OF_NO_EFFECT.search(key)))


def write_keys(path):
    words = textwrap.wrap(' '.join(computing_keys()), 98, break_on_hyphens=False)
    with open(path, 'w', encoding='utf8') as file:
        file.write(
            '/**\n'
            ' * Keys of config.json that change what a decoder computes: of all causal language models of\n'
            f' * transformers {transformers.__version__}. Written by scripts/config_keys.py.\n'
            ' */\n'
            'const words = `\n'
        )
        file.writelines(f'{line}\n' for line in words)
        file.write('`;\n\nexport const COMPUTING_KEYS: ReadonlySet<string> = new Set(words.trim().split(/\\s+/));\n')


def write_defaults(path):
    classes = {
        'gemma2': Gemma2Config, 'gemma3_text': Gemma3TextConfig, 'gpt2': GPT2Config, 'llama': LlamaConfig,
        'mistral': MistralConfig, 'olmo2': Olmo2Config, 'phi3': Phi3Config, 'qwen2': Qwen2Config,
        'qwen3': Qwen3Config,
    }
    defaults = {name: make().to_dict() for name, make in classes.items()}
    for values in defaults.values():
        values.pop('transformers_version', None)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf8') as file:
        json.dump({'transformers': transformers.__version__, 'defaults': defaults}, file, indent=1)
        file.write('\n')


# Rotary parameters as published, and others that reach every branch.
ROPES = [
    {'rope_theta': 500000.0, 'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,
     'original_max_position_embeddings': 8192},
    {'rope_theta': 500000.0, 'rope_type': 'llama3', 'factor': 32.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,
     'original_max_position_embeddings': 8192},
    {'rope_theta': 10000.0, 'rope_type': 'linear', 'factor': 4.0},
    {'rope_theta': 1000000.0, 'rope_type': 'linear', 'factor': 8.0},
    {'rope_theta': 10000.0, 'rope_type': 'dynamic', 'factor': 2.3},
    {'rope_theta': 1000000.0, 'rope_type': 'yarn', 'factor': 4.0, 'original_max_position_embeddings': 32768},
    {'rope_theta': 10000.0, 'rope_type': 'yarn', 'factor': 16.0, 'original_max_position_embeddings': 4096,
     'truncate': False, 'beta_fast': 16, 'beta_slow': 2},
    {'rope_theta': 10000.0, 'rope_type': 'yarn', 'factor': 40.0, 'original_max_position_embeddings': 4096,
     'mscale': 1.0, 'mscale_all_dim': 0.7},
    {'rope_theta': 10000.0, 'rope_type': 'yarn', 'factor': 3.0, 'original_max_position_embeddings': 1024,
     'attention_factor': 1.25},
]


def write_ropes(path):
    rows = []
    for rope in ROPES:
        for head_dim in (64, 128):
            config = LlamaConfig(head_dim=head_dim, max_position_embeddings=131072, rope_parameters=dict(rope))
            frequencies, factor = ROPE_INIT_FUNCTIONS[rope['rope_type']](config)
            rows.append({
                'rope': rope, 'headDim': head_dim, 'attentionFactor': factor, 'frequencies': frequencies.tolist(),
            })
    with open(path, 'w', encoding='utf8') as file:
        lines = ',\n'.join(json.dumps(row) for row in rows)
        file.write(f'{{"transformers": "{transformers.__version__}", "ropes": [\n{lines}\n]}}\n')


if __name__ == '__main__':
    write_ropes(os.path.join(ROOT, 'test', 'fixtures', 'configs', 'ropes.json'))
    write_keys(os.path.join(ROOT, 'src', 'checkpoint', 'computingKeys.ts'))
    write_defaults(os.path.join(ROOT, 'test', 'fixtures', 'configs', 'defaults.json'))
