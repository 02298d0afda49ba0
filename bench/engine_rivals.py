#!/usr/bin/env python3
"""Tokens a second of qreason, llama.cpp and ik_llama.cpp, one after the other on the same threads, as one table.

    python3 bench/engine_rivals.py --folder FOLDER --gguf FOLDER --python PYTHON --ik FOLDER [--threads 2] [--rounds 1]
                                   [--only w4,w8,bf16,depth] [--clock wall|cpu]

    --folder  a float model, such as tools/random_model.py makes; rounded to nearest as it is loaded
    --gguf    where bf16.gguf, q4_0.gguf and q8_0.gguf of the same shape lie (bench/random_gguf.py, llama-quantize)
    --python  a Python with llama-cpp-python, built from source with -DGGML_NATIVE=ON
    --clock   cpu: every clock is processor time (bench/processor_clock.c), for comparisons of one thread on a busy machine
    --ik      where ik_llama.cpp's llama-bench and llama-batched-bench lie, built with -DGGML_NATIVE=ON

All decode greedily or without sampling, behind prompts of 32 tokens (4096 at depth). Both rivals repack their weights and
use flash attention. Every number is the best of its rounds; qreason's and llama.cpp's are the best of parts of a round, too.
"""
import argparse
import collections
import csv
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HEAD = "head = w6g64-sym"  # Q4_0 files have a head of 6.56 bits a weight
# The name of a case: what ours is rounded to, its arithmetic, the rivals' file, their cache, the work.
Case = collections.namedtuple("Case", "group name rules arithmetic file cache work")
CASES = [
    Case("w4", "w4g64", f"blocks[*] = w4g64-sym; {HEAD}", "fast", "q4_0", "f16", "prefill,1,32"),
    Case("w4", "w4a8", f"blocks[*] = w4g64-sym; blocks[*] = a8-token-sym; {HEAD}", "fast", "q4_0", "f16", "prefill,1,32"),
    Case("w4", "w4g64, portable", f"blocks[*] = w4g64-sym; {HEAD}", "portable", "q4_0", "f16", "prefill,1,32"),
    Case("w8", "w8a8", "blocks[*] = w8c-sym; blocks[*] = a8-token-sym; head = w8c-sym", "fast", "q8_0", "f16", "prefill,1,32"),
    Case("bf16", "bf16", "", "fast", "bf16", "f16", "prefill,1,32"),
    Case("depth", "w4g64, f32 cache", f"blocks[*] = w4g64-sym; {HEAD}", "fast", "q4_0", "f16", "1,depth"),
    Case("depth", "w4g64, kv8", f"blocks[*] = w4g64-sym; blocks[*] = kv8-head-asym; {HEAD}", "fast", "q4_0", "q8_0", "1,depth"),
    Case("depth", "w4g64, kv4", f"blocks[*] = w4g64-sym; blocks[*] = kv4-head-asym; {HEAD}", "fast", "q4_0", "q4_0", "1,depth"),
]
TITLES = {"prefill": "prefill 512", "1": "decode 1", "32": "decode 32", "depth": "decode 1 at 4096"}


environment = dict(os.environ)


def output_of(command, folder=None):
    """Standard output and what llama.cpp's programs log, behind it. `folder`: where they leave their log."""
    command = [str(part) for part in command]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    if result.returncode != 0:
        sys.exit(f"error: engine_rivals: {command[0]} ended with {result.returncode}: {result.stderr[-500:]}")
    return result.stdout + result.stderr


def rates_of_lines(text):
    """What bench_engine and engine_llamacpp.py print."""
    return {title: float(rate) for title, rate in re.findall(r"^(\w+ \d+(?: at \d+)?): ([\d.]+) tokens/s", text, re.M)}


def run_ours(case, a):
    text = output_of(["build/bench/bench_engine", a.folder, "--threads", a.threads, "--arithmetic", case.arithmetic,
                      "--rules", case.rules, "--work", case.work, "--temperature", 0])
    return rates_of_lines(text)


def run_llamacpp(case, a):
    return rates_of_lines(output_of([a.python, "bench/engine_llamacpp.py", a.gguf / f"{case.file}.gguf", "--threads",
                                     a.threads, "--work", case.work, "--cache", case.cache]))


def run_ik(case, a):
    model = ["-m", a.gguf / f"{case.file}.gguf", "-t", a.threads]
    cache = ["-ctk", case.cache, "-ctv", case.cache]
    rates, works = {}, case.work.split(",")
    command = [a.ik / "llama-bench", *model, *cache, "-fa", 1, "-rtr", int(case.file != "bf16"), "-r", 2, "-o", "csv"]
    command += ["-p", 512 if "prefill" in works else 0, "-n", 64 if "1" in works else 0]
    if "depth" in works:
        command += ["-gp", "4096,64"]
    lines = output_of(command, a.scratch).splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("build_commit"))
    for row in csv.DictReader(line for line in lines[header:] if line.startswith(("build_commit", '"'))):
        title = {"pp512": "prefill 512", "tg64": "decode 1"}.get(row["test"], "decode 1 at 4096")
        rates[title] = float(row["avg_ts"])
    if "32" in works:
        text = output_of([a.ik / "llama-batched-bench", *model, *cache, "-fa", 1, "-c", 4096, "-b", 2048, "-ub", 512, "-npp", 32,
                          "-ntg", 64, "-npl", 32, *(["-rtr"] if case.file != "bf16" else [])], a.scratch)
        rates["decode 32"] = float(re.search(r"^\|\s*32 \|\s*64 \|\s*32 \|.*", text, re.M).group(0).split("|")[8])
    return rates


def read_processor_time(folder):
    library = pathlib.Path(folder) / "processor_clock.so"
    source = pathlib.Path(__file__).parent / "processor_clock.c"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", source, "-o", library], check=True)
    environment["LD_PRELOAD"] = str(library)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--gguf", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--ik", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default="w4,w8,bf16,depth")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    arguments = parser.parse_args()
    scratch = tempfile.TemporaryDirectory()
    arguments.scratch = scratch.name
    if arguments.clock == "cpu":
        if arguments.threads != 1:
            sys.exit("error: engine_rivals: --clock cpu: got several threads, expected --threads 1")
        read_processor_time(arguments.scratch)
    print(output_of(["build/bench/bench_kernels", arguments.threads, "peaks"]))
    engines = {"qreason": run_ours, "llama.cpp": run_llamacpp, "ik_llama.cpp": run_ik}
    print("| qreason | rivals | work | " + " | ".join(engines) + " | of the best rival |\n|---|---|---|--:|--:|--:|--:|")
    rivals = {}
    for case in [case for case in CASES if case.group in arguments.only.split(",")]:
        best = {}
        for _ in range(arguments.rounds):
            for name, run in engines.items():
                key = (name, case.file, case.cache, case.work)
                rates = rivals.get(key) if name != "qreason" and arguments.rounds == 1 else None
                rates = rivals[key] = rates or run(case, arguments)
                print(f"{case.name}: {name}: {rates}", file=sys.stderr, flush=True)
                for title, rate in rates.items():
                    best[title, name] = max(rate, best.get((title, name), 0))
        for work in case.work.split(","):
            rates = [best[TITLES[work], name] for name in engines]
            files = case.file if case.cache == "f16" else f"{case.file}, {case.cache} cache"
            print(f"| {case.name} | {files} | {TITLES[work]} | " + " | ".join(f"{rate:.1f}" for rate in rates) +
                  f" | {rates[0] / max(rates[1:]):.2f} |", flush=True)


if __name__ == "__main__":
    main()
