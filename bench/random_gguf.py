#!/usr/bin/env python3
"""Writes a Qwen2 folder of tools/random_model.py as a bfloat16 GGUF file with a vocabulary of made-up words, for the rivals of
bench/engine_rivals.py: bench/random_gguf.py FOLDER OUT.gguf. `llama-quantize` makes the quantized ones of it.

Needs numpy and gguf (`pip install gguf`).
"""
import json
import pathlib
import struct
import sys

import gguf
import numpy

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def gguf_name(name):
    part, kind = name.rsplit(".", 1)
    if part in OUTSIDE:
        return f"{OUTSIDE[part]}.{kind}"
    _, _, block, inner = part.split(".", 3)
    return f"blk.{block}.{NAMES[inner]}.{kind}"


def tensors_of(path):
    """Name and bfloat16 patterns of each tensor of a safetensors file."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    data = numpy.memmap(path, mode="r", offset=8 + length)
    for name, tensor in header.items():
        first, end = tensor["data_offsets"]
        yield name, data[first:end].view(numpy.uint16).reshape(tensor["shape"])


def add_vocabulary(writer, size):
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([f"w{i}" for i in range(size)])
    writer.add_token_types([gguf.TokenType.NORMAL] * size)
    writer.add_token_merges(["w 0"])
    writer.add_eos_token_id(size - 1)
    writer.add_bos_token_id(size - 1)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(sys.argv[2], "qwen2")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(float(config["rope_theta"]))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    add_vocabulary(writer, config["vocab_size"])
    for path in sorted(folder.glob("*.safetensors")):
        for name, patterns in tensors_of(path):
            if patterns.ndim == 1:
                floats = (patterns.astype(numpy.uint32) << 16).view(numpy.float32)
                writer.add_tensor(gguf_name(name), floats)
            else:
                writer.add_tensor(gguf_name(name), patterns.view(numpy.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
