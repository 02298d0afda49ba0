"""GPTQ by the published formula in PyTorch, on the linears of one block of the 1.5B or 7B shape: the partner of bench/quantize.

As in the published code every linear has its own Hessian (`--share` lets q, k, v and gate, up share one), a Cholesky
factorization, an inverse and a factorization of the inverse, and a Python loop over columns; MSE search of 80 steps with
exponent 2.4 for all groups before the loop, act-order, static groups.

    python3 quantize_reference.py [--threads 2] [--sequences 16] [--share] [--device cuda] [--shape 7b]
"""
import argparse
import resource
import time

import torch

TOKENS, GROUP, BITS = 2048, 128, 4
SHAPES = {"1.5b": (1536, 256, 8960), "7b": (3584, 512, 18944)}  # hidden, keys and values, intermediate


def stages(hidden, key_value, intermediate):
    return [("k, v, q", hidden, [key_value, key_value, hidden]), ("o", hidden, [hidden]),
            ("up, gate", hidden, [intermediate, intermediate]), ("down", intermediate, [hidden])]


def now():
    if torch.get_default_device().type != "cpu":
        torch.accelerator.synchronize()
    return time.perf_counter()


def numbers(rows, columns, spread):
    values = spread * (torch.rand(rows, columns) + torch.rand(rows, columns) + torch.rand(rows, columns) - 1.5)
    values[:, ::8] *= 10
    return values


def hessian_of(x, sequences):
    h, seen = torch.zeros(x.shape[1], x.shape[1]), 0
    for _ in range(sequences):
        h *= seen / (seen + 1)
        seen += 1
        scaled = (2 / seen) ** 0.5 * x
        h += scaled.t() @ scaled
    return h


def find_parameters(w):
    """Asymmetric scale and zero of every row of w, searched over 80 ranges."""
    top = 2 ** BITS - 1
    low, high = w.min(1).values.clamp(max=0), w.max(1).values.clamp(min=0)
    best = torch.full((len(w),), float("inf"))
    scale, zero = torch.ones_like(best), torch.zeros_like(best)
    for i in range(80):
        p = 1 - i / 100
        s = (p * high - p * low) / top
        z = torch.round(-p * low / s)
        q = s[:, None] * (torch.clamp(torch.round(w / s[:, None]) + z[:, None], 0, top) - z[:, None])
        q -= w
        error = q.abs_().pow_(2.4).sum(1)
        better = error < best
        best[better], scale[better], zero[better] = error[better], s[better], z[better]
    return scale[:, None], zero[:, None]


def factor_of(h):
    order = torch.argsort(torch.diag(h), descending=True, stable=True)
    h = h[order][:, order]
    h.diagonal().add_(0.01 * torch.diag(h).mean())
    h = torch.cholesky_inverse(torch.linalg.cholesky(h))
    return order, torch.linalg.cholesky(h, upper=True)


def rounded(w, order, u):
    top = 2 ** BITS - 1
    groups = [find_parameters(w[:, i:i + GROUP]) for i in range(0, w.shape[1], GROUP)]
    w = w[:, order].clone()
    out = torch.zeros_like(w)
    for begin in range(0, w.shape[1], 128):
        end = min(begin + 128, w.shape[1])
        block, errors, inverse = w[:, begin:end].clone(), torch.zeros(len(w), end - begin), u[begin:end, begin:end]
        for j in range(end - begin):
            scale, zero = groups[int(order[begin + j]) // GROUP]
            column, pivot = block[:, j], inverse[j, j]
            q = (scale * (torch.clamp(torch.round(column[:, None] / scale) + zero, 0, top) - zero)).flatten()
            out[:, begin + j] = q
            error = (column - q) / pivot
            block[:, j:] -= error[:, None] @ inverse[j:j + 1, j:]
            errors[:, j] = error
        w[:, end:] -= errors @ u[begin:end, end:]
    return out[:, torch.argsort(order)]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--sequences", type=int, default=16)
    options.add_argument("--share", action="store_true")
    options.add_argument("--device", default="cpu")
    options.add_argument("--shape", choices=SHAPES, default="1.5b")
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_default_device(options.device)
    torch.manual_seed(0)
    sums, weights = [0.0, 0.0, 0.0], 0
    for name, columns, linears in stages(*SHAPES[options.shape]):
        x, seconds = numbers(TOKENS, columns, 1.0), [0.0, 0.0, 0.0]
        for index, rows in enumerate(linears):
            w = numbers(rows, columns, 0.02)
            start = now()
            if index == 0 or not options.share:
                h = hessian_of(x, options.sequences)
                seconds[0] += now() - start
                start = now()
                order, u = factor_of(h)
                seconds[1] += now() - start
                start = now()
            rounded(w, order, u)
            seconds[2] += now() - start
            weights += w.numel()
        print(f"{name:10} Hessian {seconds[0]:.2f}s factor {seconds[1]:.2f}s rounding {seconds[2]:.2f}s", flush=True)
        sums = [a + b for a, b in zip(sums, seconds)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"block      Hessian {sums[0]:.2f}s factor {sums[1]:.2f}s rounding {sums[2]:.2f}s all {sum(sums):.2f}s")
    print(f"{sum(sums) * 1e9 / weights:.0f} s per billion weights ({sum(sums[1:]) * 1e9 / weights:.0f} s without the "
          f"Hessians), peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
