"""Seconds a block on a device: qreason's GPTQ, AWQ and FlatQuant on random blocks of the 1.5B and 7B shapes, beside the plain
PyTorch formulas on the same card. The second of two blocks is told: the first warms the device up.

    python3 bench/quantize_device.py --device cuda [--shape 1.5b] [--sequences 128] [--steps 8] [--python PYTHON]

`build/qreason` is built against a libtorch that has the device; PYTHON has torch for it. GPTQ is w4g128 on SEQUENCES x 2048
tokens, AWQ w4g128 on SEQUENCES x 512, FlatQuant w4a4kv4, what a step of 4 x 512 tokens takes. A partner that does not run is
left out, with its reason. With --device cpu everything runs on the processor's kernels: a trial of this script.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from quantize_methods import CONFIG, ROOT, last_json, write_tokens

SHAPES = {"1.5b": {}, "7b": {"hidden_size": 3584, "intermediate_size": 18944, "num_attention_heads": 28,
                             "num_key_value_heads": 4}}


class Shape:
    """A random model of two blocks, and what is run on it."""

    def __init__(self, options, name, folder):
        self.options, self.name, self.folder = options, name, pathlib.Path(folder)
        self.model = self.folder / "model"
        (self.folder / "config.json").write_text(json.dumps({**CONFIG, **SHAPES[name]}))
        subprocess.run([options.python, ROOT / "tools/random_model.py", self.folder / "config.json", self.model, "--blocks",
                        "2"], check=True)

    def tokens(self, sequences, length):
        path = self.folder / f"tokens-{sequences}-{length}.safetensors"
        write_tokens(path, sequences, length)
        return path

    def block_seconds(self, method, sequences, length, *settings):
        """Of the second block, as report.json has them."""
        out = self.folder / method
        sets = [part for setting in (f"samples={sequences}", f"length={length}", *settings) for part in ("--set", setting)]
        subprocess.run([ROOT / "build/qreason", "quantize", self.model, method, "--calibration",
                        self.tokens(sequences, length), "-o", out, "--force", "--device", self.options.device, "--quiet",
                        *sets], check=True, stdout=subprocess.DEVNULL)
        return json.loads((out / "report.json").read_text())["blocks"][1]["seconds"]

    def partner(self, script, *more):
        """Standard output, or why there is none."""
        run = subprocess.run([self.options.python, ROOT / "bench" / script, *map(str, more), "--device",
                              self.options.device], capture_output=True, text=True, cwd=ROOT / "bench", check=False)
        if run.returncode:
            raise RuntimeError((run.stderr.strip().splitlines() or ["no output"])[-1])
        return run.stdout

    def show(self, what, ours, partner):
        try:
            theirs = partner()
            told = f"{theirs:9.2f} s   {theirs / ours:6.2f}"
        except RuntimeError as reason:
            told = f"left out: {reason}"
        print(f"{self.name:5} {what:34} {ours:9.2f} s   PyTorch formula {told}", flush=True)

    def gptq(self):
        def formula():
            output = self.partner("quantize_reference.py", "--shape", self.name, "--sequences", self.options.sequences,
                                  "--share")
            line = next(line for line in output.splitlines() if line.startswith("block"))
            return float(line.split()[-1].rstrip("s"))

        ours = self.block_seconds("gptq-w4g128", self.options.sequences, 2048)
        self.show(f"GPTQ, {self.options.sequences} x 2048 tokens", ours, formula)

    def awq(self):
        ours = self.block_seconds("awq-w4g128", self.options.sequences, 512)
        tokens = self.tokens(self.options.sequences, 512)
        self.show(f"AWQ, {self.options.sequences} x 512 tokens", ours, lambda: sum(last_json(self.partner(
            "quantize_awq_reference.py", self.model, tokens, "--sequences", self.options.sequences))["seconds"].values()))

    def flatquant(self):
        steps = self.options.steps
        few, more = (self.block_seconds("flatquant-w4a4kv4", 4, 512, f"epochs={count}") for count in (1, 1 + steps))
        self.show("FlatQuant, a step of 4 x 512 tokens", (more - few) / steps, lambda: last_json(self.partner(
            "quantize_flatquant_reference.py", self.model, self.tokens(4, 512), "--steps", steps))["seconds"]["steps"] / steps)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", required=True)
    options.add_argument("--shape", choices=SHAPES)
    options.add_argument("--sequences", type=int, default=128)
    options.add_argument("--steps", type=int, default=8)
    options.add_argument("--only", choices=["gptq", "awq", "flatquant"])
    options.add_argument("--python", default=sys.executable)
    options = options.parse_args()
    for name in [options.shape] if options.shape else SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            shape = Shape(options, name, folder)
            for method in ("gptq", "awq", "flatquant"):
                if options.only in (None, method):
                    getattr(shape, method)()


if __name__ == "__main__":
    main()
