"""qreason from Python: grades of answers, statistics of studies, and models through the program.

    import numpy as np, qreason

    qreason.grade(r"... so the answer is \\boxed{\\frac{1}{2}}", gold="0.5").correct     # True

    baseline = qreason.Answers(grades=np.array([[1, 1, 0], [1, 0, 0]]))                  # [seeds, problems]
    variant = qreason.Answers(grades=np.array([[1, 0, 0], [0, 0, 0]]))
    qreason.compare(baseline, variant).report_ci95

    model = qreason.open("steps-qwen2-3m")                                               # needs the program
    model.quantize("gptq-w4g64", "out").logits(np.array([[1, 2, 3]]))

The graders and the statistics need nothing but this package. What runs a model calls the `qreason` program: the one that
QREASON names, else the one on the PATH.
"""

from ._core import Error
from .grading import Grade, explain, grade
from .models import Model, ProgramError, open
from .statistics import (Answers, Comparison, Description, McNemar, benjamini_hochberg, clopper_pearson,
                         clustered_problems, compare, describe, exact_mcnemar_power, exact_mcnemar_problems, holm, jeffreys,
                         majority_at_k, mcnemar, mcnemar_problems, pass_at_k, wilson)

__all__ = [
    "Answers", "Comparison", "Description", "Error", "Grade", "McNemar", "Model", "ProgramError", "benjamini_hochberg",
    "clopper_pearson", "clustered_problems", "compare", "describe", "exact_mcnemar_power", "exact_mcnemar_problems",
    "explain", "grade", "holm", "jeffreys", "majority_at_k", "mcnemar", "mcnemar_problems", "open", "pass_at_k",
    "wilson",
]
