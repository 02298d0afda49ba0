#!/usr/bin/env python3
"""Trains a small reasoning model on generated steps problems and writes it in the Hugging Face layout.

    train.py SHAPE --qreason build/qreason --tokenizer DIR --out DIR --work DIR [--seed 1] [--tokens 20e6]
             [--grow-from MODEL_DIR]

SHAPE is a row of SHAPES below. Needs torch and tokenizers. Runs on CUDA when there is one, else on the CPU with
--threads threads; killed and started again it goes on from its last checkpoint in --work. The optimizer is Muon for the
matrices of the blocks and AdamW for the rest; the schedule is a short warm-up, a plateau, and a linear decay over the
last part (--decay, 0.4) of --tokens, which may be raised while the plateau lasts. --grow-from starts a larger shape as
the same function as a trained smaller one, and goes on with the seeds that one did not use. --focus and --drills spend
more of the tokens on what is learned last. Only training problems are seen: the generator splits by a hash of the
numbers. OUT/learning_curve.csv and OUT/training.json record the run.
"""
import argparse
import dataclasses
import hashlib
import json
import math
import os
import pathlib
import subprocess
import time

import numpy
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from model_files import BOS, EOS, grow, write_model

USER, ASSISTANT = "<｜User｜>", "<｜Assistant｜>"
INSTRUCTION = "\n\nPlease reason step by step, and put your final answer within \\boxed{}."
KINDS = {"arithmetic", "multiplication", "equation", "remainder", "instructions", "ordering"}
FOCUS = 4  # --focus: of the other kinds one problem in so many
NAMES = ["Ann", "Bob", "Cara", "Dan", "Eva", "Finn", "Gina", "Hal", "Iris", "Jack", "Kate", "Leo"]
# Problems of one seed of the generator. Short ones come first: copying and calculating are learned from them.
CURRICULUM = [(0.6e6, {"easy": 3200}), (1.5e6, {"easy": 1600, "medium": 1600}),
              (math.inf, {"easy": 800, "medium": 1200, "hard": 1600})]  # until so many tokens


@dataclasses.dataclass
class Shape:
    architecture: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    tied: bool
    learning_rate: float = 0.003
    vocabulary: int = 768
    context: int = 640
    theta: float = 10000.0
    epsilon: float = 1e-6

    @property
    def bias(self):
        return self.architecture == "Qwen2ForCausalLM"


SHAPES = {
    "steps-qwen2-1m": Shape("Qwen2ForCausalLM", 128, 5, 4, 2, 32, 384, True, 0.004),
    "steps-qwen2-3m": Shape("Qwen2ForCausalLM", 256, 4, 4, 2, 64, 768, True),
    "steps-qwen2-8m": Shape("Qwen2ForCausalLM", 384, 5, 6, 2, 64, 896, False),
    "steps-llama-1m": Shape("LlamaForCausalLM", 128, 5, 4, 2, 32, 320, False, 0.004),
}


def rms_norm(x, weight, epsilon):
    return F.rms_norm(x, (x.shape[-1],), weight, epsilon)


class Block(torch.nn.Module):
    def __init__(self, s):
        super().__init__()
        self.shape = s
        linear = torch.nn.Linear
        self.input_layernorm = torch.nn.Parameter(torch.ones(s.hidden))
        self.post_attention_layernorm = torch.nn.Parameter(torch.ones(s.hidden))
        self.q_proj = linear(s.hidden, s.heads * s.head_dim, bias=s.bias)
        self.k_proj = linear(s.hidden, s.kv_heads * s.head_dim, bias=s.bias)
        self.v_proj = linear(s.hidden, s.kv_heads * s.head_dim, bias=s.bias)
        self.o_proj = linear(s.heads * s.head_dim, s.hidden, bias=False)
        self.gate_proj = linear(s.hidden, s.intermediate, bias=False)
        self.up_proj = linear(s.hidden, s.intermediate, bias=False)
        self.down_proj = linear(s.intermediate, s.hidden, bias=False)

    def forward(self, x, cosine, sine):
        s = self.shape
        batch, length, _ = x.shape
        h = rms_norm(x, self.input_layernorm, s.epsilon)
        q = rotate(self.q_proj(h).view(batch, length, s.heads, s.head_dim).transpose(1, 2), cosine, sine)
        k = rotate(self.k_proj(h).view(batch, length, s.kv_heads, s.head_dim).transpose(1, 2), cosine, sine)
        v = self.v_proj(h).view(batch, length, s.kv_heads, s.head_dim).transpose(1, 2)
        repeats = s.heads // s.kv_heads
        k, v = k.repeat_interleave(repeats, 1), v.repeat_interleave(repeats, 1)
        a = attention(q, k, v)
        x = x + self.o_proj(a.transpose(1, 2).reshape(batch, length, -1))
        h = rms_norm(x, self.post_attention_layernorm, s.epsilon)
        return x + self.down_proj(F.silu(self.gate_proj(h)) * self.up_proj(h))


