#!/usr/bin/env python3
"""Encoding speed beside the Hugging Face tokenizers library, one thread each, on 10 MB of text without repetition.

    bench/tokenizer_hf.py build/bench/bench_tokenizer ../shared [DIRECTORY ...]

The text: WikiText-2 test, GSM8K, C4 and Wikipedia samples from the shared data, and the source of Python's own library.
Both sides must give the same ids (number and checksum) before a ratio is printed.
"""
import glob
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers  # noqa: E402  (reads the environment)

BYTES = 10_000_000


def read(path):
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read()


def mixed_text(shared):
    parts = [read(os.path.join(shared, "data/wikitext2/wiki.test.raw"))]
    for name in ("train", "test"):
        for line in read(os.path.join(shared, "data/gsm8k", name + ".jsonl")).splitlines():
            row = json.loads(line)
            parts.append(row["question"] + "\n" + row["answer"] + "\n\n")
    parts.append(read(os.path.join(shared, "data/general_text/c4_demo.json")))
    parts.append(read(os.path.join(shared, "data/general_text/wiki_demo.txt")))
    code, size = [], 0
    for path in sorted(glob.glob(os.path.join(sysconfig.get_path("stdlib"), "*.py"))):
        if size < 3_000_000:
            code.append(read(path))
            size += len(code[-1])
    text = ("".join(parts) + "".join(code)).encode()[:BYTES]
    return text.decode(errors="ignore")


def checksum(ids_of_all):
    total, position = 0, 0
    for ids in ids_of_all:
        for value in ids:
            position += 1
            total += value * position
    return position, str(total % 2**64)


def hugging_face(directory, text):
    start = time.perf_counter()
    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(directory, "tokenizer.json"))
    results = {"load": {"seconds": time.perf_counter() - start}}
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    for mode, texts in (("document", [text]), ("lines", lines)):
        best = float("inf")
        for _ in range(2):
            start = time.perf_counter()
            encodings = [tokenizer.encode(part, add_special_tokens=False) for part in texts]
            best = min(best, time.perf_counter() - start)
        tokens, total = checksum(encoding.ids for encoding in encodings)
        results[mode] = {"seconds": best, "tokens": tokens, "checksum": total}
    return results


def main():
    binary, shared, *directories = sys.argv[1:]
    folder = os.path.join(shared, "models/tokenizers")
    directories = directories or [os.path.join(folder, "derived-qwen2.5"),
                                  os.path.join(folder, "derived-deepseek-r1-distill-llama")]
    text = mixed_text(shared)
    size = len(text.encode())
    print(f"tokenizers {tokenizers.__version__}, {size} bytes")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        for directory in directories:
            output = subprocess.run([binary, directory, file.name], capture_output=True, text=True, check=True).stdout
            ours = {row["mode"]: row for row in map(json.loads, output.splitlines())}
            theirs = hugging_face(directory, text)
            print(os.path.basename(directory))
            for mode in ("load", "document", "lines"):
                a, b = ours[mode], theirs[mode]
                if (a.get("tokens"), a.get("checksum")) != (b.get("tokens"), b.get("checksum")):
                    sys.exit(f"{mode}: the ids differ: {a} and {b}")
                speed = "" if mode == "load" else f" ({size / a['seconds'] / 1e6:.1f} and {size / b['seconds'] / 1e6:.2f} MB/s)"
                print(f"  {mode:9} qreason {a['seconds']:.3f} s, tokenizers {b['seconds']:.3f} s{speed}, "
                      f"ratio {b['seconds'] / a['seconds']:.1f}")


if __name__ == "__main__":
    main()
