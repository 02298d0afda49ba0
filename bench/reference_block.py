"""One Qwen2 or Llama block in plain PyTorch, for the partners of qreason's calibration: weights from a folder of safetensors,
inputs the embeddings of token ids."""
import argparse
import json
import pathlib
import struct
import sys
import time

import torch
import torch.nn.functional as F

LINEARS = {"q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
           "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj"}
TYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16, "I32": torch.int32, "I64": torch.int64}


def read_safetensors(path, wanted):
    """{name: tensor} of the names that wanted(name) asks for."""
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    found = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__" or not wanted(name):
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        found[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=TYPES[entry["dtype"]]).reshape(entry["shape"])
    return found


def read_options(sequences, **numbers):
    """The options that all partners have, and whole numbers of their own with their defaults; libtorch's threads are set."""
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("tokens")
    options.add_argument("--device", default="cpu")
    for name, default in {"threads": 2, "sequences": sequences, **numbers}.items():
        options.add_argument(f"--{name}", type=int, default=default)
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_default_device(options.device)
    return options


def read_tokens(options):
    """Token ids [sequences, length], the first of the file's only tensor."""
    return next(iter(read_safetensors(options.tokens, lambda name: True).values()))[:options.sequences].long().to(options.device)


class Block:
    """The first block of a model; w and b by short name, float32."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.config = json.loads((folder / "config.json").read_text())
        tensors = {}
        for path in sorted(folder.glob("*.safetensors")):
            found = read_safetensors(path, lambda n: n.startswith("model.layers.0.") or "embed_tokens" in n)
            tensors.update({name: value.to(torch.get_default_device()) for name, value in found.items()})
        self.embedding = tensors["model.embed_tokens.weight"].float()
        own = {name.removeprefix("model.layers.0."): value.float() for name, value in tensors.items()}
        self.w = {short: own[name + ".weight"] for short, name in LINEARS.items()}
        self.b = {short: own.get(name + ".bias") for short, name in LINEARS.items()}
        self.norms = {"input": own["input_layernorm.weight"], "post": own["post_attention_layernorm.weight"]}
        self.heads = self.config["num_attention_heads"]
        self.kv_heads = self.config["num_key_value_heads"]
        self.head_dim = self.w["q"].shape[0] // self.heads

    def norm(self, h, which):
        scale = torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + self.config["rms_norm_eps"])
        return self.norms[which] * (h * scale)

    def rotate(self, x):
        """x [sequences, heads, length, head_dim]"""
        half = self.head_dim // 2
        frequency = self.config["rope_theta"] ** (-torch.arange(half, dtype=torch.float32) / half)
        angle = torch.arange(x.shape[-2], dtype=torch.float32)[:, None] * frequency
        cos, sin = angle.cos(), angle.sin()
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def split(self, x, heads):
        return x.unflatten(-1, (heads, self.head_dim)).transpose(1, 2)

    def linear(self, name, x, w=None):
        return F.linear(x, self.w[name] if w is None else w[name], self.b[name])

    def attend(self, q, k, v):
        """Causal attention over [sequences, heads, length, head_dim]; [sequences, length, heads * head_dim]."""
        group = self.heads // self.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(-2)

    def attention(self, x, w=None):
        """The inputs of o."""
        q, k = (self.rotate(self.split(self.linear(n, x, w), c)) for n, c in (("q", self.heads), ("k", self.kv_heads)))
        return self.attend(q, k, self.split(self.linear("v", x, w), self.kv_heads))

    def middle(self, m, w=None):
        return F.silu(self.linear("gate", m, w)) * self.linear("up", m, w)


class Stages:
    """Seconds by name: of the clock, and of the processor over all threads."""

    def __init__(self):
        self.seconds, self.processor, self.last = {}, {}, self.now()

    @staticmethod
    def now():
        if torch.get_default_device().type != "cpu":
            torch.accelerator.synchronize()
        return time.perf_counter(), time.process_time()

    def done(self, name):
        now = self.now()
        for times, begin, end in zip((self.seconds, self.processor), self.last, now):
            times[name] = times.get(name, 0) + end - begin
        print(f"{name}: {now[0] - self.last[0]:.2f} s, processor {now[1] - self.last[1]:.2f} s", file=sys.stderr, flush=True)
        self.last = now

    def report(self, **more):
        print(json.dumps({"seconds": self.seconds, "processor": self.processor, **more}), flush=True)
