#!/usr/bin/env python3
"""Writes a model of random weights in the shape of a config: tools/random_model.py CONFIG.json OUT [--blocks N] [--seed N].

For measuring time and memory at sizes whose real weights are not at hand: bfloat16 safetensors, one file a block, written
as it is made. Linears are normal with deviation 1/sqrt(columns), norm gains one, biases of queries, keys and values
(Qwen2) normal. The same seed gives the same bytes. Needs the Python that has torch: .venv/bin/python after `make setup`.
"""
import argparse
import ctypes
import json
import pathlib
import struct
import sys

import torch

PIECE = 1 << 24  # values made at a time


def block_shapes(config):
    hidden, intermediate = config["hidden_size"], config["intermediate_size"]
    heads = config["num_attention_heads"]
    head_dim = config.get("head_dim") or hidden // heads
    queries, keys = heads * head_dim, config.get("num_key_value_heads", heads) * head_dim
    biased = config["model_type"] == "qwen2" or config.get("attention_bias", False)
    shapes = {}
    for name, (rows, columns) in {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "mlp.gate_proj": (intermediate, hidden),
        "mlp.up_proj": (intermediate, hidden),
        "mlp.down_proj": (hidden, intermediate),
    }.items():
        shapes[name + ".weight"] = (rows, columns)
        if biased and name[-6] in "qkv" and name.startswith("self_attn"):
            shapes[name + ".bias"] = (rows,)
    shapes["input_layernorm.weight"] = shapes["post_attention_layernorm.weight"] = (hidden,)
    return shapes


def pieces_of(name, shape, generator):
    """The tensor's bytes, some rows at a time: an embedding need not lie in memory whole."""
    rows, columns = shape[0], shape[1] if len(shape) == 2 else 1
    step = max(1, PIECE // columns)
    for first in range(0, rows, step):
        count = min(step, rows - first) * columns
        if name.endswith("norm.weight"):
            values = torch.ones(count)
        else:
            values = torch.randn(count, generator=generator) * columns**-0.5
        values = values.to(torch.bfloat16)
        yield bytes((ctypes.c_char * (2 * count)).from_address(values.data_ptr()))


def write_file(path, shapes, generator):
    """A safetensors file: the length of the header, the header, the tensors in its order."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2 * torch.Size(shape).numel()
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "xb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            for piece in pieces_of(name, shape, generator):
                file.write(piece)
    return at


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--blocks", type=int, help="fewer blocks than the config has")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    config = json.loads(arguments.config.read_text())
    if arguments.blocks is not None:
        config["num_hidden_layers"] = arguments.blocks
        if "max_window_layers" in config:
            config["max_window_layers"] = arguments.blocks
    if arguments.out.exists():
        sys.exit(f"error: random_model: {arguments.out}: exists, expected a new folder")
    config["torch_dtype"] = "bfloat16"
    blocks, vocabulary, hidden = config["num_hidden_layers"], config["vocab_size"], config["hidden_size"]
    parts = [{f"model.layers.{i}.{name}": shape for name, shape in block_shapes(config).items()} for i in range(blocks)]
    outside = {"model.embed_tokens.weight": (vocabulary, hidden), "model.norm.weight": (hidden,)}
    if not config.get("tie_word_embeddings"):
        outside["lm_head.weight"] = (vocabulary, hidden)
    parts.append(outside)

    generator = torch.Generator().manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True)
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    index, total = {}, 0
    for i, shapes in enumerate(parts):
        name = f"model-{i + 1:05}-of-{len(parts):05}.safetensors"
        total += write_file(arguments.out / name, shapes, generator)
        index.update({tensor: name for tensor in shapes})
    index = {"metadata": {"total_size": total}, "weight_map": index}
    (arguments.out / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    print(f"{arguments.out}: {blocks} blocks, {total / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
