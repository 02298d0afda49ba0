import unittest

import qreason


class Grading(unittest.TestCase):
    def test_math(self):
        self.assertEqual(qreason.grade(r"so it is \boxed{\frac{2}{4}}", gold="0.5"), (True, r"\frac{2}{4}"))
        self.assertFalse(qreason.grade(r"\boxed{2^{n-1}}", gold="2^{n}-1").correct)
        self.assertTrue(qreason.grade("#### 1,200", gold=r"We get \boxed{1200}.").correct)

    def test_choice(self):
        self.assertTrue(qreason.grade("The correct option is (C).", gold="c", task="choice").correct)
        self.assertFalse(qreason.grade("Answer: A", gold="C", task="choice").correct)

    def test_explains_in_lines(self):
        self.assertIn("0.51", qreason.explain("The answer is 0.51", gold="1/2"))

    def test_takes_any_bytes(self):
        self.assertFalse(qreason.grade(b"\xff\xfe \\boxed{\xff}", gold=b"3").correct)

    def test_refuses_what_is_no_gold_answer(self):
        for gold, task in (("", "math"), ("  ", "choice"), ("42", "choice"), ("1", "essay")):
            with self.assertRaisesRegex(ValueError, "expected"):
                qreason.grade("1", gold=gold, task=task)


if __name__ == "__main__":
    unittest.main()
