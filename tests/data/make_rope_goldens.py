"""Inverse RoPE frequencies as transformers computes them in float32.

    pip install torch transformers==4.57.6
    python make_rope_goldens.py        writes model/rope_frequencies.json
"""
import json
import pathlib

import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

# theta, head_dim, llama3 scaling (factor, low, high, original): the studied models, llama-tiny, and odd sizes.
CASES = [
    (10000.0, 128, None), (1e6, 128, None), (5e5, 128, (8.0, 1.0, 4.0, 8192)), (5e5, 32, (8.0, 1.0, 4.0, 64)),
    (1e5, 64, None), (3.7e4, 80, None), (5e5, 40, (8.0, 1.0, 4.0, 256)), (1e6, 96, (4.0, 1.0, 8.0, 1024)),
]


def frequencies(theta, head_dim, llama3):
    config = LlamaConfig(hidden_size=2 * head_dim, num_attention_heads=2, head_dim=head_dim, rope_theta=theta,
                         max_position_embeddings=131072)
    if llama3 is None:
        inverse = 1.0 / (theta ** (torch.arange(0, head_dim, 2).float() / head_dim))
        return inverse.tolist()
    names = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
    config.rope_scaling = {"rope_type": "llama3", **dict(zip(names, llama3))}
    return ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")[0].tolist()


rows = [{"theta": t, "head_dim": d, "llama3": s, "inverse_frequencies": frequencies(t, d, s)} for t, d, s in CASES]
path = pathlib.Path(__file__).parent / "model" / "rope_frequencies.json"
path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
