#!/usr/bin/env python3
"""Makes the tiny random Gemma-2 checkpoints under test/fixtures, with references beside them.

    pip install torch==2.13.0 transformers==5.18.0 safetensors
    python scripts/make_fixtures.py            # all
    python scripts/make_fixtures.py gemma2-gqa # one

Random weights make a poor test by themselves: a feature may be there and not matter. So seeds and
prompts are tried until, for every fixture, (a) greedy choices are clear (lead over the runner-up at least 1e-2
of the logits' standard deviation) and varied, (b) every edit, and their order, changes the
continuation, (c) every feature of the config that the fixture is there for changes the logits by
at least 2 % of their standard deviation when it is taken away.
"""
import json
import os
import shutil
import sys

import torch
import transformers
from transformers import Gemma2Config, Gemma2ForCausalLM

from write_reference import (
    SMALLEST_MARGIN, compute, continue_greedily, fill_vectors, forward, load, write,
)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'test', 'fixtures')
NEW_TOKENS = 12
SMALLEST_EFFECT = 0.02
LENGTHS = {'plain': 14, 'plain-short': 3, 'add': 9, 'project': 20, 'same-layer': 6, 'two-layers': 11}

SLIDE, FULL = 'sliding_attention', 'full_attention'

# `scale` sets how large attention scores grow, `embed` the size of embeddings and logits; `without`
# lists what must matter, as config values that must give other logits.
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
}


def randomize(model, spec, generator):
    """Weights large enough that scores and logits reach the caps. The gains of the norms after the
    sublayers are raised so that blocks count against the embedding; the final gains have either
    sign, else a tied model with a large embedding only repeats its input."""
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if name.endswith('embed_tokens.weight'):
            new = spec['embed'] * noise
        elif name == 'model.norm.weight':
            new = noise - 1
        elif 'norm' in name:
            new = 0.5 * noise + (2.5 * spec['embed'] if '.post_' in name else 0)
        else:
            new = spec['scale'] * noise / weight.shape[1] ** 0.5
        weight.data.copy_(new)


def make_checkpoint(folder, spec, seed):
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(seed)
    model = Gemma2ForCausalLM(Gemma2Config(**spec['config']))
    randomize(model, spec, generator)
    model.to(spec['dtype']).save_pretrained(folder, max_shard_size=spec.get('shard', '1GB'))
    if spec.get('old_config'):
        write_old_config(folder, spec)


def write_old_config(folder, spec):
    """The same settings with the keys of the configs on the Hub, which are older."""
    path = os.path.join(folder, 'config.json')
    with open(path, encoding='utf8') as file:
        new = json.load(file)
    gone = ('layer_types', 'rope_parameters', 'dtype', 'use_bidirectional_attention', 'tie_word_embeddings')
    old = {key: value for key, value in new.items() if key not in gone}
    old.update(
        hidden_act='gelu_pytorch_tanh', cache_implementation='hybrid', torch_dtype='bfloat16',
        rope_theta=spec['config']['rope_theta'], transformers_version='4.42.0.dev0',
    )
    with open(path, 'w', encoding='utf8') as file:
        json.dump(dict(sorted(old.items())), file, indent=2)
        file.write('\n')


def make_cases(model, generator):
    """The cases, each with the first prompt and vectors drawn that make a fair and telling one."""
    config = model.config
    middle, last = config.num_hidden_layers // 2, config.num_hidden_layers - 1
    sample = torch.randint(3, config.vocab_size, (14,), generator=generator).tolist()
    size = forward(model, sample)[1].norm(dim=-1).mean(dim=1).tolist()

    def add(layer, share):
        return {'kind': 'add', 'layer': layer, 'weight': round(share * size[layer], 3)}

    def project(layer, share):
        return {'kind': 'project', 'layer': layer, 'target': round(share * size[layer], 3)}

    steers = {
        'plain': [],
        'plain-short': [],
        'add': [add(0, 0.8)],
        'project': [project(middle, -0.7)],
        'same-layer': [add(middle, 0.8), project(middle, 0.5)],
        'two-layers': [project(0, 0.6), add(last, -0.5)],
    }
    return [make_case(model, name, steers[name], generator) for name in LENGTHS]


def make_case(model, name, edits, generator):
    config = model.config
    for _ in range(500):
        ids = torch.randint(3, config.vocab_size, (LENGTHS[name] - 1,), generator=generator)
        case = {'name': name, 'input_ids': [2, *ids.tolist()], 'steer': [dict(e) for e in edits]}
        fill_vectors([case], config.hidden_size, generator)
        if name == 'same-layer':
            # The second vector leans on the first, so that their order matters.
            first, second = case['steer']
            leaning = second['vector'] + first['vector']
            second['vector'] = leaning / leaning.norm()
        if is_telling(model, case):
            return case
    sys.exit(f'{name}: no prompt will do')


def is_telling(model, case):
    """Clear and varied greedy choices, changed by every edit and by the order of edits."""
    ids, steers = case['input_ids'], case['steer']
    generated, margin = continue_greedily(model, ids, steers, NEW_TOKENS)
    if margin < SMALLEST_MARGIN or len(set(generated)) < NEW_TOKENS // 2:
        return False
    others = [[s for s in steers if s is not gone] for gone in steers]
    if case['name'] == 'same-layer':
        others.append(steers[::-1])
    return all(continue_greedily(model, ids, o, NEW_TOKENS)[0] != generated for o in others)


def relative_change(a, b):
    return ((a - b).abs().max() / a.std()).item()


def features_matter(model, spec, case):
    """Whether each change of the config listed in the fixture changes the logits."""
    plain = forward(model, case['input_ids'])[0]
    smallest = float('inf')
    for change in spec['without']:
        config = {**model.config.to_dict(), **change}
        other = Gemma2ForCausalLM(Gemma2Config(**config)).eval()
        other.load_state_dict(model.state_dict())
        other.set_attn_implementation('eager')
        effect = relative_change(plain, forward(other, case['input_ids'])[0])
        smallest = min(smallest, effect)
        print(f'    {change}: logits change by {effect:.3f} of their deviation')
    return smallest >= SMALLEST_EFFECT


def make(name):
    spec, folder = FIXTURES[name], os.path.join(ROOT, name)
    for seed in range(20):
        make_checkpoint(folder, spec, seed)
        model = load(folder)
        cases = make_cases(model, torch.Generator().manual_seed(1000 + seed))
        if features_matter(model, spec, cases[0]):
            break
    else:
        sys.exit(f'{name}: no seed will do')
    tensors, listed, margins = compute(model, cases, NEW_TOKENS)
    write(os.path.join(folder, 'reference.safetensors'), tensors, listed)
    for file in os.listdir(folder):
        os.chmod(os.path.join(folder, file), 0o644)
    size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))
    print(f'{name}: seed {seed}, {size / 1024:.0f} KB, smallest margin {min(margins.values()):.3f}')
    for case in cases:
        print(f'    {case["name"]:12} {tensors[case["name"] + ".generated"].tolist()}')


if __name__ == '__main__':
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    for name in sys.argv[1:] or FIXTURES:
        make(name)
