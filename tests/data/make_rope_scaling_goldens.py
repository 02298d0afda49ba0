"""RoPE scalings as transformers computes them: frequencies, attention factors, logits of a tiny Llama.

    pip install torch transformers==5.24.0
    python make_rope_scaling_goldens.py      writes model/rope_scaling.json and model/rope_scaling.safetensors
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

FOLDER = pathlib.Path(__file__).parent / "model"

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
# rope_parameters without rope_theta; theta, head_dim, max_position_embeddings; the lengths of a forward.
FREQUENCIES = [
    ({"rope_type": "linear", "factor": 8.0}, 1e4, 128, 16384, [None]),
    ({"rope_type": "linear", "factor": 2.5}, 5e5, 80, 4096, [None]),
    ({"rope_type": "dynamic", "factor": 2.0}, 1e4, 128, 4096, [None, 4000, 4096, 4097, 6000, 8192]),
    ({"rope_type": "dynamic", "factor": 8.0}, 1e6, 64, 2048, [2049, 16000]),
    (YARN, 1e6, 128, 131072, [None]),
    (YARN, 1e6, 128, 32768, [None]),
    ({"rope_type": "yarn", "factor": 1.0}, 1e4, 64, 2048, [None]),
    ({**YARN, "attention_factor": 1.25}, 1e6, 128, 131072, [None]),
    ({**YARN, "beta_fast": 16, "beta_slow": 2.0}, 1e4, 64, 131072, [None]),
    ({**YARN, "beta_fast": 0, "beta_slow": 0}, 1e4, 64, 131072, [None]),
    ({**YARN, "truncate": False}, 1e4, 96, 131072, [None]),
    ({**YARN, "factor": 40.0, "original_max_position_embeddings": 4096, "mscale": 0.707, "mscale_all_dim": 1.0}, 1e4,
     64, 163840, [None]),
    ({**YARN, "mscale": 0.5}, 1e4, 64, 131072, [None]),
    ({"rope_type": "yarn", "factor": 16.0}, 5e5, 128, 8192, [None]),
    ({"rope_type": "yarn", "factor": None, "original_max_position_embeddings": 1024}, 1e4, 64, 6144, [None]),
]

SHAPE = dict(vocab_size=40, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
             num_key_value_heads=1, head_dim=16, max_position_embeddings=16, rms_norm_eps=1e-5,
             tie_word_embeddings=True, bos_token_id=0, eos_token_id=1)
# Names, rope_parameters (theta 100: the slow pairs turn within the few positions), lengths of the first forward. What
# follows it up to TOKENS is fed token by token, as generate() does it.
TOKENS = 24
MODELS = [
    ("linear", {"rope_type": "linear", "factor": 4.0}, [24]),
    ("dynamic", {"rope_type": "dynamic", "factor": 3.0}, [24, 18, 10]),
    ("yarn", {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8}, [24]),
    ("yarn_mscale", {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 8, "mscale": 1.0,
                     "mscale_all_dim": 0.3, "truncate": False, "beta_fast": 4, "beta_slow": 1}, [24]),
]


def config_with(parameters, theta, **shape):
    return LlamaConfig(rope_parameters={**parameters, "rope_theta": theta}, **shape)


def frequency_rows():
    for parameters, theta, head_dim, positions, lengths in FREQUENCIES:
        config = config_with(parameters, theta, hidden_size=2 * head_dim, num_attention_heads=2, head_dim=head_dim,
                             max_position_embeddings=positions)
        for length in lengths:
            # The length comes as a tensor, as the forward of a model gives it.
            seq_len = None if length is None else torch.tensor(length)
            inverse, factor = ROPE_INIT_FUNCTIONS[parameters["rope_type"]](config, "cpu", seq_len=seq_len)
            yield {"rope_parameters": {**parameters, "rope_theta": theta}, "head_dim": head_dim,
                   "max_position_embeddings": positions, "length": length, "attention_factor": factor,
                   "inverse_frequencies": inverse.tolist()}


@torch.no_grad()
def logits_of(model, tokens, first):
    rows = model(tokens[:, :first], use_cache=True)
    logits, cache = [rows.logits], rows.past_key_values
    for position in range(first, tokens.shape[1]):
        rows = model(tokens[:, position:position + 1], past_key_values=cache, use_cache=True)
        logits.append(rows.logits)
    return torch.cat(logits, dim=1)[0]


def write_models():
    torch.manual_seed(5)
    state = {name: torch.randn_like(value) * (0.25 if value.dim() == 2 else 0.1) + (value.dim() == 1)
             for name, value in LlamaForCausalLM(LlamaConfig(**SHAPE)).state_dict().items() if name != "lm_head.weight"}
    tokens = torch.randint(0, SHAPE["vocab_size"], (1, TOKENS))
    tensors = {f"weights.{name}": value.contiguous() for name, value in state.items()}
    tensors["tokens"] = tokens[0].to(torch.int32)
    rows = []
    for name, parameters, firsts in MODELS:
        config = config_with(parameters, 100.0, **SHAPE)
        for first in firsts:
            model = LlamaForCausalLM(config).eval()
            model.load_state_dict(state, strict=False)
            model.tie_weights()
            key = f"logits.{name}.{first}"
            tensors[key] = logits_of(model, tokens, first).contiguous()
            rows.append({"logits": key, "first": first,
                         "config": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **SHAPE,
                                    "rope_parameters": {**parameters, "rope_theta": 100.0}, "dtype": "float32"}})
    save_file(tensors, FOLDER / "rope_scaling.safetensors")
    return rows


golden = {"frequencies": list(frequency_rows()), "models": write_models()}
text = ",\n".join(f'"{key}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for key, rows in golden.items())
(FOLDER / "rope_scaling.json").write_text("{\n" + text + "\n}\n")
