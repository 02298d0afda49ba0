"""Goldens of ggml's block formats, from the reference dequantizers in the gguf package (numpy).

    pip install gguf==0.19.0 numpy
    python make_gguf_goldens.py SHARED_FOLDER

writes checkpoint/ggml_blocks.safetensors: for each type TYPE.blocks (U8 [n, bytes]) and TYPE.values (F32): random blocks,
extreme codes, and scales that are zero, subnormal, infinite and NaN; and checkpoint/gguf_tensors.json: SHA-256 of the
float32 values of every tensor of the files in SHARED_FOLDER/oracle/checkpoints/gguf, stored order.
"""
import hashlib
import json
import pathlib
import struct
import sys

import numpy as np
from gguf import GGMLQuantizationType as T, GGUFReader
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

HERE = pathlib.Path(__file__).parent / "checkpoint"
# Where the float16 scales lie in a block.
SCALES = {T.F32: [], T.F16: [0], T.BF16: [], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
          T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
SPECIAL = [0x0000, 0x8000, 0x0001, 0x83FF, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0xFE01]


def blocks_of(kind, rng):
    elements, size = GGML_QUANT_SIZES[kind]
    if kind in (T.F32, T.BF16, T.F16):
        return rng.integers(0, 256, (64, size), dtype=np.uint8)
    blocks = rng.integers(0, 256, (4 + len(SPECIAL), size), dtype=np.uint8)
    for offset in SCALES[kind]:
        sane = rng.normal(0, 0.05, len(blocks)).astype(np.float16).view(np.uint16)
        sane[4:] = rng.permutation(SPECIAL)
        blocks[:, offset:offset + 2] = sane.view(np.uint8).reshape(-1, 2)
    blocks[0, max(SCALES[kind], default=0) + 2 if kind != T.Q6_K else 0:size if kind != T.Q6_K else 208] = 255
    blocks[1, max(SCALES[kind], default=0) + 2 if kind != T.Q6_K else 0:size if kind != T.Q6_K else 208] = 0
    return blocks


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, array in sorted(tensors.items()):
        raw = array.tobytes()
        header[name] = {"dtype": {"uint8": "U8", "float32": "F32"}[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    rng = np.random.default_rng(2504)
    tensors = {}
    with np.errstate(all="ignore"):
        for kind in SCALES:
            blocks = blocks_of(kind, rng)
            if kind in (T.F32, T.F16):
                values = blocks.reshape(-1).view(np.float32 if kind == T.F32 else np.float16).astype(np.float32)
            else:
                values = dequantize(blocks, kind).astype(np.float32).reshape(-1)
            tensors[f"{kind.name}.blocks"], tensors[f"{kind.name}.values"] = blocks, values
    write_safetensors(HERE / "ggml_blocks.safetensors", tensors)
    sums = {}
    for path in sorted((pathlib.Path(sys.argv[1]) / "oracle/checkpoints/gguf").glob("*.gguf")):
        sums[path.name] = {}
        for tensor in GGUFReader(path).tensors:
            values = np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
            sums[path.name][tensor.name] = hashlib.sha256(values.tobytes()).hexdigest()
    (HERE / "gguf_tensors.json").write_text(json.dumps(sums, indent=1) + "\n")


main()
