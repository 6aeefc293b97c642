#!/usr/bin/env python3
"""Writes the file that `verify` compares with, from any Hugging Face checkpoint folder.

    pip install torch transformers safetensors
    python scripts/write_reference.py path/to/model
    npx ts-node src/cli.ts verify path/to/model

The model runs in float32 with eager attention and without a key-value cache, so every number comes
from the plain computation. Without options there are five cases: two unsteered, one `add`, one
`project`, one with three edits. Other prompts, or other edits:

    python scripts/write_reference.py path/to/model --prompt "Why is the sky blue?" --prompt "Hi"
    python scripts/write_reference.py path/to/model --cases cases.json --new-tokens 32

cases.json is a list of {"name": "a", "prompt": "text" or "input_ids": [2, 7, ...], "steer": [...]},
each edit {"kind": "add", "layer": 3, "weight": 20} or {"kind": "project", "layer": 3, "target": 5},
with "vector": [...] (it is brought to unit length) or a random one where none is given.

The file, read by src/verify/reference.ts: the metadata `cases` lists {"name", "steer"} as above, and per case
there are the tensors {name}.input_ids I32 [T], .logits F32 [T, V], .resid_post F32 [L, T, D] (block
outputs after the edits), .generated I32 [N] (greedy, no stop ids) and .steer.{j}.vector F32 [D].
"""
import argparse
import json
import os
import platform
import sys


def read_words():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('model', help='checkpoint folder (config.json, *.safetensors)')
    parser.add_argument('--out', help='default: reference.safetensors in the folder')
    parser.add_argument('--cases', help='JSON file with the cases')
    parser.add_argument('--prompt', action='append', help='text of a prompt; may be repeated')
    parser.add_argument('--new-tokens', type=int, default=12, help='default 12')
    parser.add_argument('--seed', type=int, default=0, help='of random vectors and ids')
    return parser.parse_args()


# Before what it takes seconds to import, and --help does not need.
ARGS = read_words() if __name__ == '__main__' else None

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPTS = [
    'Describe how bread is made.',
    'Write a short note to a neighbour who has lent you a ladder for the weekend.',
    'Why do leaves change colour in autumn?',
    'Tell me something about the history of clocks, and why people began to carry them.',
    'Name three rivers.',
]
# Of the standard deviation of the logits; below it, rounding alone could flip a greedy choice.
SMALLEST_MARGIN = 1e-2


def load(folder):
    """The checkpoint in float32, whatever its stored dtype."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation='eager'
    )
    return model.eval().requires_grad_(False)


def blocks_of(model):
    """The list of decoder blocks, under the names that the families give it."""
    for path in ('model.layers', 'model.language_model.layers', 'transformer.h', 'gpt_neox.layers', 'model.decoder.layers'):
        found = model
        for name in path.split('.'):
            found = getattr(found, name, None)
        if found is not None:
            return found
    sys.exit(f'No list of decoder blocks found in {type(model).__name__}.')


def edited(h, steers):
    """h [1, T, D] after one block's edits, in the listed order."""
    for steer in steers:
        u = steer['vector']
        if steer['kind'] == 'add':
            h = h + steer['weight'] * u
        else:
            h = h + (steer['target'] - h @ u)[..., None] * u
    return h


@torch.no_grad()
def forward(model, ids, steers=()):
    """ids [T] -> logits [T, V] and the edited output of every block, [L, T, D]."""
    resid = []

    def hook(layer):
        mine = [steer for steer in steers if steer['layer'] == layer]

        def after_block(_module, _inputs, output):
            is_tuple = isinstance(output, tuple)
            h = edited(output[0] if is_tuple else output, mine)
            resid.append(h[0].clone())
            return (h, *output[1:]) if is_tuple else h

        return after_block

    handles = [block.register_forward_hook(hook(l)) for l, block in enumerate(blocks_of(model))]
    try:
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    return logits.float(), torch.stack(resid).float()


def continue_greedily(model, ids, steers, count):
    """`count` greedy tokens after ids, and the smallest lead of a winner over its runner-up,
    relative to the standard deviation of the logits."""
    ids, margin = list(ids), float('inf')
    for _ in range(count):
        last = forward(model, ids, steers)[0][-1]
        first, second = last.topk(2).values.tolist()
        margin = min(margin, (first - second) / last.std().item())
        ids.append(last.argmax().item())
    return ids[len(ids) - count :], margin


def random_unit(width, generator):
    v = torch.randn(width, generator=generator)
    return v / v.norm()


