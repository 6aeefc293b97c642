"""A Mistral fixture as a GGUF model without a tokenizer, for llama.cpp (needs pip's gguf and numpy).

    python scripts/llama_cpp/convert.py test/fixtures/mistral-wide-heads model.gguf
"""

import json
import struct
import sys

if {"-h", "--help"} & set(sys.argv) or len(sys.argv) != 3:
    sys.exit(print(__doc__))

import gguf
import numpy as np

folder, out = sys.argv[1:]
config = json.load(open(f"{folder}/config.json"))
heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]


def read_tensors(path):
    content = open(path, "rb").read()
    (size,) = struct.unpack("<Q", content[:8])
    data = content[8 + size :]
    kinds = {"F32": np.float32, "F16": np.float16}
    tensors = {}
    for name, info in json.loads(content[8 : 8 + size]).items():
        if name != "__metadata__":
            part = data[slice(*info["data_offsets"])]
            values = np.frombuffer(part, dtype=kinds[info["dtype"]])
            tensors[name] = values.reshape(info["shape"]).astype(np.float32)
    return tensors


def interleaved(weight, n):
    """llama.cpp rotates neighbouring numbers of a head, transformers its two halves."""
    rows, width = weight.shape
    pairs = weight.reshape(n, 2, rows // n // 2, width).swapaxes(1, 2)
    return np.ascontiguousarray(pairs.reshape(rows, width))


tensors = read_tensors(f"{folder}/model.safetensors")
writer = gguf.GGUFWriter(out, "llama")
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_block_count(config["num_hidden_layers"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(heads)
writer.add_head_count_kv(kv_heads)
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
writer.add_key_length(config["head_dim"])
writer.add_value_length(config["head_dim"])
writer.add_rope_dimension_count(config["head_dim"])
writer.add_vocab_size(config["vocab_size"])
writer.add_tokenizer_model("no_vocab")
writer.add_tensor("token_embd.weight", tensors["model.embed_tokens.weight"])
writer.add_tensor("output_norm.weight", tensors["model.norm.weight"])
writer.add_tensor("output.weight", tensors["lm_head.weight"])
NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
for layer in range(config["num_hidden_layers"]):
    for name, ours in NAMES.items():
        weight = tensors[f"model.layers.{layer}.{ours}.weight"]
        if name in ("attn_q", "attn_k"):
            weight = interleaved(weight, heads if name == "attn_q" else kv_heads)
        writer.add_tensor(f"blk.{layer}.{name}.weight", weight)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
