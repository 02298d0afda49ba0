#!/usr/bin/env python3
"""Writes tests/data/tokenizer/: what the Hugging Face `tokenizers` library makes of nasty texts.

    make_tokenizer_vectors.py SHARED_TOKENIZERS OUT        (needs the package tokenizers; made with 0.23.3)

families.jsonl   texts for the big vocabularies in ../shared/models/tokenizers, one JSON object a line
small.json       a vocabulary of 400 pieces, trained on the words below
variants.jsonl   sections put into small.json in place of its own, with texts and the ids they give
"""
import copy
import json
import os
import random
import sys
import unicodedata

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

WORDS = """the a of and to in is that quantization hurts reasoning models weights activations cache attention token
tokens tokenizer merges merging byte bytes pair pairs text texts letter letters word words white space number numbers
0123456789 12 34 3.14159 x = y + z; return value; def function(argument): for index in range(10): print(index)
isn't we're they've I'm you'll he'd ISN'T WE'RE café naïve über привет мир 你好 世界 日本語 한국어 αβγ""".split(" ")

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000\u180e\u200b\ufeff\x1c\x1f"
MARKS = "\u0300\u0301\u0308\u0316\u031b\u0323\u0327\u0344\u0345\u05b0\u064b\u08d3\u093c\u094d\u09be\u1161\u11a8\u3099\U0001d165"
CONTRACTIONS = "'s 'S 't 'T 're 'RE 'rE 've 'VE 'm 'M 'll 'Ll 'LL 'd 'D '\u017f '\u212a ' \u2019s 'l 'r 'v '".split(" ")
ASSIGNED = [c for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
BY_CATEGORY = {}
for code in ASSIGNED:
    BY_CATEGORY.setdefault(unicodedata.category(chr(code)), []).append(code)


def random_text(rng, specials, length):
    parts = []
    for _ in range(rng.randrange(length)):
        kind = rng.random()
        if kind < .30:
            parts.append(rng.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        elif kind < .38:
            parts.append(rng.choice("0123456789"))
        elif kind < .50:
            parts.append(rng.choice(" \n\r\t  "))
        elif kind < .57:
            parts.append(rng.choice(CONTRACTIONS))
        elif kind < .61:
            parts.append(rng.choice(SPACES))
        elif kind < .67:
            parts.append(rng.choice("!\"#$%&()*+,-./:;<=>?@[]^_`{|}~\\"))
        elif kind < .73:
            parts.append(rng.choice(MARKS))
        elif kind < .88:
            parts.append(chr(rng.choice(BY_CATEGORY[rng.choice(sorted(BY_CATEGORY))])))
        elif kind < .93 and specials:
            token = rng.choice(specials)
            parts.append(token if rng.random() < .7 else token[:rng.randrange(len(token) + 1)])
        else:
            parts.append(rng.choice(["the ", " hello", " World", "ing", "你好", "漢字", "한국어", "👩\u200d👩\u200d👧", "é"]))
    return "".join(parts)


def cases(tokenizer, texts, add_special_tokens):
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=add_special_tokens).ids
        yield {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
               "skipped": tokenizer.decode(ids, skip_special_tokens=True)}


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=True) + "\n")


def families(shared):
    rng = random.Random(20)
    for name in ("derived-qwen2.5", "derived-qwq-32b", "derived-deepseek-r1-distill-qwen",
                 "derived-deepseek-r1-distill-llama"):
        tokenizer = Tokenizer.from_file(os.path.join(shared, name, "tokenizer.json"))
        specials = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
        texts = ["", " ", "a" * 300, "é" * 100, " " * 90 + "x", "\n" * 20] + [random_text(rng, specials, 70) for _ in range(60)]
        for add in (False, True):
            for case in cases(tokenizer, texts if not add else texts[:12], add):
                yield {"tokenizer": name, "add_special_tokens": add, **case}


def train():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    return json.loads(tokenizer.to_str())


def byte_level(**options):
    return dict({"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}, **options)


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(*stages):
    return {"type": "Sequence", "pretokenizers": list(stages)}


def added(vocabulary, *tokens):
    next_id, out = len(vocabulary), []
    for content, options in tokens:
        token = {"id": vocabulary.get(content), "content": content, "single_word": False, "lstrip": False,
                 "rstrip": False, "normalized": False, "special": False}
        if token["id"] is None:
            token["id"], next_id = next_id, next_id + 1
        out.append(dict(token, **options))
    return out


def variant_sections(small):
    digits = {"type": "Digits", "individual_digits": True}
    tokens = added(small["model"]["vocab"], ("<a>", {"special": True}), ("<a><b>", {"special": True}),
                   ("<b>", {"lstrip": True}), ("<c>", {"rstrip": True}),
                   ("<d>", {"lstrip": True, "rstrip": True, "normalized": True}), ("ing", {"single_word": True}),
                   ("éx", {"normalized": True}), ("the", {"single_word": True, "lstrip": True}),
                   ("  ", {"rstrip": True}), ("Ġq", {}), ("<b><c>", {"normalized": True, "special": True}))
    ids = {token["content"]: token["id"] for token in tokens}
    frame = {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "<a>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                        {"SpecialToken": {"id": "<c>", "type_id": 0}}],
             "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
             "special_tokens": {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in ("<a>", "<c>")}}
    nfc = {"type": "NFC"}
    yield {"pre_tokenizer": byte_level(use_regex=True)}
    yield {"pre_tokenizer": byte_level(use_regex=True, add_prefix_space=True), "added_tokens": tokens}
    yield {"pre_tokenizer": sequence(digits, byte_level(use_regex=True)), "added_tokens": tokens, "normalizer": nfc}
    yield {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": False},
                                     byte_level(use_regex=True, add_prefix_space=True))}
    yield {"pre_tokenizer": sequence(split(LLAMA3), byte_level()), "added_tokens": tokens, "normalizer": nfc,
           "post_processor": {"type": "Sequence", "processors": [byte_level(), frame]}}
    yield {"pre_tokenizer": sequence(split(LLAMA3, "Removed", True), byte_level()), "ignore_merges": True}
    yield {"pre_tokenizer": sequence(split("(?:" + LLAMA3 + ")"), byte_level()),
           "normalizer": {"type": "Sequence", "normalizers": [nfc]}}
    yield {"pre_tokenizer": sequence(split(O200K), byte_level())}
    yield {"pre_tokenizer": sequence(split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"),
                                     split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), byte_level())}
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            yield {"pre_tokenizer": sequence(split(r"\s", behavior, invert), split("e", behavior, invert, "String"),
                                             byte_level())}
            yield {"pre_tokenizer": sequence(split("a*", behavior, invert), byte_level(use_regex=True))}


def variants(small):
    rng = random.Random(21)
    for sections in variant_sections(small):
        document = copy.deepcopy(small)
        document["model"]["ignore_merges"] = sections.get("ignore_merges", False)
        document.update({key: value for key, value in sections.items() if key != "ignore_merges"})
        tokenizer = Tokenizer.from_str(json.dumps(document))
        specials = [token["content"] for token in document["added_tokens"]] + ["  <b> ", " the ", " ing,", "e\u0301x"]
        texts = [random_text(rng, specials, 40) for _ in range(12)]
        yield {"sections": sections, "cases": list(cases(tokenizer, texts, True))}


def main():
    shared, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    small = train()
    with open(os.path.join(out, "small.json"), "w", encoding="utf-8", newline="\n") as file:
        json.dump(small, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")
    write_lines(os.path.join(out, "families.jsonl"), families(shared))
    write_lines(os.path.join(out, "variants.jsonl"), variants(small))


if __name__ == "__main__":
    main()
