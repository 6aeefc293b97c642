#!/usr/bin/env python3
"""Makes the tiny random checkpoints under test/fixtures, with references beside them.

    pip install torch==2.13.0 transformers==5.18.0 safetensors
    python scripts/make_fixtures.py            # all
    python scripts/make_fixtures.py gemma2-gqa # one
    python scripts/make_fixtures.py ties       # what becomes of heads beside an embedding

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
import tempfile

if __name__ == '__main__' and {'-h', '--help'} & set(sys.argv):
    sys.exit(print(__doc__))

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    Gemma2Config, Gemma2ForCausalLM, Gemma3Config, Gemma3ForCausalLM, Gemma3ForConditionalGeneration,
    Gemma3TextConfig, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig,
    MistralForCausalLM, Olmo2Config, Olmo2ForCausalLM, Phi3Config, Phi3ForCausalLM, Qwen2Config,
    Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM,
)

from fixture_configs import FIXTURES
from write_reference import (
    SMALLEST_MARGIN, compute, continue_greedily, fill_vectors, forward, load, write,
)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'test', 'fixtures')
NEW_TOKENS = 12
SMALLEST_EFFECT = 0.02
LENGTHS = {'plain': 14, 'plain-short': 3, 'add': 9, 'project': 20, 'same-layer': 6, 'two-layers': 11}

# By the first part of a fixture's name.
CLASSES = {
    'gemma2': (Gemma2Config, Gemma2ForCausalLM),
    'gemma3': (Gemma3TextConfig, Gemma3ForCausalLM),
    'gemma3mm': (Gemma3Config, Gemma3ForConditionalGeneration),
    'gpt2': (GPT2Config, GPT2LMHeadModel),
    'llama': (LlamaConfig, LlamaForCausalLM),
    'mistral': (MistralConfig, MistralForCausalLM),
    'olmo2': (Olmo2Config, Olmo2ForCausalLM),
    'phi3': (Phi3Config, Phi3ForCausalLM),
    'qwen2': (Qwen2Config, Qwen2ForCausalLM),
    'qwen3': (Qwen3Config, Qwen3ForCausalLM),
}

def randomize(model, spec, generator):
    """Weights large enough that scores and logits reach the caps. The gains of Gemma's norms after
    the sublayers are raised so that blocks count against the embedding; the final gains have either
    sign, else a tied model with a large embedding only repeats its input."""
    gemma = model.config.model_type.startswith('gemma')
    for name, weight in model.named_parameters():
        if 'vision_tower' in name or 'multi_modal_projector' in name:
            continue
        noise = torch.randn(weight.shape, generator=generator)
        if name.endswith(('embed_tokens.weight', 'wte.weight', 'wpe.weight')):
            new = spec['embed'] * noise
        elif name.endswith('.bias'):
            new = 0.3 * noise
        elif name.endswith(('model.norm.weight', 'language_model.norm.weight')) and gemma:
            new = noise - 1
        elif name in ('model.norm.weight', 'transformer.ln_f.weight'):
            new = noise
        elif 'norm' in name and gemma:
            new = 0.5 * noise + (2.5 * spec['embed'] if '.post_' in name else 0)
        elif 'norm' in name or '.ln_' in name:
            new = 1 + 0.4 * noise
        else:
            # GPT-2 keeps its projections [in, out].
            inner = weight.shape[0 if 'transformer.h.' in name else 1]
            new = spec['scale'] * noise / inner ** 0.5
        weight.data.copy_(new)


def make_checkpoint(folder, name, spec, seed):
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(seed)
    model = build(name, spec['config'])
    randomize(model, spec, generator)
    model.to(spec['dtype']).save_pretrained(folder, max_shard_size=spec.get('shard', '1GB'))
    if spec.get('bare'):
        write_bare(folder, spec)
    if spec.get('new_names'):
        write_new_names(folder)
    if spec.get('old_config') and not spec.get('su'):
        write_old_config(folder, spec)


def build(name, config):
    make_config, make_model = CLASSES[name.split('-')[0]]
    family = {} if name.startswith('gemma') else {'bos_token_id': 2, 'eos_token_id': 1, 'pad_token_id': 0}
    return make_model(make_config(**{**family, **config}))


def write_bare(folder, spec):
    """The same tensors as in OpenAI's checkpoints: no prefix, and the masks of every block."""
    path = os.path.join(folder, 'model.safetensors')
    tensors = {name.removeprefix('transformer.'): t for name, t in load_file(path).items()}
    n = spec['config']['n_positions']
    for l in range(spec['config']['n_layer']):
        tensors[f'h.{l}.attn.bias'] = torch.ones(n, n).tril().reshape(1, 1, n, n)
        tensors[f'h.{l}.attn.masked_bias'] = torch.tensor(-1e4)
    save_file(tensors, path, {'format': 'pt'})


