#!/usr/bin/env python3
"""Holds a server against our own engine: the same problems, greedily, at both.

    tools/check_endpoint.py URL MODEL [--qreason build/qreason] [--tasks steps-easy,steps-medium,steps-hard] [--limit 20]

MODEL is the folder or .gguf file that the server serves. Prints what the server says of itself, how many prompts and
counts of prompt tokens agree (where the server counts), how many answers are the same text, and the accuracy of both; exits 1 where prompts differ.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile


def evaluate(options, folder, endpoint):
    command = [options.qreason, "evaluate", options.model, "--tasks", options.tasks, "--seeds", "42", "--limit",
               str(options.limit), "--temperature", "0", "--max-tokens", str(options.max_tokens), "--batch",
               str(options.batch), "-o", folder, "--json"]
    if endpoint:
        command += ["--endpoint", options.url]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [pathlib.Path(result["path"]) for result in json.loads(output)["results"]]


def read(path):
    header, *answers = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return header, {answer["id"]: answer for answer in answers}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("--qreason", default="build/qreason")
    parser.add_argument("--tasks", default="steps-easy,steps-medium,steps-hard")
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--max-tokens", type=int, default=512)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    total = dict.fromkeys(
        ("problems", "same prompt", "same prompt tokens", "same answer", "right here", "right there"), 0)
    with tempfile.TemporaryDirectory() as folder:
        here = evaluate(options, folder, endpoint=False)
        there = evaluate(options, folder, endpoint=True)
        header = read(there[0])[0]["provenance"]
        print(json.dumps(header["endpoint"], indent=1), json.dumps(header["tool"]["endpoint"], indent=1), sep="\n")
        for ours, theirs in zip(here, there):
            one, other = read(ours)[1], read(theirs)[1]
            for problem, answer in one.items():
                served = other[problem]
                total["problems"] += 1
                total["same prompt"] += answer["full_prompt"] == served["full_prompt"]
                contradicted = "prompt_tokens: the server said" in served.get("remark", "")
                total["same prompt tokens"] += answer["prompt_tokens"] == served["prompt_tokens"] and not contradicted
                total["same answer"] += answer["text"] == served["text"]
                total["right here"] += answer["grade"]
                total["right there"] += served["grade"]
    for name, count in total.items():
        print(f"{name}: {count}")
    sys.exit(total["same prompt"] != total["problems"] or total["same prompt tokens"] != total["problems"])


if __name__ == "__main__":
    main()
