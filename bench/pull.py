#!/usr/bin/env python3
"""Times a download of 1 GB from a local hub: bench/pull.py [BUILD] [PYTHON with huggingface_hub] [ROUNDS]

Beside `qreason pull`, which verifies SHA-256 and syncs to disk, in turns: curl and huggingface_hub, which do neither, and
curl with sha256sum behind it. `ninja -C BUILD qreason hub_server` first. MB/s of the best and of the middle round.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SIZE = 1_000_000_000
HUB_SCRIPT = "import sys; from huggingface_hub import snapshot_download; snapshot_download('org/big', cache_dir=sys.argv[1])"


def make_repository(root):
    folder = root / "models/org/big"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    with open(folder / "model.safetensors", "wb") as out:
        for _ in range(SIZE // 1_000_000):
            out.write(os.urandom(1_000_000))
    return folder / "model.safetensors"


def seconds_of(command, scratch, environment):
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    begin = time.monotonic()
    subprocess.run(command, check=True, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    taken = time.monotonic() - begin
    whole = [path for path in scratch.rglob("*") if path.is_file() and path.stat().st_size == SIZE]
    if not whole:
        raise SystemExit(f"error: {command[0]}: no file of {SIZE} bytes came")
    shutil.rmtree(scratch)
    return taken


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
    python = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as folder:
        root, scratch = pathlib.Path(folder, "hub"), pathlib.Path(folder, "scratch")
        make_repository(root)
        server = subprocess.Popen([build / "tests/hub_server", root], stdout=subprocess.PIPE, text=True)
        try:
            endpoint = server.stdout.readline().strip()
            url, copy = f"{endpoint}/org/big/resolve/main/model.safetensors", str(scratch / "copy")
            commands = {
                "qreason pull": [str(build / "qreason"), "pull", "org/big"],
                "curl, then sha256sum": ["sh", "-c", 'curl -sL -o "$1" "$0" && sha256sum "$1"', url, copy],
                "huggingface_hub (unverified)": [python, "-c", HUB_SCRIPT, str(scratch)],
                "curl (unverified)": ["curl", "-sL", "-o", copy, url],
            }
            environment = {"HF_ENDPOINT": endpoint, "QREASON_STORE": str(scratch)}
            times = {name: [] for name in commands}
            for _ in range(rounds):
                for name, command in commands.items():
                    times[name].append(seconds_of(command, scratch, environment))
        finally:
            server.terminate()
            server.wait()
    for name, taken in times.items():
        print(f"{name:30} {SIZE / 1e6 / min(taken):6.0f} {SIZE / 1e6 / statistics.median(taken):6.0f} MB/s")


if __name__ == "__main__":
    main()
