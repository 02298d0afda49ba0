#!/usr/bin/env python3
"""What `qreason quantize --plan` says beside what the command then takes: bench/plan.py --model NAME [options] METHOD...

For every model and method: the plan, then the run as a process of its own, its wall time and its peak resident memory
(ru_maxrss: what /usr/bin/time -v calls the maximum resident set; mapped file pages are counted). The models' other
settings follow their names after a colon: --model MODEL:calibration=FILE,samples=16,length=512. Only the Python standard
library. The output checkpoints are removed; runs are one after the other.
"""
import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time


def run(command, log):
    """Exit status, seconds, peak resident bytes of the command; its output goes to the open file `log`."""
    begin = time.monotonic()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=[
        (os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)])
    _, status, usage = os.wait4(process, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - begin, usage.ru_maxrss * 1024, usage


def options_of(text, extra):
    """What a model's settings and the command line's add to `quantize`."""
    words = []
    for item in filter(None, text.split(",")):
        key, value = item.split("=", 1)
        if key in ("calibration", "activation-memory", "device"):
            words += [f"--{key}", value]
        else:
            words += ["--set", item]
    return words + extra


def calibration_words(words, method):
    """RTN and other methods without calibration take none of its settings."""
    if not method.startswith(("rtn", "fp8", "mxfp4", "nvfp4")):
        return words
    kept = []
    for option, value in zip(words[::2], words[1::2]):
        if option == "--activation-memory":
            kept += [option, value]
    return kept


def measure(program, model, method, words, folder):
    """The plan's and the run's seconds and bytes."""
    words = calibration_words(words, method)
    base = [program, "quantize", model, method, "--quiet", *words]
    with open(folder / "log", "w+") as log:
        code, *_ = run([*base, "--plan", "--json"], log)
        log.seek(0)
        text = log.read()
        if code != 0:
            sys.exit(f"error: plan: {' '.join(base)} --plan: {text.strip()}")
        plan = json.loads(text[text.index("{"):])
        log.seek(0)
        log.truncate()
        output = folder / "model"
        code, seconds, peak, usage = run([*base, "-o", str(output), "--force"], log)
        log.seek(0)
        if code != 0:
            sys.exit(f"error: plan: {' '.join(base)}: exit status {code}: {log.read().strip()}")
    shutil.rmtree(output, ignore_errors=True)
    return plan, seconds, peak, usage


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="+", metavar="METHOD")
    parser.add_argument("--model", action="append", required=True, help="MODEL[:key=value,...], repeatable")
    parser.add_argument("--program", default="build/qreason")
    parser.add_argument("--set", action="append", default=[], help="for all runs")
    parser.add_argument("--scratch", type=pathlib.Path, help="folder for the checkpoints (default: a temporary one)")
    arguments = parser.parse_args()
    print("| model | method | planned | took | ratio | planned memory | peak | off by |")
    print("|---|---|---|---|---|---|---|---|")
    worst_time, worst_memory = 1.0, 0.0
    for item in arguments.model:
        model, _, settings = item.partition(":")
        extra = [word for pair in arguments.set for word in ("--set", pair)]
        for method in arguments.methods:
            with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
                plan, seconds, peak, usage = measure(arguments.program, model, method, options_of(settings, extra),
                                                     pathlib.Path(folder))
            ratio, off = plan["seconds"] / seconds, plan["peak_memory_bytes"] / peak - 1
            worst_time, worst_memory = max(worst_time, ratio, 1 / ratio), max(worst_memory, abs(off))
            print(f"| {pathlib.Path(model).name} | {method} | {plan['seconds']:.1f} s | {seconds:.1f} s | {ratio:.2f} | "
                  f"{plan['peak_memory_bytes'] / 1e6:.0f} MB | {peak / 1e6:.0f} MB | {100 * off:+.0f} % |"
                  + (f" cpu {usage.ru_utime + usage.ru_stime:.1f}" if os.environ.get("PLAN_CPU") else ""), flush=True)
    print(f"\nworst: time off by a factor of {worst_time:.2f}, memory by {100 * worst_memory:.0f} %")


if __name__ == "__main__":
    main()
