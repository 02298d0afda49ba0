#!/usr/bin/env python3
"""Writes tests/data/sentencepiece/: tokenizers of SentencePiece's kind (Mistral, Llama 2), and what they make of texts.

    make_sentencepiece_goldens.py TEXT OUT      TEXT: data/gsm8k/test.jsonl; made with transformers 4.51.3,
                                                tokenizers 0.21.4, sentencepiece 0.2.3, protobuf

model.json       pieces, scores and types of a BPE model of 420 pieces that sentencepiece trained on TEXT, as GGUF files
                 have them, with the ids that sentencepiece itself gives for plain texts
tokenizer.json   transformers' conversion of the model: Prepend and Replace, bytes for unknown characters
variants.jsonl   sections put into it in place of its own, with texts, and the ids and texts of the tokenizers library
"""
import json
import os
import random
import sys
import tempfile

import sentencepiece
from tokenizers import Tokenizer
from transformers import LlamaTokenizerFast

PLAIN = ["", " ", "Natalia sold 48 clips in April.", "  two  spaces   three ", "\n\nlines\n", "a▁b ▁ c", "tab\tand\rreturn",
         "naïve façade — 漢字 한국어 👩‍👧 é", "1234567 + 89 = 1,234,656", "x" * 90, "how many" * 20, " leading", "trailing ",
         "<0x0A> and <0xZZ>", "\u00a0no-break\u3000wide", "The total is $5.50, so she paid 3 * $5.50 = $16.50."]
SPECIAL = ["<s>", "</s>x", "a<s> b</s>", " <s> ", "<s>[INST] How many? [/INST] 42</s>", "<unk>word", "x<unk> y",
           "[INST]a[/INST]", "<s><s>"]


def metaspace(scheme, split):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}


def decoder(strip):
    parts = [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]
    return {"type": "Sequence", "decoders": parts + ([{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if strip else [])}


def variants():
    yield {}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    yield {"normalizer": replace, "decoder": decoder(False)}
    yield {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "▁"}, replace]}}
    for scheme in ("first", "always", "never"):
        for split in (False, True):
            yield {"normalizer": None, "pre_tokenizer": metaspace(scheme, split), "decoder": decoder(scheme != "never")}
    yield {"byte_fallback": False}
    yield {"byte_fallback": False, "fuse_unk": False}
    yield {"ignore_merges": True}


def random_texts(rng, words, count):
    odd = ["<s>", "</s>", " ", "  ", "\n", "é", "漢", "👧", "▁", "1", "23", "<unk>", "e\u0301"]
    return ["".join(rng.choice(words) + rng.choice(["", " "]) if rng.random() < .6 else rng.choice(odd)
                    for _ in range(rng.randrange(12))) for _ in range(count)]


def cases(tokenizer, texts):
    for text in texts:
        ids = tokenizer.encode(text).ids
        yield {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
               "skipped": tokenizer.decode(ids, skip_special_tokens=True)}


def decodings(tokenizer, rng, size):
    """Any tokens, also bytes that are no text."""
    for _ in range(40):
        ids = [rng.randrange(3, 259) if rng.random() < .5 else rng.randrange(size) for _ in range(rng.randrange(9))]
        yield {"ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
               "skipped": tokenizer.decode(ids, skip_special_tokens=True)}


def main():
    text_path, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    rows = [json.loads(line) for line in open(text_path, encoding="utf-8")][:400]
    lines = [line for row in rows for line in (row["question"] + "\n" + row["answer"]).split("\n") if line]
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "model")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_prefix=prefix, model_type="bpe", vocab_size=420, byte_fallback=True,
            character_coverage=0.995, normalization_rule_name="identity", split_digits=True, add_dummy_prefix=True,
            remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, num_threads=1, minloglevel=2)
        model = sentencepiece.SentencePieceProcessor(model_file=prefix + ".model")
        size = model.vocab_size()
        kind = lambda i: 2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) else 1
        document = {"tokens": [model.id_to_piece(i) for i in range(size)], "scores": [model.get_score(i) for i in range(size)],
                    "types": [kind(i) for i in range(size)],
                    "cases": [{"text": text, "ids": model.encode(text)} for text in PLAIN]}
        LlamaTokenizerFast(vocab_file=prefix + ".model", add_prefix_space=True).save_pretrained(folder)
        converted = json.load(open(os.path.join(folder, "tokenizer.json"), encoding="utf-8"))
    with open(os.path.join(out, "model.json"), "w", encoding="utf-8") as file:
        json.dump(document, file)
    with open(os.path.join(out, "tokenizer.json"), "w", encoding="utf-8") as file:
        json.dump(converted, file)
    rng = random.Random(7)
    words = " ".join(lines[:60]).split()
    with open(os.path.join(out, "variants.jsonl"), "w", encoding="utf-8") as file:
        for sections in variants():
            made = dict(converted, model=dict(converted["model"]))
            for key, value in sections.items():
                (made["model"] if key in made["model"] else made)[key] = value
            tokenizer = Tokenizer.from_str(json.dumps(made))
            texts = PLAIN + SPECIAL + random_texts(rng, words, 40)
            file.write(json.dumps({"sections": sections, "cases": list(cases(tokenizer, texts)),
                                   "decodings": list(decodings(tokenizer, rng, size))}) + "\n")


if __name__ == "__main__":
    main()
