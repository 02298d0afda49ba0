#!/usr/bin/env python3
"""Texts of 1 MB and answers of 4000 bytes that are made to be slow to grade, as pairs for bench_grading, which prints the
processor time of the worst:

    bench/slow_answers.py OUT            # writes OUT/*.jsonl
    build/bench/bench_grading OUT/*.jsonl
"""
import json
import pathlib
import random
import sys

MEGABYTE = 1_000_000
# Each repeated to 1 MB, alone and with a last value behind it.
PIECES = [
    "{", "\\left(", "\\left(x", "\\frac{", "\\frac12", "\\boxed{1}", "\\boxed{1} and ", "\\boxed{", "\\boxed{\\boxed{", "9", "1,", "12, ", "$",
    "$1$ ", "$1$ and ", "$x=1$, ", "\\(", "\\(1\\) ", "\\[1\\] ", "$$", "ab", "a b ", "xy", "√", "½", "−", "1+", "x+", "2\\cdot", "2^", "x^2+", "!",
    "\\sqrt{", "\\text{", "\\text{a} ", "the answer is ", "answer: ", "Answer: 5\n", "final answer is ", "####", "<think>", "</think>",
    "<think>a</think>", "(1, 2), ", "(1, 2) ", "[(", "3 or ", "3 and ", "x = 3 or ", "are 3, ", "3\n", "3 ", "1 1/2 ", "1/2", "1e5 ",
    "3 \\times 10^{5} ", "3 million ", "5% ", "3:", "4:30 ", "2 hours and 30 minutes ", "3 by ", "3 mod ", "x = ", "x < ", "- ", "+ x ", "-", "((",
    "))", "(1", "(1+", "1)", "{[(", "\\", "\\n", "\0", "'", "_", "x_", "^", "1, 2, \\ldots, ", "...", "1.5...", "12 cm^2 ", "\\begin{pmatrix}",
    "\\begin{cases}1", "\\end{pmatrix}", "1&", "1\\\\", "I hope it is correct", "not ", "not \\boxed{3}, ", "π ", "6√2 ", "sqrt(", "2 sqrt(", "１２",
    "１a", "a=", "\t", "\n", "\r\n", " ", "f(", "log_2(", "(x+1)/", "(x+1)^", "3x + ", "A(3, 4) ", "{3, 4} ", "<3, 4> "]


