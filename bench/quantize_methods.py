"""A block of the 1.5B shape (hidden 1536, intermediate 8960, 12 query and 2 key/value heads of 128): qreason's AWQ,
FlatQuant and GPTQ beside AutoAWQ, GPTQModel and the plain PyTorch formulas, one after the other on the same random block,
tokens and threads. Prints seconds of the clock and of the processor (over all threads), and how many times ours each takes.
A partner that does not run is left out, with its reason.

    python3 bench/quantize_methods.py [--threads 2] [--sequences 16] [--steps 4] [--only awq] [--python PYTHON]
                                      [--autoawq-python PYTHON] [--gptqmodel-python PYTHON]

`--python` has torch; autoawq and gptqmodel ask for different versions of transformers, so each may have an environment of its
own (those of tools/check_consumers.py do). build/qreason and build/bench/bench_quantize are built. AWQ: w4g128 on
SEQUENCES x 512 tokens, the whole command. FlatQuant: w4a4kv4, a step of 4 x 512 tokens: what STEPS more of them take.
GPTQ: w4g128 on 4 x 2048 tokens.
"""
import argparse
import json
import pathlib
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
LENGTH, VOCABULARY = 512, 2048
STEP_SEQUENCES = 4  # FlatQuant's batch
CONFIG = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 1536, "intermediate_size": 8960,
          "num_hidden_layers": 28, "num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": VOCABULARY,
          "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "tie_word_embeddings": True,
          "hidden_act": "silu", "torch_dtype": "bfloat16", "bos_token_id": 1, "eos_token_id": 2}


class Rows:
    """Lines of the table; the first of a method is ours."""

    def __init__(self):
        self.ours = None

    def add(self, name, seconds, processor):
        self.ours = self.ours or (seconds, processor)
        print(f"{name:46} {seconds:9.2f} s  processor {processor:9.2f} s   {seconds / self.ours[0]:6.2f} "
              f"{processor / self.ours[1]:6.2f}", flush=True)

    def partner(self, name, run, times_of):
        if run.returncode:
            reason = (run.stderr.strip().splitlines() or ["no output"])[-1]
            print(f"{name:46} left out: {reason}", flush=True)
        else:
            self.add(name, *times_of(run))


def write_tokens(path, sequences, length=LENGTH):
    source = random.Random(1)
    values = [source.randrange(VOCABULARY) for _ in range(sequences * length)]
    header = json.dumps({"tokens": {"dtype": "I32", "shape": [sequences, length],
                                    "data_offsets": [0, 4 * len(values)]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(values)}i", *values))


def last_json(text):
    return json.loads([line for line in text.splitlines() if line.startswith("{")][-1])


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, pathlib.Path(folder)
        self.model, self.tokens = self.folder / "model", self.folder / "tokens.safetensors"
        (self.folder / "config.json").write_text(json.dumps(CONFIG))
        self.run([options.python, ROOT / "tools/random_model.py", self.folder / "config.json", self.model, "--blocks", 1],
                 check=True)
        write_tokens(self.tokens, options.sequences)
        self.step_tokens = self.folder / "step.safetensors"
        write_tokens(self.step_tokens, STEP_SEQUENCES)

    def run(self, command, check=False):
        """A finished process, with what it took."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run([str(part) for part in command], cwd=ROOT / "bench", capture_output=True, text=True,
                              check=check)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        done.seconds = time.perf_counter() - start
        done.processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return done

    def partner(self, script, *more):
        python = {"quantize_autoawq.py": self.options.autoawq_python,
                  "quantize_gptqmodel.py": self.options.gptqmodel_python}.get(script) or self.options.python
        return self.run([python, ROOT / "bench" / script, *more, "--threads", self.options.threads])

    def quantize(self, method, tokens, *settings):
        return self.run([ROOT / "build/qreason", "quantize", self.model, method, "--calibration", tokens, "-o",
                         self.folder / method, "--force", "--threads", self.options.threads, *settings], check=True)

    def awq(self, rows):
        size = f"AWQ, {self.options.sequences} x {LENGTH} tokens"
        ours = self.quantize("awq-w4g128", self.tokens)
        rows.add(f"{size}: qreason", ours.seconds, ours.processor)
        for name, script in (("PyTorch formula", "quantize_awq_reference.py"), ("AutoAWQ", "quantize_autoawq.py")):
            run = self.partner(script, self.model, self.tokens, "--sequences", self.options.sequences)
            rows.partner(f"{size}: {name}", run, lambda run: (sum(last_json(run.stdout)[key].values())
                                                              for key in ("seconds", "processor")))

    def flatquant(self, rows):
        steps = self.options.steps
        few, more = (self.quantize("flatquant-w4a4kv4", self.step_tokens, "--set", f"epochs={count}")
                     for count in (1, 1 + steps))
        rows.add("FlatQuant, a step: qreason", (more.seconds - few.seconds) / steps,
                 (more.processor - few.processor) / steps)
        run = self.partner("quantize_flatquant_reference.py", self.model, self.step_tokens, "--steps", steps)
        rows.partner("FlatQuant, a step: PyTorch formula", run,
                     lambda run: (last_json(run.stdout)[key]["steps"] / steps for key in ("seconds", "processor")))

    def gptq(self, rows):
        def times(run):
            line = next(line for line in reversed(run.stdout.splitlines()) if line.startswith("block"))
            seconds = float(line.rstrip().rstrip("s").split()[-1])
            return seconds, seconds / run.seconds * run.processor

        run = self.run([ROOT / "build/bench/bench_quantize", self.options.threads, 4], check=True)
        rows.add("GPTQ, 4 x 2048 tokens: qreason", *times(run))
        for name, script in (("PyTorch formula", "quantize_reference.py"), ("GPTQModel", "quantize_gptqmodel.py")):
            rows.partner(f"GPTQ, 4 x 2048 tokens: {name}", self.partner(script, "--sequences", 4), times)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--sequences", type=int, default=16)
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--only", choices=["awq", "flatquant", "gptq"])
    options.add_argument("--python", default=sys.executable)
    options.add_argument("--autoawq-python")
    options.add_argument("--gptqmodel-python")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, folder)
        for method in ("awq", "flatquant", "gptq"):
            if options.only in (None, method):
                getattr(bench, method)(Rows())


if __name__ == "__main__":
    main()