def attention(q, k, v):
    """Causal attention by plain products: on a CPU, at these lengths, an eighth faster than PyTorch's own, backward
    included."""
    length = q.shape[2]
    mask = torch.full((length, length), float("-inf"), device=q.device).triu(1)
    scores = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5 + mask
    return torch.softmax(scores, -1).to(v.dtype) @ v


def rotate(x, cosine, sine):
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)


class Model(torch.nn.Module):
    def __init__(self, s):
        super().__init__()
        self.shape = s
        self.embed_tokens = torch.nn.Embedding(s.vocabulary, s.hidden)
        self.layers = torch.nn.ModuleList([Block(s) for _ in range(s.layers)])
        self.norm = torch.nn.Parameter(torch.ones(s.hidden))
        self.lm_head = None if s.tied else torch.nn.Linear(s.hidden, s.vocabulary, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                deviation = 0.02 if "embed" in name or "lm_head" in name else parameter.shape[1] ** -0.5
                if "o_proj" in name or "down_proj" in name:
                    deviation /= math.sqrt(2 * s.layers)
                torch.nn.init.normal_(parameter, std=deviation)
            elif name.endswith("bias"):
                torch.nn.init.zeros_(parameter)
        frequencies = s.theta ** (-torch.arange(0, s.head_dim, 2).float() / s.head_dim)
        angles = torch.arange(s.context).float()[:, None] * frequencies
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)

    def loss(self, tokens, targets):
        """Mean over the positions whose target is not -1."""
        length = tokens.shape[1]
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, self.cosine[:length], self.sine[:length])
        x = rms_norm(x, self.norm, self.shape.epsilon)
        head = self.embed_tokens.weight if self.lm_head is None else self.lm_head.weight
        return F.cross_entropy(F.linear(x, head).float().flatten(0, 1), targets.flatten(), ignore_index=-1)


