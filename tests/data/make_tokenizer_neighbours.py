"""What the files beside tokenizer.json make of a tokenizer, as transformers reads them.

    pip install transformers==5.24.0
    python make_tokenizer_neighbours.py      writes tokenizer/neighbours.jsonl

A line: "files" beside small.json as tokenizer.json, "tokenizer" put into it first; texts with their ids (special tokens
added), decoded and decoded without special tokens; the special tokens that a chat template sees.
"""
import copy
import json
import pathlib
import tempfile

from transformers import AutoTokenizer

FOLDER = pathlib.Path(__file__).parent / "tokenizer"
SMALL = json.loads((FOLDER / "small.json").read_text())
SIZE = len(SMALL["model"]["vocab"])
CLASS = {"tokenizer_class": "PreTrainedTokenizerFast"}


def token(content, **properties):
    plain = dict(content=content, lstrip=False, rstrip=False, normalized=False, single_word=False, special=False)
    return plain | properties


def config(**keys):
    return {"tokenizer_config.json": CLASS | keys}


def decoder(*tokens, first=SIZE):
    return {str(first + i): entry for i, entry in enumerate(tokens)}


X, Y = token("<x>"), token("<y>", special=True)
IN_FILE = {"added_tokens": [{"id": SIZE} | X, {"id": SIZE + 1} | Y]}
TEMPLATE = {"post_processor": {
    "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<y>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<y>": {"id": "<y>", "ids": [SIZE + 1], "tokens": ["<y>"]}}}}

CASES = [
    ({}, {}),
    (config(added_tokens_decoder=decoder(X, Y)), {}),
    (config(added_tokens_decoder=decoder(token("<x>", lstrip=True, rstrip=True), token("<y>", single_word=True))), {}),
    (config(added_tokens_decoder=decoder(token("<x>", lstrip=True, special=True), Y)), IN_FILE),
    (config(added_tokens_decoder=decoder(token("<y>", rstrip=True), first=SIZE + 1), eos_token="<y>"), IN_FILE),
    (config(added_tokens_decoder={"363": token("the", special=True)}), {}),
    (config(added_tokens_decoder=decoder(Y), eos_token="<x>", pad_token="<p>"), {}),
    (config() | {"added_tokens.json": {"<x>": SIZE, "<y>": SIZE + 1}}, {}),
    (config(pad_token="<y>") | {"added_tokens.json": {"<x>": SIZE, "<y>": SIZE + 1}}, {}),
    (config(added_tokens_decoder=decoder(X)) | {"added_tokens.json": {"<y>": SIZE + 1}}, {}),
    ({"added_tokens.json": {"<y>": SIZE + 1, "<x>": SIZE}}, {}),
    (config(bos_token="<b>") | {"special_tokens_map.json": {
        "pad_token": "<p>", "bos_token": token("<s>"), "additional_special_tokens": ["<x>"]}}, {}),
    (config(added_tokens_decoder=decoder(X)) | {"special_tokens_map.json": {"pad_token": "<p>"}}, {}),
    ({"special_tokens_map.json": {"pad_token": "<p>", "eos_token": "the", "unk_token": token("<y>", lstrip=True)}}, {}),
    (config(additional_special_tokens=["<p>", "<y>"]), {}),
    (config(extra_special_tokens=["<p>", "<y>"]), {}),
    (config(extra_special_tokens={"image_token": "<p>"}), {}),
    (config(image_token="<p>", audio_token="<x>"), IN_FILE),
    (config(bos_token="<s>", eos_token="<e>", unk_token="<u>", sep_token="<x>", pad_token="<p>", cls_token="<y>",
            mask_token="<b>"), {}),
    (config(bos_token="the", eos_token="<e>"), {}),
    (config(split_special_tokens=True, added_tokens_decoder=decoder(X, Y)), {}),
    (config(split_special_tokens=True, eos_token="the"), IN_FILE),
    (config(add_bos_token=True, add_eos_token=True, bos_token="<y>", eos_token="<x>"), IN_FILE),
    (config(add_bos_token=False, bos_token="<y>"), IN_FILE | TEMPLATE),
    (config(clean_up_tokenization_spaces=True), IN_FILE),
    (config(add_prefix_space=False, model_max_length=4, padding_side="left", truncation_side="left"), IN_FILE),
]
TEXTS = ["a <x> b<y> other", " <p>the <x><y>. <s> <e> <u> <b>", "<x>\n<y> , 's the<x>the"]


def result(files, changes):
    document = copy.deepcopy(SMALL) | changes
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (files | {"tokenizer.json": document}).items():
            (pathlib.Path(folder) / name).write_text(json.dumps(content))
        tokenizer = AutoTokenizer.from_pretrained(folder)
    cases = []
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids),
                      "skipped": tokenizer.decode(ids, skip_special_tokens=True)})
    return {"files": files, "tokenizer": changes, "cases": cases, "special": dict(tokenizer.special_tokens_map)}


lines = [json.dumps(result(files, changes), ensure_ascii=True) for files, changes in CASES]
(FOLDER / "neighbours.jsonl").write_text("\n".join(lines) + "\n")