def texts():
    """(text, gold) of 1 MB."""
    for piece in PIECES:
        text = (piece * (MEGABYTE // len(piece) + 1))[:MEGABYTE]
        yield text, "5"
        yield text + " 5", "5"
    numbers = list(range(1, 160_000))
    shuffled = random.sample(numbers, len(numbers))
    yield "{" * 500_000 + "}" * 500_000, "5"
    yield "\\boxed{" + "{" * 490_000 + "5" + "}" * 490_000 + "}", "5"
    yield "\\boxed{" + "\\left(" * 60_000 + "5" + "\\right)" * 60_000 + "}", "5"
    yield "\\boxed{" + "7" * MEGABYTE + "}", "7" * (MEGABYTE - 1) + "8"
    yield "\\boxed{" + ",".join(map(str, numbers)) + "}", ",".join(map(str, shuffled))
    yield "The numbers are " + ", ".join(map(str, numbers)), "5"
    yield ", ".join(f"\\boxed{{{i}}}" for i in range(80_000)), "5"
    yield "\\boxed{a}\\boxed{b}" * 50_000, "a,b"
    yield "".join(chr(random.randrange(32, 127)) for _ in range(MEGABYTE)), "5"
    yield "".join(random.choice("{}$\\()[]0123456789abx+-*/^_=,.<> \n") for _ in range(MEGABYTE)), "5"


def both_orders(form, joint=",", count=98):
    """The same elements in order and shuffled, and with others; at most 3900 bytes of them."""
    while len(joint.join(form(i + count) for i in range(1, count + 1))) > 3900:
        count -= 1
    order = list(range(1, count + 1))
    for other in (random.sample(order, count), [i + count for i in order]):
        yield joint.join(form(i) for i in order), joint.join(form(i) for i in other)


def answers():
    """(answer, gold) of at most 4000 bytes."""
    forms = [str, lambda i: str(10**30 + i), lambda i: f"\\sqrt{{{i}}}", lambda i: f"\\sin {i}", lambda i: f"x_{{{i}}}", lambda i: f"\\sin({i}x)",
             lambda i: f"|x-{i}|", lambda i: f"({i},{i + 1})", lambda i: f"(\\sqrt{{{i}}},\\sqrt{{{i + 1}}})", lambda i: f"x={i}",
             lambda i: f"{i}x+y={i}", lambda i: f"x+y>{i}", lambda i: f"\\{{{i},{i + 1}\\}}", lambda i: f"\\{{\\sqrt{{{i}}},\\sqrt{{{i + 1}}}\\}}"]
    for form in forms:
        yield from both_orders(form)
    for form in (lambda i: f"\\sqrt{{{i + 1}}}", lambda i: f"\\sin {i}", lambda i: f"\\ln {i}", lambda i: f"a_{{{i}}}", lambda i: f"|x-{i}|", lambda i: f"|x-{i}y|",
                 lambda i: f"\\sqrt{{a_{{{i}}}}}", lambda i: f"\\lfloor x/{i}\\rfloor", lambda i: f"|\\sin({i}x)|", lambda i: f"{i + 100}!"):
        yield from both_orders(form, "+", 220)
    yield from both_orders(lambda i: f"({2 * i},{2 * i + 1})", "\\cup ", 24)
    yield from both_orders(lambda i: f"\\frac{{1}}{{x-{i}}}", "+", 200)
    yield from both_orders(lambda i: f"x^{{{i}}}&x<{i}", "\\\\", 99)
    for name in ("max", "min"):
        for form in ("x-{}", "\\sin({}x)"):
            yield f"\\{name}(" + ",".join(form.format(i) for i in range(250)) + ")", "x"
    nests = ["\\sqrt{{2+{}}}", "\\sin({})", "e^{{{}}}", "1+\\frac{{1}}{{{}}}", "\\left|x-{}\\right|", "\\{{{}\\}}", "2^{{{}}}", "\\log_{{2}}({})"]
    for nest in nests:
        inner = "x"
        for _ in range(28):
            inner = nest.format(inner)
        yield inner, "x"
    yield "(x+1)" * 500, "(x+1)^{500}"
    yield "\\sqrt{x+1}" * 350, "(x+1)^{175}"
    yield "\\sqrt{1+i}" * 300, "5"
    for answer in ("2^{2^{2^{2^{2}}}}+1", "10^{10^{10}}", "x^{1000000007}", "1000!", "((5!)!)!", "\\binom{100000}{50000}", "\\sin(10^{6000})", "\\tan(10^{1000})",
                   "e^{" + "9" * 3000 + "}", "\\sqrt[" + "9" * 3000 + "]{2}", "(\\frac{3}{7})^{10000}", "\\sum_{k=1}^{1900}\\sin k", "\\sum_{k=1}^{1900}\\sqrt{k}",
                   "\\sum_{a=1}^{30}\\sum_{b=1}^{30}\\sqrt{a+b}", "\\sum_{k=1}^{n}k\\cdot k!", "\\sum_{k=1}^{n}\\sqrt{k}", "1,2,\\ldots,99",
                   "+".join(["1+2+3+\\cdots+10"] * 200), "1+2+4+\\cdots+" + str(2**199), "3," + "9" * 1500 + ",\\ldots,5", "3." + "3" * 3900, "1" * 3000 + "_{36}",
                   "\\pm".join(map(str, range(600))), "=".join(["x"] * 1900), "m+n=" + "=".join(["\\sqrt{116}"] * 270), "<".join(map(str, range(900))),
                   ":".join(map(str, range(1, 900))), "5\\text{ " + "m/s " * 700 + "}", "one hundred " * 300, "2" + "^2" * 1500, "3" + "!" * 50, "-" * 3901 + "5",
                   "\\gcd(" + ",".join(["9" * 300] * 12) + ")", "\\operatorname{lcm}(" + ",".join(map(str, range(1, 900))) + ")", "2020-05-06 " * 300):
        yield answer, "5"
        yield answer, answer + "+0"
    row = "&".join(["\\sqrt2"] * 8)
    yield "\\begin{vmatrix}" + "\\\\".join([row] * 8) + "\\end{vmatrix}", "0"
    yield "\\begin{pmatrix}" + "\\\\".join([row] * 8) + "\\end{pmatrix}", "\\begin{pmatrix}" + "\\\\".join([row] * 8) + "\\end{pmatrix}^{1}"


def main():
    random.seed(1)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    pairs = list(texts())
    for part in range(0, len(pairs), 40):
        with (out / f"texts_{part:03}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": text, "gold": gold}) + "\n" for text, gold in pairs[part:part + 40])
    with (out / "answers.jsonl").open("w", encoding="utf-8") as file:
        for answer, gold in answers():
            assert len(answer) <= 4000, answer[:60]
            file.write(json.dumps({"text": f"\\boxed{{{answer}}}", "gold": gold}) + "\n")


if __name__ == "__main__":
    main()