# transformers 5 loads checkpoints for text and images under either name, and writes the published ones.
NEW_NAMES = {
    'language_model.model.': 'model.language_model.',
    'vision_tower.': 'model.vision_tower.',
    'multi_modal_projector.': 'model.multi_modal_projector.',
}


def write_new_names(folder):
    path = os.path.join(folder, 'model.safetensors')
    tensors = {}
    for name, tensor in load_file(path).items():
        start = next(old for old in NEW_NAMES if name.startswith(old))
        tensors[NEW_NAMES[start] + name.removeprefix(start)] = tensor
    save_file(tensors, path, {'format': 'pt'})


def write_old_config(folder, spec):
    """The same settings with the keys of the configs on the Hub, which are older."""
    path = os.path.join(folder, 'config.json')
    with open(path, encoding='utf8') as file:
        new = json.load(file)
    gone = ('layer_types', 'rope_parameters', 'dtype', 'use_bidirectional_attention', '_sliding_window_pattern')
    old = {key: value for key, value in new.items() if key not in gone}
    old['torch_dtype'] = str(spec['dtype']).removeprefix('torch.')
    old['transformers_version'] = '4.42.0.dev0'
    if new['model_type'] == 'gemma2':
        del old['tie_word_embeddings']
        old.update(
            hidden_act='gelu_pytorch_tanh', cache_implementation='hybrid',
            rope_theta=spec['config']['rope_theta'],
        )
    elif new['model_type'] == 'gemma3_text':
        old.update(old_gemma3_rope(new))
    elif new['model_type'] == 'gemma3':
        # The published ones say of the text part little that is not so by default.
        text = {key: value for key, value in new['text_config'].items() if key not in gone}
        old['text_config'] = {**text, **old_gemma3_rope(new['text_config'])}
    elif new['model_type'] == 'gpt2':
        # What those files lack counts by default.
        for key in ('n_inner', 'add_cross_attention', 'reorder_and_upcast_attn', 'tie_word_embeddings',
                    'scale_attn_weights', 'scale_attn_by_inverse_layer_idx', 'pad_token_id'):
            del old[key]
        old.update(n_ctx=old['n_positions'], task_specific_params={'text-generation': {'do_sample': True}})
    else:
        rope = dict(new['rope_parameters'])
        old.update(rope_theta=rope['rope_theta'], rope_scaling=None)
        if rope['rope_type'] not in ('default', 'longrope'):
            old['rope_scaling'] = {key: value for key, value in rope.items() if key != 'rope_theta'}
        if new['model_type'] == 'phi3':
            old.update(attention_bias=False, auto_map={'AutoConfig': 'configuration_phi3.Phi3Config'})
        if rope.get('partial_rotary_factor', 1.0) != 1.0:
            old['partial_rotary_factor'] = rope['partial_rotary_factor']
        if rope['rope_type'] == 'longrope':
            factors = {key: rope[key] for key in ('long_factor', 'short_factor')}
            old['rope_scaling'] = {**factors, 'type': 'su' if spec.get('su') else 'longrope'}
    with open(path, 'w', encoding='utf8') as file:
        json.dump(dict(sorted(old.items())), file, indent=2)
        file.write('\n')


def old_gemma3_rope(config):
    full, sliding = (config['rope_parameters'][kind] for kind in ('full_attention', 'sliding_attention'))
    scaling = {key: value for key, value in full.items() if key != 'rope_theta'}
    return {
        'rope_theta': full['rope_theta'], 'rope_local_base_freq': sliding['rope_theta'],
        'rope_scaling': None if scaling['rope_type'] == 'default' else scaling,
    }


def make_cases(model, generator):
    """The cases, each with the first prompt and vectors drawn that make a fair and telling one."""
    config = model.config.get_text_config()
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
    config = model.config.get_text_config()
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


