#!/usr/bin/env python3
"""Writes study/at_k.json: pass@k and maj@k of small problems by drawing all subsets, and the BCa interval of the ideal
bootstrap (all resamples) of a group's means. Python's own fractions and statistics; nothing of the program is used.

    python3 tests/data/make_at_k_goldens.py > tests/data/study/at_k.json
"""

import itertools
import json
import math
import random
from collections import Counter
from fractions import Fraction
from statistics import NormalDist

NO_ANSWER = -1


def pass_at(grades: list[int], k: int) -> Fraction:
    draws = list(itertools.combinations(grades, k))
    return Fraction(sum(max(draw) for draw in draws), len(draws))


def share_right(candidates: list[int], grades: list[int], candidate: int) -> Fraction:
    own = [grade for name, grade in zip(candidates, grades) if name == candidate]
    return Fraction(sum(own), len(own))


def majority_at(candidates: list[int], grades: list[int], k: int) -> Fraction:
    right = {name: share_right(candidates, grades, name) for name in set(candidates)}
    total, draws = Fraction(0), 0
    for draw in itertools.combinations(candidates, k):
        draws += 1
        votes = Counter(name for name in draw if name != NO_ANSWER)
        if not votes:
            continue
        most = max(votes.values())
        winners = [name for name, count in votes.items() if count == most]
        total += sum((right[name] for name in winners), Fraction(0)) / len(winners)
    return total / draws


def bca(values: list[Fraction]) -> list[float] | None:
    """Of the mean: the distribution of the sum of as many draws, exactly; Efron, Tibshirani (1993), 14.10."""
    n, observed = len(values), sum(values)
    if len(set(values)) == 1:
        return None
    share = {value: Fraction(count, n) for value, count in Counter(values).items()}
    sums = {Fraction(0): Fraction(1)}
    for _ in range(n):
        grown: Counter = Counter()
        for value, probability in sums.items():
            for step, chance in share.items():
                grown[value + step] += probability * chance
        sums = dict(grown)
    normal = NormalDist()
    below = sum(p for value, p in sums.items() if value < observed) + sums[observed] / 2
    z0 = normal.inv_cdf(float(below))
    jackknife = [float((observed - value) / (n - 1)) for value in values]
    away = [sum(jackknife) / n - value for value in jackknife]
    acceleration = sum(d**3 for d in away) / (6 * sum(d**2 for d in away) ** 1.5)
    ends = []
    for tail in (0.025, 0.975):
        z = z0 + normal.inv_cdf(tail)
        level = normal.cdf(z0 + z / (1 - acceleration * z))
        reached = Fraction(0)
        for value in sorted(sums):
            reached += sums[value]
            if reached >= level:
                ends.append(float(value / n))
                break
    return ends


def a_problem(generator: random.Random, n: int) -> tuple[list[int], list[int]]:
    kinds = generator.randint(1, 4)
    candidates = [generator.randint(NO_ANSWER, kinds - 1) for _ in range(n)]
    names = list(dict.fromkeys(name for name in candidates if name != NO_ANSWER))  # numbered as they come
    candidates = [name if name == NO_ANSWER else names.index(name) for name in candidates]
    right = generator.randint(0, kinds)
    grades = [1 if name == right else 0 for name in candidates]
    if generator.random() < 0.2:  # graders are no equivalence: one of a candidate's answers may be graded otherwise
        at = generator.randrange(n)
        grades[at] = 0 if candidates[at] == NO_ANSWER else 1 - grades[at]
    return candidates, grades


def main() -> None:
    generator = random.Random(20261128)
    problems = []
    for n in [1, 2, 3, 4, 5, 6, 8, 11, 14] * 4:
        candidates, grades = a_problem(generator, n)
        for k in sorted({1, 2, n // 2, n} - {0}):
            if k <= n and math.comb(n, k) < 4000:
                problems.append(
                    {
                        "candidates": candidates,
                        "grades": grades,
                        "k": k,
                        "pass": float(pass_at(grades, k)),
                        "majority": float(majority_at(candidates, grades, k)),
                    }
                )
    groups = []
    for seeds, count in [(3, 20), (4, 12), (3, 5)]:
        own = [a_problem(generator, seeds) for _ in range(count)]
        rows = []
        for k in range(1, seeds + 1):
            passes = [pass_at(grades, k) for _, grades in own]
            majorities = [majority_at(candidates, grades, k) for candidates, grades in own]
            gains = [many - pass_at(grades, 1) for many, (_, grades) in zip(majorities, own)]
            rows.append(
                {
                    "k": k,
                    "pass": float(sum(passes) / count),
                    "pass_ci95": bca(passes),
                    "majority": float(sum(majorities) / count),
                    "majority_ci95": bca(majorities),
                    "gain": float(sum(gains) / count),
                    "gain_ci95": bca(gains),
                }
            )
        groups.append({"candidates": [c for c, _ in own], "grades": [g for _, g in own], "at_k": rows})
    lines = [json.dumps(problem) for problem in problems]
    print('{"problems": [\n  ' + ",\n  ".join(lines) + '\n],\n"groups": [\n  ', end="")
    print(",\n  ".join(json.dumps(group) for group in groups) + "\n]}")


if __name__ == "__main__":
    main()
