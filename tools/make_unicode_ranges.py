#!/usr/bin/env python3
"""Writes src/tokenizer/unicode_ranges.inc: the letters, numbers and normalization-sensitive characters of Unicode as the
Hugging Face `tokenizers` library sees them (it carries its own Unicode version for patterns and an older one for NFC).

Needs the packages tokenizers and Python's unicodedata:  make_unicode_ranges.py > src/tokenizer/unicode_ranges.inc
"""
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CODEPOINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def matching(pattern):
    splitter, out = pre_tokenizers.Split(Regex(pattern), "removed"), set(CODEPOINTS)
    for i in range(0, len(CODEPOINTS), 4096):
        text = "".join(map(chr, CODEPOINTS[i:i + 4096]))
        for piece, _ in splitter.pre_tokenize_str(text):
            out.difference_update(map(ord, piece))
    return out


def nfc_sensitive():
    """Characters that NFC may change, move, or join with what stands before them."""
    nfc = normalizers.NFC().normalize_str
    seconds = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))  # Hangul vowels and trailing consonants
    for c in CODEPOINTS:
        parts = unicodedata.decomposition(chr(c)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            first, second = (chr(int(part, 16)) for part in parts)
            if nfc(first + second) != first + second:
                seconds.add(ord(second))
    low, high = "\u0334", "\u0345"  # combining classes 1 and 240
    sensitive = set()
    for c in CODEPOINTS:
        x = chr(c)
        if (c in seconds or nfc(x) != x or nfc(x + low) != x + low or nfc("q" + high + x) != "q" + high + x):
            sensitive.add(c)
    return sensitive


def ranges(points):
    out = []
    for c in sorted(points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def write(name, points):
    cells = ["{0x%X, 0x%X}" % tuple(r) for r in ranges(points)]
    print("constexpr CodepointRange %s[] = {" % name)
    line = "   "
    for cell in cells:
        if len(line) + len(cell) + 2 > 118:
            print(line)
            line = "   "
        line += " " + cell + ","
    print(line + "};")


def main():
    print("// Made by tools/make_unicode_ranges.py with tokenizers %s; do not edit." % tokenizers.__version__)
    print("// clang-format off")
    write("kLetters", matching(r"\p{L}"))
    write("kNumbers", matching(r"\p{N}"))
    write("kNfcSensitive", nfc_sensitive())
    print("// clang-format on")


if __name__ == "__main__":
    main()
