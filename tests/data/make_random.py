"""Makes tests/data/base/random.json with CPython's random and NumPy.

  .venv/bin/python tests/data/make_random.py
"""
import json
import pathlib
import random

import numpy as np

HERE = pathlib.Path(__file__).parent / "base"


def python_case(seed):
    generator = random.Random(seed)
    case = {"seed": seed}
    case["random"] = [generator.random() for _ in range(5)]
    case["getrandbits"] = [[bits, str(generator.getrandbits(bits))] for bits in (1, 5, 31, 32, 33, 53, 63, 64)]
    bounds = [(0, 0), (0, 1), (-5, 5), (0, 999), (-(2**62), 2**62), (-(2**63), 2**63 - 2)]
    case["randint"] = [[low, high, generator.randint(low, high)] for low, high in bounds]
    items = list(range(50))
    generator.shuffle(items)
    case["shuffle"] = items
    for _ in range(2000):
        generator.getrandbits(32)
    case["after_2000"] = generator.getrandbits(32)
    return case


def numpy_case(seed):
    generator = np.random.default_rng(seed)
    case = {"seed": seed}
    case["random"] = generator.random(5).tolist()
    case["u64"] = [str(v) for v in generator.bit_generator.random_raw(3).tolist()]
    bounds = [(0, 1), (0, 2), (-3, 4), (0, 2**32 - 1), (0, 2**32), (0, 2**32 + 1), (5, 2**40), (-(2**63), 2**63 - 1),
              (0, 3 * 2**30), (0, 3 * 2**61)]
    case["integers"] = [[low, high, int(generator.integers(low, high))] for low, high in bounds * 3]
    case["permutation"] = generator.permutation(60).tolist()
    case["permutation_large_head"] = generator.permutation(100000)[:10].tolist()
    return case


def twister_case(seed):
    return {"seed": seed, "u32": np.random.RandomState(seed).randint(0, 2**32, 700, dtype=np.uint64).tolist()[-5:],
            "first": int(np.random.RandomState(seed).randint(0, 2**32, dtype=np.uint64))}


def main():
    HERE.mkdir(exist_ok=True)
    seeds = [0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**64 - 1]
    golden = {"python": [python_case(s) for s in seeds], "numpy": [numpy_case(s) for s in seeds],
              "twister": [twister_case(s) for s in (0, 1, 5489, 2**32 - 1)]}
    (HERE / "random.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
