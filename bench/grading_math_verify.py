#!/usr/bin/env python3
"""Math-Verify on the pairs of bench/grading.cpp, one thread, processor time (pip install "math-verify[antlr4_13_2]")."""
import json
import sys
import time

from math_verify import parse, verify


def in_math(text):
    return text if "$" in text or "\\boxed" in text else f"${text}$"


def grade(pair):
    try:
        gold, answer = (parse(in_math(pair[name]), parsing_timeout=None) for name in ("gold", "text"))
        return bool(verify(gold, answer, timeout_seconds=None))
    except Exception:
        return False


pairs = [json.loads(line) for path in sys.argv[1:] for line in open(path, encoding="utf-8")]
start = time.process_time()
grades = [grade(pair) for pair in pairs]
seconds = time.process_time() - start
wrong = sum(grade != bool(pair["equal"]) for grade, pair in zip(grades, pairs))
accepted = sum(grade and not pair["equal"] for grade, pair in zip(grades, pairs))
print(f"{len(pairs)} pairs, {1000 * seconds / len(pairs):.2f} ms a pair, wrong on {wrong}, {accepted} wrong answers accepted")
