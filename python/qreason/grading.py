"""Grades of answers. What counts as equal is written down in docs/grading.md of the project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from . import _core

Task = Literal["math", "choice"]
_Grader = Callable[["str | bytes", "str | bytes"], "tuple[bool, str]"]
_Explainer = Callable[["str | bytes", "str | bytes"], str]


class Grade(NamedTuple):
    correct: bool
    extracted: str  #: the answer as found in the text; empty where there is none


_GRADERS: dict[str, tuple[_Grader, _Explainer]] = {
    "math": (_core.grade_math, _core.explain_math),
    "choice": (_core.grade_choice, _core.explain_choice),
}


def _functions(task: str, gold: str | bytes) -> tuple[_Grader, _Explainer]:
    if task not in _GRADERS:
        raise ValueError(f"task: {task!r}, expected one of {', '.join(sorted(_GRADERS))}")
    if not gold.strip():
        raise ValueError("gold: empty, expected an answer")
    if task == "choice" and not _core.is_choice(gold):
        raise ValueError(f"gold: {gold!r}, expected the letter of a choice")
    return _GRADERS[task]


def grade(text: str | bytes, gold: str | bytes, task: Task = "math") -> Grade:
    """Grades what a model wrote against the gold answer.

    `text` is the whole answer, its thought included. `gold` is the answer ("18", r"\\frac{1}{2}", "C") or, for "math", a
    worked solution that holds it in its last box. The same verdict as `qreason evaluate` and `qreason grade` give.
    """
    return Grade(*_functions(task, gold)[0](text, gold))


def explain(text: str | bytes, gold: str | bytes, task: Task = "math") -> str:
    """The grade for people: where the answer was found, what both are read as, and what decided; one line each."""
    return _functions(task, gold)[1](text, gold)
