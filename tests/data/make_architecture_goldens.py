"""Tiny random models of every architecture, written by transformers, and their logits in float64.

    pip install torch transformers==5.24.0 numpy
    python make_architecture_goldens.py      writes model/architectures/NAME/{config.json,model.safetensors,golden.safetensors}

Weights are bfloat16 numbers. The norms of transformers compute in float32 whatever the model has; here they are
replaced by the same formula in the model's type, so that the logits are float64's but for float32 rotary angles.
"""
import json
import pathlib

import torch
import transformers
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent / "model" / "architectures"
TOKENS = 24
SHAPE = dict(vocab_size=40, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, head_dim=12, max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=0,
             eos_token_id=1, tie_word_embeddings=False)
ROPE = {"rope_type": "default", "rope_theta": 100.0}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 1000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}
QWEN2_SHAPE = dict(hidden_size=48, head_dim=None)  # its class has no head_dim: 48 / 4
# Names, classes, what differs from SHAPE.
MODELS = [
    ("qwen3", "Qwen3", dict(rope_parameters=ROPE)),
    ("qwen3-tied-biased", "Qwen3", dict(rope_parameters=ROPE, tie_word_embeddings=True, attention_bias=True)),
    ("qwen3-types", "Qwen3", dict(rope_parameters=ROPE, use_sliding_window=True, sliding_window=6,
                                  layer_types=["sliding_attention", "full_attention"])),
    ("qwen2-window", "Qwen2", dict(rope_parameters=ROPE, use_sliding_window=True, sliding_window=7, max_window_layers=1,
                                   **QWEN2_SHAPE)),
    ("mistral", "Mistral", dict(rope_parameters=ROPE, sliding_window=5)),
    ("mistral-full", "Mistral", dict(rope_parameters=ROPE, sliding_window=None)),
    ("llama3", "Llama", dict(rope_parameters=LLAMA3, tie_word_embeddings=True, attention_bias=True, mlp_bias=True)),
]


def exact_norm(self, x):
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


def randomize(model, generator):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                values = 1 + 0.2 * noise
            elif parameter.dim() == 1:
                values = 0.5 * noise
            else:
                values = noise * (1.5 / parameter.shape[1] ** 0.5)
            parameter.copy_(values.to(torch.bfloat16))


def write(name, kind, difference):
    config_class = getattr(transformers, f"{kind}Config")
    model_class = getattr(transformers, f"{kind}ForCausalLM")
    shape = {key: value for key, value in {**SHAPE, **difference}.items() if value is not None or key == "sliding_window"}
    model = model_class(config_class(**shape))
    seed = sum(ord(letter) for letter in name)
    randomize(model, torch.Generator().manual_seed(seed))
    folder = FOLDER / name
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == [f"{kind}ForCausalLM"], config
    # Read again: a model that was bfloat16 has rotary frequencies that were rounded to it.
    model = model_class.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            type(module).forward = exact_norm
    tokens = torch.randint(0, SHAPE["vocab_size"], (1, TOKENS), generator=torch.Generator().manual_seed(seed + 1))
    with torch.no_grad():
        logits = model(tokens).logits[0]
    save_file({"tokens": tokens[0].to(torch.int32), "logits": logits.contiguous()}, folder / "golden.safetensors")
    print(name, f"logits of size {logits.std():.3f}")


if __name__ == "__main__":
    for one in MODELS:
        write(*one)
