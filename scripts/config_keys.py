#!/usr/bin/env python3
"""Writes what transformers knows of config.json:

- src/checkpoint/computingKeys.ts: the keys that change what some decoder computes;
- test/fixtures/configs/defaults.json: the values of the four model types where a file is silent.

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
from transformers import Gemma2Config, GPT2Config, MistralConfig, Phi3Config, PreTrainedConfig
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
    classes = {'gemma2': Gemma2Config, 'gpt2': GPT2Config, 'mistral': MistralConfig, 'phi3': Phi3Config}
    defaults = {name: make().to_dict() for name, make in classes.items()}
    for values in defaults.values():
        values.pop('transformers_version', None)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf8') as file:
        json.dump({'transformers': transformers.__version__, 'defaults': defaults}, file, indent=1)
        file.write('\n')


if __name__ == '__main__':
    write_keys(os.path.join(ROOT, 'src', 'checkpoint', 'computingKeys.ts'))
    write_defaults(os.path.join(ROOT, 'test', 'fixtures', 'configs', 'defaults.json'))
