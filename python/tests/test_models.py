import os
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import qreason

PROGRAM = os.environ.get("QREASON") or shutil.which("qreason")
MODEL = Path(__file__).resolve().parents[2] / "models" / "steps-qwen2-1m"


class WithoutProgram(unittest.TestCase):
    def test_says_what_is_missing(self):
        with self.assertRaisesRegex(qreason.ProgramError, "no such program, expected qreason on the PATH"):
            qreason.open(MODEL, program="/nowhere/qreason")


@unittest.skipUnless(PROGRAM, "no qreason program: QREASON names none and the PATH has none")
class Models(unittest.TestCase):
    def test_logits_and_quantize(self):
        model = qreason.open(MODEL)
        vocabulary = model.info["config"]["vocab_size"]
        tokens = np.array([[1, 2, 3], [4, 5, 6]])
        logits = model.logits(tokens)
        self.assertEqual((logits.shape, logits.dtype), ((2, 3, vocabulary), np.float32))
        # One sequence alone has the same bits: logits do not depend on the batch.
        np.testing.assert_array_equal(model.logits(tokens[1]), logits[1])
        with tempfile.TemporaryDirectory() as folder:
            small = model.quantize("rtn-w4g64", Path(folder) / "small")
            self.assertEqual(small.info["plan"]["weights"]["self_attn.q_proj"], "w4g64-asym")
            self.assertGreater(np.abs(small.logits(tokens) - logits).max(), 0)

    def test_errors_are_the_programs_line(self):
        with self.assertRaisesRegex(qreason.ProgramError, "nowhere"):
            qreason.open("/nowhere")
        with self.assertRaisesRegex(ValueError, "tokens"):
            qreason.open(MODEL).logits(np.array([0.5]))


if __name__ == "__main__":
    unittest.main()
