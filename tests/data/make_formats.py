"""Makes tests/data/formats/*.json with independent code: torch's float8 types and numpy in float32.

  .venv/bin/python tests/data/make_formats.py
"""
import json
import math
import pathlib

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent / "formats"
F = np.float32


def plain(value):
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def float_codecs():
    codes = torch.arange(256, dtype=torch.uint8)
    tables = {name: [plain(v) for v in codes.view(dtype).double().tolist()]
              for name, dtype in (("e4m3", torch.float8_e4m3fn), ("e5m2", torch.float8_e5m2))}
    magnitudes = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    tables["e2m1"] = magnitudes + [-v for v in magnitudes]
    return tables


def parameters(group, bits, symmetric, rule, clip):
    """methods.md section 1, in float32 as written."""
    q = F(2 ** (bits - 1) - 1) if symmetric else F(2 ** bits - 1)
    low, high = group.min(), group.max()
    if rule != "true":
        low, high = min(low, F(0)), max(high, F(0))
    if rule == "token-range":
        low, high = F(low * F(clip)), F(high * F(clip))
    if symmetric:
        absmax = max(abs(low), abs(high))
        if rule == "token-range":
            return (F(1) if absmax == 0 else F(absmax / q)), F(0)
        return F(max(absmax, F(1e-5)) / q), F(0)
    if rule != "true" and low == 0 and high == 0:
        low, high = F(-1), F(1)
    span = F(high - low)
    scale = F((span if rule == "token-range" else max(span, F(1e-5))) / q)
    zero = F(np.clip(-np.round(F(low / scale)), F(0), q)) if rule == "true" else F(np.round(F(-low / scale)))
    return scale, zero


def codes(group, scale, zero, bits, symmetric):
    q = 2 ** (bits - 1) - 1 if symmetric else 2 ** bits - 1
    rounded = np.round((group / scale).astype(F)) + zero
    return np.clip(rounded, -(q + 1) if symmetric else 0, q).astype(int)


def groups(random):
    yield np.zeros(4, F)
    yield np.array([0.5], F)
    yield np.array([-0.5], F)
    yield np.array([3e-6, -2e-6, 1e-6], F)
    yield np.array([7.0, 7.5, 8.0], F)
    yield np.array([-7.0, -7.5, -8.0], F)
    yield np.array([1e-30, -2e-30], F)
    for length in (2, 3, 7, 16, 33):
        yield random.standard_normal(length).astype(F)
        yield np.abs(random.standard_normal(length)).astype(F) * F(100)
        yield (random.integers(-8, 9, length) / 4).astype(F)


def reference_quantizer():
    random = np.random.default_rng(1)
    cases = []
    for group in groups(random):
        for bits in range(2, 9):
            for symmetric in (False, True):
                for rule, clip in (("true", 1), ("zero", 1), ("token-range", 1), ("token-range", 0.9)):
                    scale, zero = parameters(group, bits, symmetric, rule, clip)
                    text = f"w{bits}c-{'sym' if symmetric else 'asym'}"
                    text += "" if rule == "zero" else f"-{rule}"
                    text += f"-clip{clip}" if clip != 1 else ""
                    cases.append({"format": text, "group": [float(v) for v in group], "scale": float(scale),
                                  "zero": int(zero),
                                  "codes": codes(group, scale, zero, bits, symmetric).tolist()})
    return cases


def main():
    HERE.mkdir(exist_ok=True)
    (HERE / "float_codecs.json").write_text(json.dumps(float_codecs()) + "\n")
    (HERE / "reference_quantizer.json").write_text(
        "[\n" + ",\n".join(json.dumps(case) for case in reference_quantizer()) + "\n]\n")


if __name__ == "__main__":
    main()
