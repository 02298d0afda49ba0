"""FlatQuant's training in plain PyTorch with autograd, by its formulas, on the first block of a model: the partner of
`qreason quantize MODEL flatquant-w4a4kv4`. Kronecker transforms, value, key and across-head transforms, learned clips,
straight-through rounding, AdamW; steps of 4 sequences. Prints one line of JSON: seconds, and the losses.

    python3 quantize_flatquant_reference.py MODEL TOKENS.safetensors [--threads 2] [--steps 4] [--sequences 8]
"""
import math

import torch
import torch.nn.functional as F

from reference_block import Block, Stages, read_options, read_tokens

BATCH, WEIGHT_TOP, TOP = 4, 7, 15
READERS = {"attention": ("q", "k", "v"), "mlp": ("gate", "up"), "middle": ("down",)}


def sizes(n):
    a = math.isqrt(n - 1) + 1
    while math.isqrt(a * a - n) ** 2 != a * a - n:
        a += 1
    b = math.isqrt(a * a - n)
    return a - b, a + b


def orthogonal(n):
    q, r = torch.linalg.qr(torch.randn(n, n))
    return torch.nn.Parameter(q * torch.sign(torch.diag(r)))


def clip():
    return torch.nn.Parameter(torch.full((2, 1), 4.0))


def inverse_transposed(matrix):
    return torch.linalg.inv(matrix.double()).t().float()


def straight_through(x):
    return (torch.round(x) - x).detach() + x


def kronecker(x, left, right):
    return (left.t() @ (x.unflatten(-1, (left.shape[0], right.shape[0])) @ right)).flatten(-2)


def quantize_rows(x, ratio):
    """Asymmetric, every run of the last dimension."""
    high = x.amax(-1, keepdim=True).clamp(min=0) * torch.sigmoid(ratio[0])
    low = x.amin(-1, keepdim=True).clamp(max=0) * torch.sigmoid(ratio[1])
    scale = (high - low).clamp(min=1e-8) / TOP
    zero = torch.round(-low / scale).detach()
    return scale * (torch.clamp(straight_through(x / scale) + zero, 0, TOP) - zero)


def quantize_weights(w):
    scale = torch.maximum(w.amax(-1, keepdim=True), -w.amin(-1, keepdim=True)).clamp(min=1e-5) / WEIGHT_TOP
    return scale * torch.clamp(straight_through(w / scale), -WEIGHT_TOP - 1, WEIGHT_TOP)


class FlatBlock(torch.nn.Module):
    def __init__(self, block, maxima):
        super().__init__()
        self.block = block
        hidden, middle = block.w["q"].shape[1], block.w["down"].shape[1]
        self.left, self.right, self.diagonal = (torch.nn.ParameterDict() for _ in range(3))
        for name, width in (("attention", hidden), ("mlp", hidden), ("middle", middle)):
            left, right = sizes(width)
            self.left[name], self.right[name] = orthogonal(left), orthogonal(right)
            largest = torch.stack([block.w[r].abs().amax(0) for r in READERS[name]]).amax(0)
            self.diagonal[name] = torch.nn.Parameter((largest ** 0.7 / maxima[name] ** 0.3).clamp(min=1e-5))
        self.key, self.value, self.across = orthogonal(block.head_dim), orthogonal(block.head_dim), orthogonal(block.heads)
        self.clips = torch.nn.ParameterDict({name: clip() for name in ("x", "k", "v", "a", "m", "u")})
        self.weight_clips = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(torch.full((2, w.shape[0], 1), 4.0)) for name, w in block.w.items()})

    def weights(self):
        across, value, found = inverse_transposed(self.across), inverse_transposed(self.value), {}
        inverses = {name: (inverse_transposed(self.left[name]), inverse_transposed(self.right[name]))
                    for name in READERS}
        for name, w in self.block.w.items():
            site = next((site for site, readers in READERS.items() if name in readers), None)
            w = kronecker(w / self.diagonal[site], *inverses[site]) if site else kronecker(w, across, value)
            ratio = torch.sigmoid(self.weight_clips[name])
            w = torch.clamp(w, w.amin(-1, keepdim=True) * ratio[1], w.amax(-1, keepdim=True) * ratio[0])
            if name == "v":
                w = (self.value.t() @ w.unflatten(0, (-1, self.block.head_dim))).flatten(0, 1)
            found[name] = quantize_weights(w)
        return found

    def rows(self, name, x):
        return kronecker(x * self.diagonal[name], self.left[name], self.right[name])

    def forward(self, h):
        block, w, clips = self.block, self.weights(), self.clips
        x = quantize_rows(self.rows("attention", block.norm(h, "input")), clips["x"])
        q, k = block.linear("q", x, w), block.linear("k", x, w)
        v = F.linear(x, w["v"], (block.b["v"].unflatten(0, (-1, block.head_dim)) @ self.value).flatten())
        q, k = block.rotate(block.split(q, block.heads)), block.rotate(block.split(k, block.kv_heads))
        q, k = q @ inverse_transposed(self.key), quantize_rows(k @ self.key, clips["k"])
        a = block.attend(q, k, quantize_rows(block.split(v, block.kv_heads), clips["v"]))
        a = (self.across.t() @ a.unflatten(-1, (block.heads, block.head_dim))).flatten(-2)
        h = h + block.linear("o", quantize_rows(a, clips["a"]), w)
        m = quantize_rows(self.rows("mlp", block.norm(h, "post")), clips["m"])
        return h + block.linear("down", quantize_rows(self.rows("middle", block.middle(m, w)), clips["u"]), w)


@torch.no_grad()
def float_block(block, h):
    x = block.norm(h, "input")
    joined = h + block.linear("o", block.attention(x))
    m = block.norm(joined, "post")
    u = block.middle(m)
    maxima = {name: rows.abs().flatten(0, 1).amax(0) for name, rows in (("attention", x), ("mlp", m), ("middle", u))}
    return joined + block.linear("down", u), maxima


def main():
    options = read_options(sequences=4, steps=4)
    torch.manual_seed(0)
    block = Block(options.model)
    tokens = read_tokens(options)
    stages = Stages()
    inputs = F.embedding(tokens, block.embedding)
    targets, maxima = float_block(block, inputs)
    flat = FlatBlock(block, maxima)
    stages.done("start")
    clips = [p for n, p in flat.named_parameters() if "clips" in n]
    rest = [p for n, p in flat.named_parameters() if "clips" not in n]
    optimizer = torch.optim.AdamW([{"params": rest, "lr": 5e-3}, {"params": clips, "lr": 5e-2}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps, eta_min=5e-6)
    losses = []
    for step in range(options.steps):
        first = step * BATCH % options.sequences
        loss = F.mse_loss(targets[first:first + BATCH], flat(inputs[first:first + BATCH]))
        losses.append(loss.item())
        optimizer.zero_grad()
        (loss / loss.detach()).backward()
        optimizer.step()
        schedule.step()
        stages.done("steps")
    stages.report(losses=losses)


if __name__ == "__main__":
    main()
