"""AWQ by its published search in plain PyTorch, on the first block of a model: the partner of `qreason quantize MODEL
awq-w4g128`. Every ratio runs the judged module on all tokens; clips are judged by the groups' partial outputs on 512
tokens; w4, groups of 128, asymmetric, 20 ratios, no duo scaling. Prints one line of JSON.

    python3 quantize_awq_reference.py MODEL TOKENS.safetensors [--threads 2] [--sequences 16]
"""

import torch
import torch.nn.functional as F

from reference_block import Block, Stages, read_options, read_tokens

GROUP, TOP, RATIOS, CLIPS, CLIP_TOKENS = 128, 15, 20, 10, 512
BATCH = 16  # sequences that a module runs at once


def rounded(w):
    groups = w.reshape(-1, GROUP)
    low, high = groups.amin(1, keepdim=True), groups.amax(1, keepdim=True)
    scale = (high - low).clamp(min=1e-5) / TOP
    zero = (-torch.round(low / scale)).clamp(0, TOP)
    return ((torch.clamp(torch.round(groups / scale) + zero, 0, TOP) - zero) * scale).reshape(w.shape)


def search(block, names, x, module, before):
    """The best scales: x [sequences, length, in] is what the linears read, `module(x, weights)` what is judged."""
    mean = x.abs().flatten(0, 1).mean(0)
    best, found = float("inf"), None
    for step in range(RATIOS):
        scales = mean.pow(step / RATIOS).clamp(min=1e-4)
        scales = scales / (scales.max() * scales.min()).sqrt()
        weights = dict(block.w)
        for name in names:
            weights[name] = rounded(block.w[name] * scales) / scales
        loss = sum((module(part, weights) - was).pow(2).sum().item()
                   for part, was in zip(x.split(BATCH), before.split(BATCH)))
        if loss < best:
            best, found = loss, (step / RATIOS, scales)
    return found


def clipped(w, x):
    """w [out, in] cut to the ranges that change the partial outputs of some tokens least; x [tokens, in]."""
    x = x[::max(1, x.shape[0] // CLIP_TOKENS)].reshape(1, -1, w.shape[1] // GROUP, GROUP)
    kept = []
    for part in w.split(256 if w.shape[0] % 256 == 0 else 64):
        groups = part.reshape(part.shape[0], 1, -1, GROUP)
        largest = groups.abs().amax(-1, keepdim=True)
        bound, least = largest.clone(), torch.full_like(largest, float("inf"))
        wanted = (x * groups).sum(-1)
        for step in range(CLIPS):
            limit = largest * (1 - step / 20)
            cut = torch.clamp(groups, -limit, limit)
            error = ((x * rounded(cut)).sum(-1) - wanted).pow(2).mean(1).view(largest.shape)
            better = error < least
            least, bound = torch.where(better, error, least), torch.where(better, limit, bound)
        kept.append(torch.clamp(groups, -bound, bound).reshape(part.shape))
    return torch.cat(kept)


def capture(block, h):
    """What linears read and modules give, of all sequences."""
    parts = {name: [] for name in ("x", "a", "attention", "m", "u", "mlp")}
    for part in h.split(BATCH):
        x = block.norm(part, "input")
        a = block.attention(x)
        attention = block.linear("o", a)
        m = block.norm(part + attention, "post")
        u = block.middle(m)
        for name, value in zip(parts, (x, a, attention, m, u, block.linear("down", u))):
            parts[name].append(value)
    return {name: torch.cat(values) for name, values in parts.items()}


@torch.no_grad()
def main():
    options = read_options(sequences=16)
    block = Block(options.model)
    tokens = read_tokens(options)
    stages = Stages()
    seen = capture(block, F.embedding(tokens, block.embedding))
    stages.done("forward")
    attention = search(block, ("q", "k", "v"), seen["x"], lambda x, w: block.linear("o", block.attention(x, w)),
                       seen["attention"])
    stages.done("scales of q, k, v")
    gate_up = search(block, ("gate", "up"), seen["m"], lambda m, w: block.linear("down", block.middle(m, w)),
                     seen["mlp"])
    stages.done("scales of gate, up")
    down = search(block, ("down",), seen["u"], lambda u, w: block.linear("down", u, w), seen["mlp"])
    stages.done("scales of down")
    for names, (_, scales), inputs in ((("q", "k", "v"), attention, "x"), (("gate", "up"), gate_up, "m"),
                                       (("down",), down, "u")):
        for name in names:
            block.w[name] = block.w[name] * scales
        seen[inputs] = seen[inputs] / scales
    block.w["up"] = block.w["up"] / down[1][:, None]
    for name, inputs in (("v", "x"), ("o", "a"), ("gate", "m"), ("up", "m"), ("down", "u")):
        block.w[name] = clipped(block.w[name], seen[inputs].flatten(0, 1))
    stages.done("clips")
    for name in block.w:
        block.w[name] = rounded(block.w[name])
    stages.done("rounding")
    stages.report(ratios={"qkv": attention[0], "gate_up": gate_up[0], "down": down[0]})


if __name__ == "__main__":
    main()
