"""The little of the safetensors format that token ids and logits need."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

_TYPES = {"I32": np.dtype("<i4"), "F32": np.dtype("<f4")}


def write(path: Path, name: str, values: np.ndarray) -> None:
    kind = next(kind for kind, dtype in _TYPES.items() if dtype == values.dtype)
    entry = {"dtype": kind, "shape": list(values.shape), "data_offsets": [0, values.nbytes]}
    header = json.dumps({name: entry}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + np.ascontiguousarray(values).tobytes())


def read(path: Path, name: str) -> np.ndarray:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[name]
        begin, end = entry["data_offsets"]
        file.seek(8 + length + begin)
        values = np.frombuffer(file.read(end - begin), _TYPES[entry["dtype"]])
    return values.reshape(entry["shape"])
