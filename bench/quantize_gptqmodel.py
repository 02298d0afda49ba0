"""GPTQModel (PyPI, 7.7.0) on the linears of one block of the 1.5B shape, on a CPU: the partner of bench/quantize.

Its GPTQ class is called as its looper calls it: add_batch per sequence, then quantize. Linears that share inputs share the
Hessian (adopt_hessian_from), as its `dedup_shared_inputs` does. Same bits, groups, order, search and damping.

    GPTQMODEL_CPU_WORKERS=2 python3 quantize_gptqmodel.py [--threads 2] [--sequences 4]
"""
import argparse
import resource
import time

import torch
from gptqmodel.quantization import QuantizeConfig
from gptqmodel.quantization.gptq import GPTQ

TOKENS, HIDDEN, KEY_VALUE, INTERMEDIATE = 2048, 1536, 256, 8960
STAGES = [("k, v, q", HIDDEN, [KEY_VALUE, KEY_VALUE, HIDDEN]), ("o", HIDDEN, [HIDDEN]),
          ("up, gate", HIDDEN, [INTERMEDIATE, INTERMEDIATE]), ("down", INTERMEDIATE, [HIDDEN])]


def numbers(rows, columns, spread):
    values = spread * (torch.rand(rows, columns) + torch.rand(rows, columns) + torch.rand(rows, columns) - 1.5)
    values[:, ::8] *= 10
    return values


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--sequences", type=int, default=4)
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    config = QuantizeConfig(bits=4, group_size=128, desc_act=True, act_group_aware=False, static_groups=True, sym=False,
                            mse=2.4, damp_percent=0.01, damp_auto_increment=0.0015)
    total, hessians, weights = 0.0, 0.0, 0
    for name, columns, linears in STAGES:
        x = numbers(TOKENS, columns, 1.0)[None]
        leader, hessian, solve = None, 0.0, 0.0
        for rows in linears:
            layer = torch.nn.Linear(columns, rows, bias=False)
            layer.weight.data = numbers(rows, columns, 0.02)
            task = GPTQ(layer, config)
            task.quantizer.configure(perchannel=True)
            start = time.perf_counter()
            if leader is None:
                for index in range(options.sequences):
                    task.add_batch(x, None, index)
                task.finalize_hessian()
                leader = task
            else:
                task.adopt_hessian_from(leader)
            hessian += time.perf_counter() - start
            copy = leader.H.clone() if len(linears) > 1 else None
            start = time.perf_counter()
            task.quantize(blocksize=128)
            solve += time.perf_counter() - start
            if copy is not None:
                leader.H = copy
            weights += layer.weight.numel()
        print(f"{name:10} Hessian {hessian:.2f}s quantize {solve:.2f}s", flush=True)
        hessians += hessian
        total += hessian + solve
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"block      Hessian {hessians:.2f}s quantize {total - hessians:.2f}s all {total:.2f}s")
    print(f"{total * 1e9 / weights:.0f} s per billion weights ({(total - hessians) * 1e9 / weights:.0f} s without the Hessians), "
          f"peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
