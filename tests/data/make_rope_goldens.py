"""Inverse RoPE frequencies of the studied models, from the formula that transformers implements, in numpy float64.

    pip install numpy
    python make_rope_goldens.py        writes model/rope_frequencies.json

transformers (modeling_rope_utils, rope types "default" and "llama3"): inv_freq = theta^(-2i/d); with llama3 scaling a
wavelength above original/low is divided by factor, one below original/high stays, and between them
smooth = (original/wavelength - low) / (high - low) blends the two.
"""
import json
import pathlib

import numpy as np

CASES = {
    "DeepSeek-R1-Distill-Qwen-1.5B": (10000.0, 128, None),
    "DeepSeek-R1-Distill-Qwen-32B": (1e6, 128, None),
    "DeepSeek-R1-Distill-Llama-8B": (5e5, 128, (8.0, 1.0, 4.0, 8192)),
    "llama-tiny": (5e5, 32, (8.0, 1.0, 4.0, 64)),
}


def frequencies(theta, dim, scaling):
    plain = theta ** (-np.arange(0, dim, 2, dtype=np.float64) / dim)
    if scaling is None:
        return plain
    factor, low, high, original = scaling
    wavelength = 2 * np.pi / plain
    smooth = (original / wavelength - low) / (high - low)
    blended = (1 - smooth) * plain / factor + smooth * plain
    result = np.where(wavelength > original / low, plain / factor, plain)
    between = ~(wavelength < original / high) & ~(wavelength > original / low)
    return np.where(between, blended, result)


path = pathlib.Path(__file__).parent / "model" / "rope_frequencies.json"
path.write_text(json.dumps({name: list(frequencies(*case)) for name, case in CASES.items()}, indent=1) + "\n")
