"""The statistics of a study (docs/statistics.md of the project has every formula and its source).

Grades are 0 or 1, arrays [seeds, problems] or [problems] for one seed. Proportions are fractions of 1, intervals are of
95 %. What is not defined (a standard deviation of one seed) is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from . import _core

Interval = tuple[float, float]


def _matrix(values: ArrayLike, name: str) -> np.ndarray:
    matrix = np.atleast_2d(np.asarray(values))
    if matrix.ndim != 2 or matrix.size == 0:
        raise ValueError(f"{name}: shape {np.shape(values)}, expected [seeds, problems] or [problems], not empty")
    return matrix


def _whole(values: ArrayLike, name: str) -> np.ndarray:
    matrix = _matrix(values, name)
    if matrix.dtype == bool:
        return matrix.astype(np.int64)
    if not np.issubdtype(matrix.dtype, np.number) or np.any(matrix != np.floor(matrix)):
        raise ValueError(f"{name}: {matrix.dtype} that are no whole numbers, expected whole numbers")
    return matrix.astype(np.int64)


@dataclass(frozen=True)
class Answers:
    """The answers of one method to the problems of one task, with one or several seeds.

    grades     0 or 1, [seeds, problems]
    tokens     output tokens, same shape; None: not recorded
    truncated  whether an answer was cut off at its limit, same shape; None: not recorded
    seeds      names of the rows; McNemar's tests pair equal ones. By default 0, 1, ...
    ids        names of the problems, by which two methods are aligned; by default their position
    """

    grades: ArrayLike
    tokens: ArrayLike | None = None
    truncated: ArrayLike | None = None
    seeds: Sequence[int] | None = None
    ids: Sequence[str] | None = None
    _group: _core.SeedGroup = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        grades = _whole(self.grades, "grades")
        rows: dict[str, list[list[int]]] = {}
        for name, values in (("tokens", self.tokens), ("truncated", self.truncated)):
            matrix = np.empty((0, 0), np.int64) if values is None else _whole(values, name)
            if values is not None and matrix.shape != grades.shape:
                raise ValueError(f"{name}: shape {matrix.shape}, expected {grades.shape}, that of the grades")
            rows[name] = matrix.tolist()
        if any(value < 0 for row in rows["tokens"] for value in row):
            raise ValueError("tokens: a negative number, expected numbers of tokens")
        if any(value not in (0, 1) for row in rows["truncated"] for value in row):
            raise ValueError("truncated: a value that is neither 0 nor 1, expected booleans")
        seeds = list(range(grades.shape[0])) if self.seeds is None else [int(seed) for seed in self.seeds]
        ids = _positions(grades.shape[1]) if self.ids is None else [str(name) for name in self.ids]
        if len(seeds) != grades.shape[0]:
            raise ValueError(f"seeds: {len(seeds)}, expected {grades.shape[0]}, one a row of the grades")
        if len(ids) != grades.shape[1]:
            raise ValueError(f"ids: {len(ids)}, expected {grades.shape[1]}, one a column of the grades")
        truncated = [[bool(value) for value in row] for row in rows["truncated"]]
        group = _core.group("answers", seeds, ids, grades.tolist(), rows["tokens"], truncated)
        object.__setattr__(self, "_group", group)


def _positions(count: int) -> list[str]:
    width = len(str(count))
    return [f"{i:0{width}}" for i in range(count)]


@dataclass(frozen=True)
class Description:
    """One method: accuracy over its seeds, with the problem as what was sampled."""

    accuracy: float
    accuracy_std: float | None  #: over seeds, ddof 1
    accuracy_per_seed: list[float]
    clustered_se: float | None
    clustered_ci95: Interval | None  #: mean +- t SE, not clipped
    report_ci95: Interval | None  #: what to print: clipped, with the exact bound where nothing varies
    tokens: tuple[float, float | None] | None  #: mean and std of the seeds' means
    truncation_rate: float | None
    accuracy_of_finished: float | None
    within_variance: float | None  #: of a problem's grades between seeds
    seed_disagreement: float | None  #: share of problems that two seeds grade differently


@dataclass(frozen=True)
class McNemar:
    """The exact test of one seed's discordant pairs."""

    seed: int
    both_right: int
    right_to_wrong: int
    wrong_to_right: int
    both_wrong: int
    p_exact: float
    p_mid: float


@dataclass(frozen=True)
class Comparison:
    """A method against the baseline on the same problems: variant - baseline."""

    difference: float
    clustered_se: float | None
    clustered_ci95: Interval | None
    report_ci95: Interval | None
    bootstrap_bca95: Interval | None  #: problems drawn, infinitely many resamples
    p_t: float | None
    p_sign_flip: float  #: the main test: signs of the problems' differences exchanged, exactly
    p_stratified: float  #: of "no problem's success rate changed"
    mcnemar: list[McNemar]  #: one a seed that both have
    flips: tuple[int, int, int] | None  #: right to wrong, wrong to right, pairs; over those seeds
    recovery_percent: float | None
    token_ratio: float | None  #: mean tokens of the variant over those of the baseline
    token_ratio_se: float | None
    verdict_by_points: str  #: "lossless" (a drop of at most one point), "fair" (three), "risky"
    verdict_by_interval: str | None  #: the same of report_ci95, or "undecided"


