#!/usr/bin/env python3
"""Fails when the table "Where is X" of ARCHITECTURE.md names what does not exist.

In backquotes, a word with a slash or an extension is a path from the project's root (<name> and * stand for anything), and
every other word is an identifier that must stand in one of the files that its row names.
"""
import pathlib
import re
import sys

PAGE, HEADING = "ARCHITECTURE.md", "## Where is X"


def table_rows(text):
    """(line number, quoted words) of every row of the table under HEADING."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            inside = line == HEADING
        elif inside and line.startswith("|"):
            yield number, re.findall(r"`([^`]+)`", line)


def is_path(word):
    return "/" in word or "." in word


def files_of(root, word):
    """The files that a path names: itself, everything below a folder, or what matches its pattern."""
    found = []
    for path in root.glob(re.sub(r"<\w+>", "*", word).rstrip("/")):
        found.extend(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else found.append(path)
    return found


def holds(files, word):
    return any(re.search(rf"\b{re.escape(word)}\b", path.read_text(errors="replace")) for path in files)


def problems(root):
    rows = list(table_rows((root / PAGE).read_text()))
    if not rows:
        yield f"{PAGE}: no table under {HEADING!r}"
    for number, words in rows:
        named = []
        for word in filter(is_path, words):
            files = files_of(root, word)
            named += files
            if not files:
                yield f"{PAGE}:{number}: {word} does not exist"
        for word in words:
            if not is_path(word) and not holds(named, word):
                yield f"{PAGE}:{number}: no file of this row holds {word}"


def main():
    found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print("\n".join(found) if found else f"{PAGE}: every name of its table exists")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
