"""Models, through the `qreason` program: what it opens, this opens, and every number is the program's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import _safetensors


class ProgramError(RuntimeError):
    """The program ended with an error; the message is its line."""


def _program(given: str | os.PathLike[str] | None) -> str:
    wanted = os.fspath(given) if given is not None else os.environ.get("QREASON") or "qreason"
    found = shutil.which(wanted)
    if found is None:
        raise ProgramError(f"{wanted}: no such program, expected qreason on the PATH, or its path in QREASON")
    return found


def _run(program: str, arguments: Sequence[str]) -> str:
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise ProgramError(lines[-1] if lines else f"{program} {arguments[0]}: exit code {done.returncode}")
    return done.stdout


@dataclass(frozen=True)
class Model:
    """A model that the program can open: its name or path, and what `qreason inspect` tells of it.

    info["config"] is its config.json, info["plan"] how it is quantized, info["memory"] what it takes to run it.
    """

    path: str
    info: Mapping[str, Any]
    program: str

    def logits(self, tokens: ArrayLike, *, dtype: str = "auto", threads: int = 0, device: str = "cpu") -> np.ndarray:
        """Logits float32 [n, length, vocabulary] of token ids [n, length] (or [length], and no n then)."""
        ids = np.asarray(tokens)
        if ids.ndim not in (1, 2) or ids.size == 0 or not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"tokens: {ids.dtype} {ids.shape}, expected integers [n, length] or [length], not empty")
        if ids.min() < 0 or ids.max() >= 2**31:
            raise ValueError("tokens: an id outside of 0 to 2^31 - 1, expected token ids")
        with tempfile.TemporaryDirectory(prefix="qreason-") as folder:
            given, answer = Path(folder) / "tokens.safetensors", Path(folder) / "logits.safetensors"
            _safetensors.write(given, "tokens", np.atleast_2d(ids).astype("<i4"))
            _run(self.program, ["logits", self.path, "--tokens", str(given), "-o", str(answer), "--quiet",
                                "--dtype", dtype, "--threads", str(threads), "--device", device])
            logits = _safetensors.read(answer, "logits")
        return logits if ids.ndim == 2 else logits[0]

    def quantize(self, method: str, output: str | os.PathLike[str], *, calibration: str | None = None,
                 threads: int = 0, device: str = "cpu", force: bool = False, **parameters: object) -> Model:
        """Applies a method ("gptq-w4g128") or a recipe file and opens what it wrote into the folder `output`.

        `parameters` are the method's own (`qreason quantize MODEL METHOD --help` lists them): act_order=True is
        --set act_order=true. The same call after an interruption goes on where it was.
        """
        arguments = ["quantize", self.path, method, "-o", os.fspath(output), "--quiet", "--threads", str(threads),
                     "--device", device]
        if calibration is not None:
            arguments += ["--calibration", calibration]
        if force:
            arguments.append("--force")
        for name, value in parameters.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            arguments += ["--set", f"{name}={text}"]
        _run(self.program, arguments)
        return open(output, program=self.program)


def open(model: str | os.PathLike[str], *, program: str | os.PathLike[str] | None = None) -> Model:
    """Opens a directory, a .gguf file, a name that `qreason models` lists, or a hub id that was pulled."""
    found = _program(program)
    path = os.fspath(model)
    return Model(path=path, info=json.loads(_run(found, ["inspect", path, "--json", "--quiet"])), program=found)