def describe(answers: Answers) -> Description:
    return Description(**_core.describe(answers._group))  # type: ignore[arg-type]


def compare(baseline: Answers, variant: Answers) -> Comparison:
    """Raises Error where the two have not the same problems."""
    values = _core.compare(baseline._group, variant._group)
    values["mcnemar"] = [McNemar(**test) for test in values["mcnemar"]]  # type: ignore[attr-defined]
    return Comparison(**values)  # type: ignore[arg-type]


def mcnemar(right_to_wrong: int, wrong_to_right: int) -> tuple[float, float]:
    """Exact two-sided p of McNemar's test, and its mid-p."""
    if right_to_wrong < 0 or wrong_to_right < 0:
        raise ValueError(f"mcnemar: {right_to_wrong} and {wrong_to_right} pairs, expected 0 or more")
    return _core.mcnemar(right_to_wrong, wrong_to_right)


def wilson(correct: int, n: int) -> Interval:
    """The score interval of one run. Never of problems times seeds: the same problem twice is no independent trial."""
    return _core.wilson(correct, n)


def jeffreys(correct: int, n: int) -> Interval:
    """Beta(correct + 1/2, n - correct + 1/2), its end 0 for none right and 1 for all."""
    return _core.jeffreys(correct, n)


def clopper_pearson(correct: int, n: int) -> Interval:
    """The exact interval of one run, which is conservative."""
    return _core.clopper_pearson(correct, n)


def pass_at_k(n: int, right: int, k: int) -> float:
    """The chance that one of k answers to a problem is right at least, where `right` of n are (Chen et al. 2021)."""
    return _core.pass_at_k(n, right, k)


def majority_at_k(answers: Sequence[str], grades: Sequence[int], k: int) -> float:
    """The chance that the most frequent of k answers to a problem is right (self-consistency, Wang et al. 2022), over
    all draws of k of them. Answers are one where the mathematics grader takes them for equal; of several as frequent one
    is taken at random, and an empty one has no vote."""
    if any(grade not in (0, 1) for grade in grades):
        raise ValueError("grades: a value that is neither 0 nor 1")
    return _core.majority_at_k([str(answer) for answer in answers], [int(grade) for grade in grades], k)


def _p_values(p: Iterable[float | None]) -> list[float | None]:
    values = [None if value is None or np.isnan(value) else float(value) for value in p]
    if any(value is not None and not 0 <= value <= 1 for value in values):
        raise ValueError("p: a value outside of 0 to 1, expected p values; None or nan for no test")
    return values


def holm(p: Iterable[float | None]) -> list[float | None]:
    """p values of a family, adjusted for one false claim among all (Holm 1979). None is left out of the family."""
    return _core.holm(_p_values(p))


def benjamini_hochberg(p: Iterable[float | None]) -> list[float | None]:
    """p values of a family, adjusted for the share of false claims (Benjamini, Hochberg 1995)."""
    return _core.benjamini_hochberg(_p_values(p))


def _check_difference(difference: float, power: float, discordance: float | None = None) -> None:
    if not 0 < abs(difference) <= 1:
        raise ValueError(f"difference: {difference}, expected a fraction that is not 0")
    if not 0 < power < 1:
        raise ValueError(f"power: {power}, expected more than 0 and less than 1")
    if discordance is not None and not abs(difference) <= discordance <= 1:
        raise ValueError(f"discordance: {discordance}, expected {abs(difference)} to 1: each difference is a flip")


def mcnemar_problems(difference: float, discordance: float, power: float = 0.8) -> float:
    """Problems that one run each takes to find `difference`, `discordance` being the share of problems that flip: by
    Connor (1987), not rounded up. The exact test reaches less power with these; see exact_mcnemar_problems."""
    _check_difference(difference, power, discordance)
    return _core.mcnemar_problems(abs(difference), discordance, power)


def exact_mcnemar_problems(difference: float, discordance: float, power: float = 0.8) -> int:
    """Problems with which the exact test has that power."""
    _check_difference(difference, power, discordance)
    return _core.exact_mcnemar_problems(abs(difference), discordance, power)


def exact_mcnemar_power(n: int, difference: float, discordance: float) -> float:
    """The power of the exact test with n problems."""
    _check_difference(difference, 0.5, discordance)
    if n < 1:
        raise ValueError(f"n: {n}, expected 1 or more")
    return _core.exact_mcnemar_power(n, abs(difference), discordance)


def clustered_problems(between: float, within_baseline: float, within_variant: float, baseline_seeds: int,
                       variant_seeds: int, difference: float, power: float = 0.8) -> float:
    """Problems that the test over seeds takes (Miller 2024, section 5), not rounded up. `between` is the variance of the
    true differences between problems, the others are the variances of a problem's grades between seeds
    (Description.within_variance)."""
    _check_difference(difference, power)
    if min(between, within_baseline, within_variant) < 0:
        raise ValueError("variances: a negative one, expected 0 or more")
    if min(baseline_seeds, variant_seeds) < 1:
        raise ValueError(f"seeds: {baseline_seeds} and {variant_seeds}, expected 1 or more")
    return _core.clustered_problems(between, within_baseline, within_variant, baseline_seeds, variant_seeds, difference,
                                    power)
