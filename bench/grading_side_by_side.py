#!/usr/bin/env python3
"""The grader and Math-Verify side by side, on the same labelled pairs and traces, one thread each, processor time:

    pip install "math-verify[antlr4_13_2]"        # into an environment of its own
    bench/grading_side_by_side.py [TRACES.json...]  # after cmake --build build --target bench_grading

Math-Verify has its own limit of 5 s an answer and a comparison. Pairs are those of tests/data/grading; traces are the
study's result files ({generated_text, gold, metrics}), whose recorded grade is the label.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from math_verify import parse, verify

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "tests/data/grading"
SETS = {"faults of others": ("faults.jsonl", "extraction_faults.jsonl"), "kinds": ("kinds.jsonl", "kinds_extraction.jsonl"),
        "more kinds": ("more_kinds.jsonl", "more_kinds_extraction.jsonl"),
        "pieces and orders": ("pieces_and_orders.jsonl", "pieces_and_orders_extraction.jsonl", "brackets_and_relations.jsonl"),
        "opened kinds": ("opened_kinds.jsonl", "opened_kinds_extraction.jsonl"),
        "styles": ("styles.jsonl", "styles_extraction.jsonl")}
ANSWERS_ALONE = ("kinds.jsonl", "more_kinds.jsonl", "pieces_and_orders.jsonl", "brackets_and_relations.jsonl", "opened_kinds.jsonl",
                 "styles.jsonl")


def in_math(text):
    return text if "$" in text or "\\boxed" in text or len(text) > 200 else f"${text}$"


def math_verify_grades(pairs):
    grades = []
    for pair in pairs:
        try:
            gold, answer = (parse(in_math(pair[name]), parsing_timeout=5) for name in ("gold", "text"))
            grades.append(bool(verify(gold, answer, timeout_seconds=5)))
        except Exception:
            grades.append(False)
    return grades


def our_grades(pairs):
    """Grades and milliseconds a pair, as bench_grading prints them."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(pair) + "\n" for pair in pairs)
        file.flush()
        printed = subprocess.run([ROOT / "build/bench/bench_grading", "--grades", file.name], check=True, capture_output=True, text=True)
    lines = printed.stdout.splitlines()
    return [line == "1" for line in lines[:-1]], float(lines[-1].split(", ")[1].split()[0])


def row(name, grader, grades, pairs, milliseconds):
    accepted = sum(grade and not pair["equal"] for grade, pair in zip(grades, pairs))
    rejected = sum(not grade and bool(pair["equal"]) for grade, pair in zip(grades, pairs))
    print(f"| {name} | {len(pairs)} | {grader} | {len(pairs) - accepted - rejected} | {accepted} | {rejected} | {milliseconds:.4f} | "
          f"{1000 / milliseconds:.0f} |", flush=True)


def compare(name, pairs):
    ours, milliseconds = our_grades(pairs)
    row(name, "qreason", ours, pairs, milliseconds)
    start = time.process_time()
    theirs = math_verify_grades(pairs)
    seconds = time.process_time() - start
    row(name, "Math-Verify", theirs, pairs, 1000 * seconds / len(pairs))


def read_pairs(file):
    """Where the text is the answer alone, it is put into a box."""
    pairs = [json.loads(line) for line in (DATA / file).open(encoding="utf-8")]
    return [pair | {"text": f"\\boxed{{{pair['text']}}}"} for pair in pairs] if file in ANSWERS_ALONE else pairs


def read_traces(path):
    return [{"text": answer["generated_text"], "gold": answer["gold"][0], "equal": int(answer["metrics"]["extractive_match"])}
            for answer in json.loads(pathlib.Path(path).read_text())]


def main():
    print("| answers | pairs | grader | right | wrong accepted | right rejected | ms a pair | pairs/s |")
    print("|---|---|---|---|---|---|---|---|")
    for name, files in SETS.items():
        compare(name, [pair for file in files for pair in read_pairs(file)])
    traces = [pair for path in sys.argv[1:] for pair in read_traces(path)]
    if traces:
        compare("traces", traces)


if __name__ == "__main__":
    main()
