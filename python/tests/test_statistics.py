"""Expected values are worked by hand, or are those of statsmodels where that is said."""

import math
import unittest

import numpy as np
import qreason


class Statistics(unittest.TestCase):
    def test_intervals_of_one_run(self):
        # statsmodels.stats.proportion.proportion_confint(8, 10, method=...)
        for function, low, high in ((qreason.wilson, 0.4901624715, 0.9433178485),
                                    (qreason.clopper_pearson, 0.4439045376, 0.9747892736)):
            got = function(8, 10)
            self.assertAlmostEqual(got[0], low, places=9)
            self.assertAlmostEqual(got[1], high, places=9)
        self.assertEqual(qreason.jeffreys(10, 10)[1], 1)
        with self.assertRaises(ValueError):
            qreason.wilson(11, 10)

    def test_mcnemar(self):
        exact, mid = qreason.mcnemar(10, 2)
        self.assertAlmostEqual(exact, 2 * (1 + 12 + 66) / 4096, places=15)
        self.assertAlmostEqual(mid, exact - 66 / 4096, places=15)

    def test_families(self):
        self.assertEqual([round(p, 12) if p is not None else None for p in qreason.holm([0.01, None, 0.04, 0.03])],
                         [0.03, None, 0.06, 0.06])
        self.assertEqual([round(p, 12) for p in qreason.benjamini_hochberg(np.array([0.01, 0.04, 0.03]))],
                         [0.03, 0.04, 0.04])

    def test_describe(self):
        answers = qreason.Answers([[1, 1, 0, 0], [1, 0, 0, 0]], tokens=[[10, 20, 30, 40], [20, 20, 30, 40]],
                                  truncated=[[False, False, False, True], [False, False, False, False]])
        description = qreason.describe(answers)
        self.assertEqual(description.accuracy, 0.375)
        self.assertEqual(description.accuracy_per_seed, [0.5, 0.25])
        # Problem means 1, 1/2, 0, 0: their standard deviation over sqrt(4).
        self.assertAlmostEqual(description.clustered_se, math.sqrt((0.625**2 + 0.125**2 + 2 * 0.375**2) / 3) / 2)
        self.assertEqual(description.tokens[0], 26.25)
        self.assertEqual(description.truncation_rate, 0.125)
        self.assertEqual(description.seed_disagreement, 0.25)

    def test_compare(self):
        baseline, variant = qreason.Answers(np.array([1, 1, 1, 0])), qreason.Answers(np.array([False, True, True, False]))
        result = qreason.compare(baseline, variant)
        self.assertEqual(result.difference, -0.25)
        self.assertEqual(result.clustered_se, 0.25)
        self.assertEqual(result.flips, (1, 0, 4))
        self.assertEqual(result.p_sign_flip, 1)
        self.assertEqual(result.mcnemar[0].p_exact, 1)
        self.assertAlmostEqual(result.recovery_percent, 200 / 3)
        self.assertEqual((result.verdict_by_points, result.verdict_by_interval), ("risky", "undecided"))
        self.assertIsNone(result.token_ratio)

    def test_aligns_by_id(self):
        baseline = qreason.Answers([1, 0], ids=["a", "b"])
        self.assertEqual(qreason.compare(baseline, qreason.Answers([0, 1], ids=["b", "a"])).difference, 0)
        with self.assertRaisesRegex(qreason.Error, "c"):
            qreason.compare(baseline, qreason.Answers([0, 1], ids=["a", "c"]))

    def test_refuses_what_is_no_grade(self):
        for grades in ([0, 2], [0.5], [], [[[1]]], ["yes"]):
            with self.assertRaises(ValueError):
                qreason.Answers(grades)
        with self.assertRaisesRegex(ValueError, "tokens"):
            qreason.Answers([1, 0], tokens=[3])
        with self.assertRaises(ValueError):
            qreason.Answers([[1], [0]], seeds=[42, 42])

    def test_several_answers(self):
        self.assertAlmostEqual(qreason.pass_at_k(3, 1, 2), 2 / 3)
        # Pairs: (1/2, 0.5) is right, the two others are ties of a right and a wrong answer.
        self.assertAlmostEqual(qreason.majority_at_k([r"\frac{1}{2}", "0.5", "3"], [1, 1, 0], 2), 2 / 3)
        self.assertAlmostEqual(qreason.majority_at_k(["7", "8", ""], [0, 1, 0], 2), 1 / 2)
        with self.assertRaises(qreason.Error):
            qreason.pass_at_k(3, 1, 4)
        with self.assertRaises(ValueError):
            qreason.majority_at_k(["7"], [2], 1)

    def test_power(self):
        # (z_.975 sqrt(.1) + z_.8 sqrt(.1 - .0025))^2 / .0025
        z975, z80 = 1.959963984540054, 0.8416212335729143
        wanted = (z975 * math.sqrt(0.1) + z80 * math.sqrt(0.0975)) ** 2 / 0.0025
        self.assertAlmostEqual(qreason.mcnemar_problems(-0.05, 0.1), wanted, places=6)
        n = qreason.exact_mcnemar_problems(0.05, 0.1)
        self.assertGreaterEqual(qreason.exact_mcnemar_power(n, 0.05, 0.1), 0.8)
        # (z_.975 + z_.8)^2 (.02 + .1 / 2 + .2 / 4) / .01
        self.assertAlmostEqual(qreason.clustered_problems(0.02, 0.1, 0.2, 2, 4, 0.1), (z975 + z80) ** 2 * 0.12 / 0.01,
                               places=6)
        with self.assertRaises(ValueError):
            qreason.mcnemar_problems(0.2, 0.1)


if __name__ == "__main__":
    unittest.main()