def default_cases(model, prompts, generator):
    """Five cases over the given id lists; the strength of an edit is set against the size of the
    residual stream where it acts."""
    n_layers = len(blocks_of(model))
    size = forward(model, prompts[0])[1].norm(dim=-1).mean(dim=1).tolist()
    early, late = n_layers // 3, max(n_layers // 3, n_layers - 2)
    add = {'kind': 'add', 'layer': early, 'weight': round(0.6 * size[early], 3)}
    project = {'kind': 'project', 'layer': late, 'target': round(0.6 * size[late], 3)}
    same_layer = {'kind': 'project', 'layer': early, 'target': round(-0.5 * size[early], 3)}
    steers = [[], [], [add], [project], [add, same_layer, project]]
    names = ['plain', 'plain-2', 'add', 'project', 'composed']
    return [
        {'name': name, 'input_ids': prompts[i % len(prompts)], 'steer': [dict(s) for s in list_]}
        for i, (name, list_) in enumerate(zip(names, steers))
    ]


def fill_vectors(cases, width, generator):
    """Every edit gets its unit vector [D]: the given direction, or a random one."""
    for case in cases:
        for steer in case['steer']:
            if 'vector' in steer:
                v = torch.tensor(steer['vector'], dtype=torch.float32)
                steer['vector'] = v / v.norm()
            else:
                steer['vector'] = random_unit(width, generator)
    return cases


def compute(model, cases, new_tokens):
    """Runs the cases. Returns the tensors, the `cases` of the metadata, and per case its margin."""
    tensors, listed, margins = {}, [], {}
    for case in cases:
        name, ids, steers = case['name'], case['input_ids'], case['steer']
        logits, resid = forward(model, ids, steers)
        generated, margins[name] = continue_greedily(model, ids, steers, new_tokens)
        tensors[f'{name}.input_ids'] = torch.tensor(ids, dtype=torch.int32)
        tensors[f'{name}.logits'] = logits.contiguous()
        tensors[f'{name}.resid_post'] = resid.contiguous()
        tensors[f'{name}.generated'] = torch.tensor(generated, dtype=torch.int32)
        for j, steer in enumerate(steers):
            tensors[f'{name}.steer.{j}.vector'] = steer['vector'].contiguous()
        plain = [{k: v for k, v in steer.items() if k != 'vector'} for steer in steers]
        listed.append({'name': name, 'steer': plain})
    return tensors, listed, margins


def write(path, tensors, listed):
    save_file(tensors, path, {
        'cases': json.dumps(listed),
        'torch': torch.__version__,
        'transformers': transformers.__version__,
        'python': platform.python_version(),
        'computed': 'float32, eager attention, no cache',
    })


def read_prompts(args, model):
    """Id lists from --prompt, from our own prompts, or random where there is no tokenizer."""
    # Asked for by file: without one, transformers makes up an empty tokenizer.
    files = ('tokenizer.json', 'tokenizer.model', 'vocab.json')
    has_tokenizer = any(os.path.exists(os.path.join(args.model, file)) for file in files)
    tokenizer = AutoTokenizer.from_pretrained(args.model) if has_tokenizer else None
    if tokenizer is not None:
        return [tokenizer(text)['input_ids'] for text in args.prompt or PROMPTS], tokenizer
    if args.prompt:
        sys.exit(f'{args.model} has no tokenizer: give "input_ids" with --cases.')
    draw = torch.Generator().manual_seed(args.seed)
    vocab = model.config.get_text_config().vocab_size
    lengths = [7, 14, 3, 20, 11]
    return [torch.randint(vocab, (n,), generator=draw).tolist() for n in lengths], None


def main(args):
    transformers.utils.logging.disable_progress_bar()
    model = load(args.model)
    generator = torch.Generator().manual_seed(args.seed)
    prompts, tokenizer = read_prompts(args, model)
    if args.cases:
        with open(args.cases, encoding='utf8') as file:
            cases = json.load(file)
        for i, case in enumerate(cases):
            if 'input_ids' not in case:
                if tokenizer is None:
                    sys.exit(f'{args.cases}, case {i}: "prompt" needs a tokenizer in {args.model}.')
                case['input_ids'] = tokenizer(case['prompt'])['input_ids']
            case.setdefault('name', f'case-{i}')
            case.setdefault('steer', [])
    else:
        cases = default_cases(model, prompts, generator)
    cases = fill_vectors(cases, model.config.get_text_config().hidden_size, generator)

    tensors, listed, margins = compute(model, cases, args.new_tokens)
    out = args.out or os.path.join(args.model, 'reference.safetensors')
    write(out, tensors, listed)
    for name, margin in margins.items():
        note = '' if margin >= SMALLEST_MARGIN else '  near tie: another backend may choose otherwise'
        tokens = tensors[f'{name}.generated'].tolist()
        print(f'{name:10} {len(tensors[f"{name}.input_ids"]):4} tokens -> {tokens}  margin {margin:.3f}{note}')
    print(f'wrote {out}')


if __name__ == '__main__':
    main(ARGS)