class Traces:
    """Tokenized training traces, made by the generator one seed after another."""

    def __init__(self, qreason, tokenizer, first_seed, context, focus, drills):
        self.qreason, self.tokenizer, self.seed, self.context = qreason, tokenizer, first_seed, context
        self.focus, self.drills = focus, drills
        self.seen = 0  # trained tokens

    def generate(self):
        counts = next(counts for until, counts in CURRICULUM if self.seen <= until)
        rows = []
        for tier, count in counts.items():
            out = subprocess.run([self.qreason, "steps", "--split", "training", "--tier", tier, "--count", str(count),
                                  "--seed", str(self.seed)], check=True, capture_output=True, text=True).stdout
            rows += [json.loads(line) for line in out.splitlines()]
        if self.focus:
            rows = [row for i, row in enumerate(rows) if row["kind"] in self.focus or i // len(KINDS) % FOCUS == 0]
        self.seed += 1
        prompts = [BOS + USER + row["problem"] + INSTRUCTION + ASSISTANT + "<think>\n" for row in rows]
        answers = [row["solution"] + "\n</think>\n\nThe answer is \\boxed{" + row["answer"] + "}." + EOS for row in rows]
        prompts, answers = self.tokenizer.encode_batch(prompts), self.tokenizer.encode_batch(answers)
        return [(p.ids, a.ids) for p, a in zip(prompts, answers)]

    def drill(self, random):
        """People and their amounts, then again and again the amount of one of them. Looking up a name comes all at once
        and late when the few amounts in a solution are all there is to learn it from; here every other word asks."""
        names = random.permutation(NAMES)[:random.integers(2, 8)]
        amounts = dict(zip(names, random.integers(1, 100, len(names))))
        told = "\n\n".join(f"So {name} {amount}." for name, amount in amounts.items())
        tokens = self.tokenizer.encode(BOS + USER + told + ASSISTANT).ids
        targets = [-1] * len(tokens)
        for name in random.choice(names, 30):
            asked, said = self.tokenizer.encode(f" {name} ").ids, self.tokenizer.encode(f"{amounts[name]}.").ids
            tokens, targets = tokens + asked + said, targets + [-1] * len(asked) + said
        return tokens[:-1], targets[1:]

    def rows(self, random):
        """Token and target sequences. A quarter of the traces stand in rows of several, up to the whole context, so
        that the model knows late positions and windows cut across traces."""
        pool = self.generate()
        random.shuffle(pool)
        packed = len(pool) // 4
        rows, tokens, targets = [], [], []
        for index, (prompt, answer) in enumerate(pool):
            if tokens and (index >= packed or len(tokens) + len(prompt) + len(answer) > self.context + 1):
                rows.append((tokens[:-1], targets[1:]))
                tokens, targets = [], []
            tokens = tokens + prompt + answer
            targets = targets + [-1] * len(prompt) + answer
        rows.append((tokens[:-1], targets[1:]))
        return rows + [self.drill(random) for _ in range(round(self.drills * len(rows)))]

    def batches(self, batch_tokens):
        """(tokens, targets) batches of rows of about one length, endlessly. Shapes are few (lengths are multiples of
        16), because the CPU's matrix library prepares itself anew for every shape."""
        waiting = {}
        while True:
            random = numpy.random.default_rng(self.seed)
            batches = []
            for row in self.rows(random):
                length = -(-len(row[0]) // 16) * 16
                batch = waiting.setdefault(length, [])
                batch.append(row)
                if len(batch) == batch_tokens // length:
                    batches.append((length, waiting.pop(length)))
            random.shuffle(batches)
            for length, batch in batches:
                yield pad(batch, length)


def generator_identity(qreason):
    """Hash of the hard test problems that ship with this generator: `data/SHA256SUMS` of its commit has it."""
    shipped = subprocess.run([qreason, "steps", "--tier", "hard", "--count", "500", "--seed", "1"], check=True,
                             capture_output=True).stdout
    return hashlib.sha256(shipped).hexdigest()


def pad(rows, length):
    padded = torch.zeros(len(rows), length, dtype=torch.long)
    targets = torch.full((len(rows), length), -1)
    for i, (tokens, wanted) in enumerate(rows):
        padded[i, :len(tokens)] = torch.tensor(tokens)
        targets[i, :len(tokens)] = torch.tensor(wanted)
    return padded, targets


def make_optimizers(model, shape):
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and n.startswith("layers")]
    others = [p for n, p in model.named_parameters() if not (p.dim() == 2 and n.startswith("layers"))]
    rate = shape.learning_rate
    return [(torch.optim.Muon(matrices, lr=rate, weight_decay=0.02, momentum=0.95,
                              adjust_lr_fn="match_rms_adamw"), rate),
            (torch.optim.AdamW(others, lr=rate / 2, weight_decay=0.0, betas=(0.9, 0.98)), rate / 2)]


def rate_factor(seen, total, decay):
    warm = 0.1e6
    return min(1.0, (seen + 1e4) / warm, max(0.0, (total - seen) / (decay * total)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("--qreason", required=True)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="checkpoints of the training, to go on from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokens", type=float, default=20e6, help="tokens with a loss: solutions, not problems")
    parser.add_argument("--decay", type=float, default=0.4, help="the part of --tokens over which the rate falls to 0")
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--float32", action="store_true", help="no bfloat16 autocast")
    parser.add_argument("--learning-rate", type=float, help="of the matrices; the rest take half")
    parser.add_argument("--focus", metavar="KIND,...",
                        help=f"kinds of which all problems are used; of others one in {FOCUS}")
    parser.add_argument("--drills", type=float, default=0.0, help="drills in looking up names, to one row of traces")
    parser.add_argument("--grow-from", type=pathlib.Path, metavar="MODEL_DIR",
                        help="start from a smaller model that this tool trained")
    parser.add_argument("--minutes", type=float, default=1e9, help="save and stop after this long")
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = Tokenizer.from_file(str(arguments.tokenizer / "tokenizer.json"))
    shape = SHAPES[arguments.shape]
    shape.learning_rate = arguments.learning_rate or shape.learning_rate
    model = Model(shape).to(device)
    optimizers = make_optimizers(model, shape)
    first_seed, before, parent = arguments.seed * 1_000_000, 0, None
    if arguments.grow_from:
        grow(model, arguments.grow_from)
        parent = json.loads((arguments.grow_from / "training.json").read_text())
        first_seed = parent["first_generator_seed"] + parent["generator_seeds"]
        before = parent["tokens"]
    focus = sorted(arguments.focus.split(",")) if arguments.focus else []
    if not KINDS.issuperset(focus):
        parser.error(f"--focus {arguments.focus}: kinds are {', '.join(sorted(KINDS))}")
    traces = Traces(arguments.qreason, tokenizer, first_seed, shape.context, focus, arguments.drills)
    parameters = sum(p.numel() for p in model.parameters())
    seen, step, curve, generators, schedules = 0, 0, [], [], []
    arguments.work.mkdir(parents=True, exist_ok=True)
    saved = arguments.work / f"{arguments.shape}-seed{arguments.seed}.pt"
    if saved.exists():
        state = torch.load(saved, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        for (optimizer, _), stored in zip(optimizers, state["optimizers"]):
            optimizer.load_state_dict(stored)
        seen, step, curve, traces.seed = state["seen"], state["step"], state["curve"], state["data_seed"]
        generators, schedules = state["generators"], state["schedules"]
    identity = generator_identity(arguments.qreason)
    if not generators or generators[-1][1] != identity:
        generators.append((seen, identity))
    schedule = {"from": seen, "tokens": int(arguments.tokens), "decay": arguments.decay,
                "batch_tokens": arguments.batch_tokens, "learning_rate": shape.learning_rate, "focus": focus,
                "drills": arguments.drills}
    if not schedules or {**schedules[-1], "from": seen} != schedule:
        schedules.append(schedule)

    def save():
        torch.save({"model": model.state_dict(), "optimizers": [o.state_dict() for o, _ in optimizers], "seen": seen,
                    "step": step, "curve": curve, "data_seed": traces.seed, "generators": generators, "schedules": schedules},
                   str(saved) + ".partial")
        os.replace(str(saved) + ".partial", saved)
        write_model(model, arguments.tokenizer, arguments.out, tokenizer)
        lines = ["step,tokens,loss"] + [f"{a},{b},{c:.5f}" for a, b, c in curve]
        (arguments.out / "learning_curve.csv").write_text("\n".join(lines) + "\n")
        record = {"shape": arguments.shape, "parameters": parameters, "seed": arguments.seed, "tokens": seen,
                  "steps": step, "final_loss": curve[-1][2] if curve else None,
                  "first_generator_seed": first_seed, "generator_seeds": traces.seed - first_seed,
                  "generators": generators, "schedules": schedules,
                  "grown_from": parent and {key: parent[key] for key in ("shape", "seed", "tokens")},
                  "bfloat16_autocast": not arguments.float32, "device": device, "torch": torch.__version__}
        (arguments.out / "training.json").write_text(json.dumps(record, indent=2) + "\n")

    begun = last_save = time.time()
    begun_seen, window = seen, []
    print(f"{arguments.shape}: {parameters} parameters on {device}, from {seen / 1e6:.2f} M tokens", flush=True)
    traces.seen = before + seen
    for tokens, targets in traces.batches(arguments.batch_tokens):
        if seen >= arguments.tokens or time.time() - begun > 60 * arguments.minutes:
            break
        traces.seen = before + seen
        factor = rate_factor(seen, arguments.tokens, arguments.decay)
        for optimizer, rate in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        with torch.autocast(device, torch.bfloat16, enabled=not arguments.float32):
            loss = model.loss(tokens.to(device), targets.to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, _ in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        seen += int((targets >= 0).sum())
        step += 1
        window.append(loss.item())
        if step % 100 == 0:
            curve.append((step, seen, sum(window) / len(window)))
            rate = (seen - begun_seen) / (time.time() - begun)
            print(f"step {step} tokens {seen / 1e6:.2f} M loss {curve[-1][2]:.4f} lr x{factor:.2f} {rate:.0f} tok/s", flush=True)
            window = []
        if time.time() - last_save > 240:
            save()
            last_save = time.time()
    save()
    print(f"stopped at {seen / 1e6:.2f} M tokens, step {step}", flush=True)


if __name__ == "__main__":
    main()
