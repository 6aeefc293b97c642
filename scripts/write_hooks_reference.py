#!/usr/bin/env python3
"""Writes what transformers has at the hook points of docs/hooks.md, for test/src/engine/hooks.test.ts.

    pip install torch==2.13.0 transformers==5.18.0 safetensors
    python scripts/write_hooks_reference.py test/fixtures/gemma2-gqa ...

The model runs in float32 with eager attention and without a cache. {folder}/hooks.safetensors has
`input_ids` I32 [T], and under the names of the points of the first two blocks:
attn.hook_q, hook_k, hook_v and hook_z F32 [T, heads, d], attn.hook_attn_scores and hook_pattern F32
[H, T, T] (the input and the output of the softmax), mlp.hook_post F32 [T, F], and
ln_final.hook_normalized F32 [T, D]. Where a score is hidden it is the smallest float.
"""
import os
import sys

if __name__ == '__main__' and ({'-h', '--help'} & set(sys.argv) or len(sys.argv) < 2):
    sys.exit(print(__doc__))

import torch
import transformers
from safetensors.torch import save_file

from write_reference import blocks_of, load

BLOCKS = 2
IDS = [2, 17, 40, 5, 33, 8, 21]


def projections(block, config):
    """Of a block: the modules that make queries, keys and values, with the heads of each part of
    their output, and the modules whose inputs are z and the neurons."""
    heads = config.num_attention_heads
    kv = getattr(config, 'num_key_value_heads', None) or heads
    if hasattr(block, 'attn'):  # GPT-2
        return [(block.attn.c_attn, {'q': heads, 'k': heads, 'v': heads})], block.attn.c_proj, block.mlp.c_proj
    attn = block.self_attn
    if hasattr(attn, 'qkv_proj'):
        return [(attn.qkv_proj, {'q': heads, 'k': kv, 'v': kv})], attn.o_proj, block.mlp.down_proj
    made = [(attn.q_proj, {'q': heads}), (attn.k_proj, {'k': kv}), (attn.v_proj, {'v': kv})]
    return made, attn.o_proj, block.mlp.down_proj


def final_norm(model):
    if hasattr(model, 'transformer'):
        return model.transformer.ln_f
    return getattr(model.model, 'language_model', model.model).norm


@torch.no_grad()
def record(model, ids):
    """The values at the points, by name."""
    found, handles, softmaxes = {}, [], []
    heads = model.config.get_text_config().num_attention_heads

    def keep_output(name, parts):
        def hook(_module, _inputs, output):
            width = output.shape[-1] // sum(parts.values())
            pieces = output[0].split([n * width for n in parts.values()], dim=-1)
            for part, piece in zip(parts, pieces):
                found[f'{name}_{part}'] = piece.reshape(len(ids), -1, width)
        return hook

    def keep_input(name, *shape):
        def hook(_module, inputs):
            found[name] = inputs[0][0].reshape(len(ids), *shape)
        return hook

    for layer, block in enumerate(blocks_of(model)[:BLOCKS]):
        at = f'blocks.{layer}'
        made, out, down = projections(block, model.config.get_text_config())
        for module, parts in made:
            handles.append(module.register_forward_hook(keep_output(f'{at}.attn.hook', parts)))
        handles.append(out.register_forward_pre_hook(keep_input(f'{at}.attn.hook_z', heads, -1)))
        handles.append(down.register_forward_pre_hook(keep_input(f'{at}.mlp.hook_post', -1)))
    handles.append(final_norm(model).register_forward_hook(
        lambda _module, _inputs, output: found.update({'ln_final.hook_normalized': output[0]})
    ))

    functional = torch.nn.functional
    softmax = functional.softmax

    def watched(scores, *args, **kwargs):
        shares = softmax(scores, *args, **kwargs)
        softmaxes.append((scores[0], shares[0]))
        return shares

    functional.softmax = watched
    try:
        model(input_ids=torch.tensor([ids]), use_cache=False)
    finally:
        functional.softmax = softmax
        for handle in handles:
            handle.remove()
    if len(softmaxes) != len(blocks_of(model)):
        sys.exit(f'{len(softmaxes)} softmaxes in {len(blocks_of(model))} blocks.')
    for layer, (scores, shares) in enumerate(softmaxes[:BLOCKS]):
        found[f'blocks.{layer}.attn.hook_attn_scores'] = scores
        found[f'blocks.{layer}.attn.hook_pattern'] = shares
    return found


def main(folders):
    for folder in folders:
        found = record(load(folder), IDS)
        tensors = {name: value.float().contiguous().clone() for name, value in found.items()}
        tensors['input_ids'] = torch.tensor(IDS, dtype=torch.int32)
        out = os.path.join(folder, 'hooks.safetensors')
        save_file(tensors, out, {'transformers': transformers.__version__})
        os.chmod(out, 0o644)
        print(f'{out}: {len(tensors)} tensors, {os.path.getsize(out) / 1024:.0f} KB')


if __name__ == '__main__':
    transformers.utils.logging.disable_progress_bar()
    main(sys.argv[1:])