def features_matter(model, name, spec, cases):
    """Whether each change of the config listed in the fixture changes the logits."""
    judge = spec.get('judge', ('plain',))
    prompts = [case['input_ids'] for case in cases if case['name'] in judge]
    smallest = float('inf')
    for change in spec['without']:
        other = build(name, {**spec['config'], **change}).eval()
        other.load_state_dict(model.state_dict())
        other.set_attn_implementation('eager')
        effect = max(
            relative_change(forward(model, ids)[0], forward(other, ids)[0]) for ids in prompts
        )
        smallest = min(smallest, effect)
        print(f'    {change}: logits change by {effect:.3f} of their deviation')
    return smallest >= SMALLEST_EFFECT


def make(name):
    spec, folder = FIXTURES[name], os.path.join(ROOT, name)
    for seed in range(20):
        make_checkpoint(folder, name, spec, seed)
        model = load(folder)
        cases = make_cases(model, torch.Generator().manual_seed(1000 + seed))
        if features_matter(model, name, spec, cases):
            break
    else:
        sys.exit(f'{name}: no seed will do')
    tensors, listed, margins = compute(model, cases, NEW_TOKENS)
    write(os.path.join(folder, 'reference.safetensors'), tensors, listed)
    if spec.get('su'):
        write_old_config(folder, spec)
    for file in os.listdir(folder):
        os.chmod(os.path.join(folder, file), 0o644)
    size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))
    print(f'{name}: seed {seed}, {size / 1024:.0f} KB, smallest margin {min(margins.values()):.3f}')
    for case in cases:
        print(f'    {case["name"]:12} {tensors[case["name"] + ".generated"].tolist()}')


# Tied checkpoints of one file, and their embedding.
TIES = {
    'gemma2-gqa': 'model.embed_tokens.weight',
    'gpt2-bare-masks': 'wte.weight',
    'mistral-narrow-tied-f16': 'model.embed_tokens.weight',
    'phi3-partial-tied-f16': 'model.embed_tokens.weight',
}
TIES_IDS = [2, 11, 5, 42, 7]


def make_ties():
    """What transformers makes of every combination of `tie_word_embeddings`, an embedding that is
    there or not, and a head that is not there, equal to it, or its rows in reverse: the logits of
    the last of five tokens, or the name of the tensor that it misses (and would fill at random)."""
    result = {'transformers': transformers.__version__, 'ids': TIES_IDS, 'cases': []}
    for name, embedding in TIES.items():
        for tie in (True, False, None):
            for head in (None, 'same', 'reversed'):
                for embed in ((True, False) if head else (True,)):
                    case = {'name': name, 'embedding': embedding, 'tie': tie, 'embed': embed, 'head': head}
                    result['cases'].append({**case, **load_tied(**case)})
    path = os.path.join(ROOT, 'ties.json')
    with open(path, 'w', encoding='utf8') as file:
        lines = ',\n  '.join(json.dumps(case) for case in result.pop('cases'))
        file.write(json.dumps(result)[:-1] + f', "cases": [\n  {lines}\n]}}\n')


def load_tied(name, embedding, tie, embed, head):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(ROOT, name, 'config.json'), encoding='utf8') as file:
            config = {**json.load(file), 'tie_word_embeddings': tie}
        if tie is None:
            del config['tie_word_embeddings']
        with open(os.path.join(folder, 'config.json'), 'w', encoding='utf8') as file:
            json.dump(config, file)
        tensors = load_file(os.path.join(ROOT, name, 'model.safetensors'))
        table = tensors[embedding] if embed else tensors.pop(embedding)
        if head:
            tensors['lm_head.weight'] = table.flip(0) if head == 'reversed' else table.clone()
        save_file(tensors, os.path.join(folder, 'model.safetensors'), {'format': 'pt'})
        model, info = CLASSES[name.split('-')[0]][1].from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True,
        )
    if info['missing_keys']:
        return {'missing': sorted(info['missing_keys'])}
    model.set_attn_implementation('eager')
    logits = forward(model.eval(), TIES_IDS)[0][-1]
    return {'logits': [float(f'{x:.6g}') for x in logits.tolist()]}


if __name__ == '__main__':
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    known = [*FIXTURES, 'ties']
    unknown = [name for name in sys.argv[1:] if name not in known]
    if unknown:
        print(f'There is no fixture {unknown[0]}, only {", ".join(known)}.', file=sys.stderr)
        sys.exit(2)
    for name in sys.argv[1:] or known:
        make_ties() if name == 'ties' else make(name)
