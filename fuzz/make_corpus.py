#!/usr/bin/env python3
"""Writes what each fuzzer begins with, OUT/<fuzzer>/: labelled answers, small data files, task and study files, streams."""
import base64
import hashlib
import json
import pathlib
import pickle
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "tests/data"
HEADER = {"qreason_results": 1, "task": "t", "dataset": {"name": "t"}, "model": "m", "method": "bf16", "seed": 42, "samples": 1,
          "provenance": {"tool": "1"}}
ANSWER = {"id": "1", "seed": 42, "sample": 0, "prompt_tokens": 3, "output_tokens": 5, "finish_reason": "stop", "grade": 1,
          "extracted": "4", "gold": "4", "full_prompt": "2+2?", "text": "\\boxed{4}", "timing": {"seconds": 0.5}}
TRACE = {"id": "1", "prompt": "2+2?", "generation": "\\boxed{4}", "prompt_tokens": 3, "output_tokens": 5, "finish_reason": "stop",
         "seed": 42, "gold": "4", "grade": 1}
STUDY_FORM = [{"full_prompt": "2+2?", "generated_text": "4", "gold": ["4"], "metrics": {"extractive_match": 1.0}}]
PIECE = {"id": "a", "model": "m", "choices": [{"index": 0, "delta": {"content": "4", "reasoning_content": "2+2"}, "finish_reason": "stop"}],
         "usage": {"prompt_tokens": 3, "completion_tokens": 5}}
CHOICE = {"id": "a", "model": "m", "choices": [{"index": 0, "text": "4", "finish_reason": "length"}]}
WHOLE = {"id": "a", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}]}
SCHEMES = {"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed", "version": "0.19.0",
           "config_groups": {"group_0": {"targets": ["Linear", "re:.*mlp\\.(up|gate)_proj$"], "weights": {
               "num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 128, "actorder": "static"},
               "input_activations": {"num_bits": 8, "type": "float", "strategy": "token", "dynamic": True}}},
           "ignore": ["lm_head"], "kv_cache_scheme": {"num_bits": 8, "type": "float", "strategy": "tensor"}}
TESTS = [{"input": "1\n", "output": "1\n", "testtype": "stdin"}]


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def pairs(*names):
    for name in names:
        for line in (DATA / "grading" / name).read_text(encoding="utf-8").splitlines():
            pair = json.loads(line)
            yield f"{pair['gold']}\0{pair['text']}".encode()


def seeds():
    yield "math", list(pairs("faults.jsonl", "kinds.jsonl", "extraction_faults.jsonl", "kinds_extraction.jsonl", "more_kinds.jsonl",
                              "more_kinds_extraction.jsonl"))
    yield "choice", list(pairs("choice.jsonl"))
    yield "code", [b"1 2\n\0 1.0  2", b"[1, 2.5, \"a\", null, true, {\"a\": [1]}]\0l2;i1;fs1;a", b"[[1], \"a\"]\0l2;l1;i1;s1;a",
                   b"x\0```python\nprint(1)\n```\n", b"1e400 nan\0Infinity"]
    yield "results", [lines(HEADER, ANSWER, ANSWER), lines({"qreason_traces": 1, "run": HEADER}, TRACE), json.dumps(STUDY_FORM).encode(),
                      lines(HEADER) + b'{"id": "1", "se']
    yield "toml", [path.read_bytes() for folder in ("studies", "docs/tasks") for path in sorted((ROOT / folder).glob("*.toml"))]
    packed = base64.b64encode(zlib.compress(pickle.dumps(json.dumps(TESTS))))
    yield "pickle", [packed, json.dumps(TESTS).encode(), b'{"func_name": "f"}', zlib.compress(b"x" * 1000)] + [
        pickle.dumps(text, protocol) for protocol in range(6) for text in ("", "a\u00e9\n", "x" * 300)]
    yield "table", [path.read_bytes() for path in sorted((DATA / "parquet").iterdir()) if path.stat().st_size < 20000] + [
        lines({"a": "x", "b": [1, 2]}, {"a": None}), b'[{"a": 1.5}, {"a": {"b": true}}]', b'a,b\n"x ""y""\nz",2\n']
    yield "schemes", [json.dumps(SCHEMES).encode()]
    yield "answer", [bytes([first]) + text for first in (1, 14, 255) for text in (
        b"data: " + json.dumps(PIECE).encode() + b"\r\n\r\ndata: [DONE]\n\n", json.dumps(WHOLE).encode())] + [
        bytes([4]) + b": hello\ndata: " + json.dumps(CHOICE).encode() + b"\n\n", bytes([2]) + json.dumps(CHOICE).encode()]


def main():
    for name, texts in seeds():
        folder = pathlib.Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for text in texts:
            (folder / hashlib.sha1(text).hexdigest()).write_bytes(text)


if __name__ == "__main__":
    main()
