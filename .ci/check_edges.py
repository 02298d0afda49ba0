#!/usr/bin/env python3
"""Fails on an #include between layers that the design does not have, and on a library layer that prints or exits.

The allowed edges are the qreason_layer(...) table of CMakeLists.txt, transitively closed: a layer may include itself, what
it lists, and what those list in turn.
"""
import pathlib
import re
import sys

NO_TORCH = {"base", "net", "endpoint", "formats", "kernels", "data", "tokenizer", "sandbox", "eval", "study", "report"}
PRINTS = re.compile(r"\b(stderr|stdout|cout|cerr|isatty|f?printf|f?puts|fmt::print|std::exit|_exit|abort)\b")
TORCH_INCLUDE = re.compile(r"^(ATen|c10|torch)/")


def allowed_edges(cmake_text):
    direct = {}
    for name, body in re.findall(r"^qreason_layer\((\w+)([^)]*)\)", cmake_text, re.M):
        words = body.split()
        direct[name] = [word for word in words if word not in ("DEPENDS", "TORCH")]
    closed = {}
    for name in direct:
        seen, queue = {name}, list(direct[name])
        while queue:
            layer = queue.pop()
            if layer not in seen:
                seen.add(layer)
                queue.extend(direct[layer])
        closed[name] = seen
    return closed


def violations(root):
    allowed = allowed_edges((root / "CMakeLists.txt").read_text())
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".h", ".cpp", ".cu", ".cuh", ".inc"):
            continue
        layer = path.relative_to(root / "src").parts[0]
        if layer not in allowed:
            yield f"{path}: the folder {layer} is no layer of CMakeLists.txt"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            prints = None if layer == "cli" else PRINTS.search(re.sub(r'"(\\.|[^"\\])*"|//.*', "", line))
            if prints:
                yield f"{path}:{number}: {layer} uses {prints.group(1)}, expected no printing or exiting outside of cli"
            include = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if not include:
                continue
            target = include.group(1)
            if TORCH_INCLUDE.match(target) and (layer in NO_TORCH or target == "torch/torch.h"):
                yield f"{path}:{number}: {layer} includes {target}, expected no torch here"
            first = target.split("/")[0]
            if first in allowed and first not in allowed[layer]:
                yield f"{path}:{number}: {layer} includes {target}, an edge the design does not have"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = list(violations(root))
    print("\n".join(found) if found else "layer edges: all includes follow the design")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
