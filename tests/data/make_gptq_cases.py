"""Small GPTQ cases by an independent float64 implementation (NumPy) of the published loop: Cholesky of the damped Hessian,
inverse, upper Cholesky factor of the inverse, errors propagated column by column (Frantar et al. 2022, algorithm 1), with
the rules of methods.md sections 1 and 5 for scales, groups, order and dead columns. Nothing of the project is used.

    python3 make_gptq_cases.py quantize/gptq_cases.json
"""
import json
import sys

import numpy as np


def parameters(w, case):
    """zero-range scale and zero of each row of w, float32 as the rule is written."""
    q = np.float32(2 ** (case["bits"] - 1) - 1 if case["symmetric"] else 2 ** case["bits"] - 1)
    w = w.astype(np.float32)
    low, high = np.minimum(w.min(1), 0), np.maximum(w.max(1), 0)
    if case["symmetric"]:
        return (np.maximum(np.maximum(-low, high), np.float32(1e-5)) / q).astype(np.float64), np.zeros(len(w))
    empty = (low == 0) & (high == 0)
    low, high = np.where(empty, np.float32(-1), low), np.where(empty, np.float32(1), high)
    scale = np.maximum(high - low, np.float32(1e-5)) / q
    return scale.astype(np.float64), np.rint(-low / scale).astype(np.float64)


def quantize(w, scale, zero, case):
    if case["symmetric"]:
        top = 2 ** (case["bits"] - 1)
        return np.clip(np.rint(w / scale), -top, top - 1)
    return np.clip(np.rint(w / scale) + zero, 0, 2 ** case["bits"] - 1)


def gptq(weights, hessian, case):
    w, h = weights.astype(np.float64), hessian.astype(np.float64)
    rows, columns = w.shape
    group = case["group"] or columns
    groups = columns // group
    scales, zeros = np.zeros((rows, groups)), np.zeros((rows, groups))
    if groups == 1:
        scales[:, 0], zeros[:, 0] = parameters(w, case)
    dead = np.diag(h) == 0
    h[dead, dead] = 1
    w[:, dead] = 0
    if groups > 1 and case["static_groups"]:
        for g in range(groups):
            scales[:, g], zeros[:, g] = parameters(w[:, g * group:(g + 1) * group], case)
    order = np.argsort(-np.diag(h), kind="stable") if case["act_order"] else np.arange(columns)
    w, h = w[:, order], h[order][:, order]
    h += np.eye(columns) * case["damping"] * np.mean(np.diag(h))
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    codes, loss, index = np.zeros((rows, columns)), 0.0, np.zeros(columns, int)
    for begin in range(0, columns, case["block_size"]):
        end = min(columns, begin + case["block_size"])
        updated = w.copy()                        # completed blocks only: what dynamic groups see
        errors = np.zeros((rows, end - begin))
        for j in range(begin, end):
            dynamic = groups > 1 and not case["static_groups"]
            g = (j if dynamic else order[j]) // group
            if dynamic and j % group == 0:
                scales[:, g], zeros[:, g] = parameters(updated[:, j:j + group], case)
            index[order[j]] = g
            q = quantize(w[:, j], scales[:, g], zeros[:, g], case)
            codes[:, order[j]] = q
            errors[:, j - begin] = (w[:, j] - scales[:, g] * (q - zeros[:, g])) / u[j, j]
            loss += np.sum(errors[:, j - begin] ** 2) / 2
            w[:, j:end] -= np.outer(errors[:, j - begin], u[j, j:end])
        w[:, end:] -= errors @ u[begin:end, end:]
    return codes, scales, zeros, index, loss


def make(name, seed, rows, columns, tokens, **settings):
    case = dict(name=name, rows=rows, columns=columns, bits=4, symmetric=False, group=0, act_order=False,
                static_groups=False, damping=0.01, block_size=128, dead=[])
    case.update(settings)
    random = np.random.default_rng(seed)
    w = np.round(random.standard_normal((rows, columns)), 3).astype(np.float32)
    mixing = random.standard_normal((columns, columns)) / np.sqrt(columns)
    x = (random.standard_normal((tokens, columns)) @ mixing + 0.3 * random.standard_normal((tokens, columns)))
    x *= np.exp(random.standard_normal(columns))
    x[:, case["dead"]] = 0
    x = np.round(x, 3).astype(np.float32)
    h = 2.0 * x.astype(np.float64).T @ x.astype(np.float64)
    codes, scales, zeros, index, loss = gptq(w, h, case)
    case.update(weights=[round(float(v), 3) for v in w.ravel()], inputs=[round(float(v), 3) for v in x.ravel()], tokens=tokens,
                codes=codes.astype(int).ravel().tolist(), scales=scales.ravel().tolist(),
                zeros=zeros.astype(int).ravel().tolist(), group_index=index.tolist(), loss=loss)
    return case


CASES = [
    make("per channel, symmetric", 1, 5, 12, 40, symmetric=True),
    make("per channel, asymmetric, act-order", 2, 17, 24, 60, act_order=True, bits=3),
    make("static groups, act-order", 3, 6, 24, 60, group=8, act_order=True, static_groups=True),
    make("dynamic groups in small blocks", 4, 6, 24, 60, group=6, block_size=4),
    make("dynamic groups wider than blocks, symmetric", 5, 4, 24, 60, group=12, block_size=8, symmetric=True),
    make("dynamic groups, act-order", 6, 4, 24, 60, group=8, act_order=True, block_size=8),
    make("dead columns, per channel", 7, 4, 12, 40, dead=[0, 5]),
    make("dead columns, static groups, act-order", 8, 4, 16, 40, dead=[3, 4, 15], group=4, act_order=True,
         static_groups=True),
    make("more columns than tokens", 9, 3, 32, 8, bits=8, group=16, static_groups=True, damping=0.05),
    make("two bits", 10, 4, 16, 50, bits=2, group=4, static_groups=True),
]

if __name__ == "__main__":
    with open(sys.argv[1], "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(case) for case in CASES) + "\n]\n")
