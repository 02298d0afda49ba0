#!/usr/bin/env python3
"""Reports files over 400 lines and functions over 60; fails at twice that (the soft and the hard cap)."""
import pathlib
import re
import sys

SOFT_FILE, SOFT_FUNCTION = 400, 60


def functions(lines):
    """(name, length) of every brace block that starts at a function head: an approximation that suits our format."""
    depth, start, name = 0, None, ""
    for number, line in enumerate(lines, 1):
        code = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'|//.*', "", line)
        head = re.match(r"^(?:  )?\S.*\b([A-Za-z_]\w*)\s*\([^;]*$", code)
        if start is None and head and not code.startswith("#") and not re.match(r"^\s*(namespace|class|struct|enum|if|for|while|switch|return)\b", code):
            start, name, base = number, head.group(1), depth
        depth += code.count("{") - code.count("}")
        if start is not None and code.rstrip().endswith((";", "}")) and depth <= base:
            yield name, start, number - start + 1
            start = None


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    broken = 0
    for path in sorted(p for folder in ("src", "tests", "bench", "fuzz") for p in (root / folder).rglob("*.*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        lines = path.read_text().splitlines()
        if len(lines) > SOFT_FILE:
            broken += len(lines) > 2 * SOFT_FILE
            print(f"{path}: {len(lines)} lines (cap {SOFT_FILE})")
        for name, start, length in functions(lines):
            if length > SOFT_FUNCTION:
                broken += length > 2 * SOFT_FUNCTION
                print(f"{path}:{start}: {name} has {length} lines (cap {SOFT_FUNCTION})")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
