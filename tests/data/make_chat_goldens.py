#!/usr/bin/env python3
"""Writes tokenizer/chat_goldens.json: what jinja2 itself makes of chat templates and of small snippets.

    python tests/data/make_chat_goldens.py --shared ../shared [--gguf FILE.gguf ...]

The environment is the one transformers renders chat templates in (ImmutableSandboxedEnvironment, trim_blocks,
lstrip_blocks, loop controls, its tojson, raise_exception, strftime_now, generation blocks). Templates that lie in the
shared folder are named, not copied; the ones inside GGUF files are copied (Apache-2.0: SmolLM2, Qwen2.5).
Made with jinja2 3.1.6.
"""
import argparse
import json
import pathlib
import struct

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent
DATE = "26 Jul 2024"


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_keep"), [], [], body).set_lineno(line)

    @staticmethod
    def _keep(caller):
        return caller()


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda format: DATE
    return env


def render(source, context):
    """The output, or None when jinja2 refuses."""
    try:
        return environment().from_string(source).render(**context)
    except Exception:
        return None


def gguf_template(path):
    """tokenizer.chat_template and the names of bos and eos of a GGUF file (a cut one is enough)."""
    data = path.read_bytes()
    at = 24
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
    count = struct.unpack_from("<Q", data, 16)[0]

    def text():
        nonlocal at
        size = struct.unpack_from("<Q", data, at)[0]
        at += 8 + size
        return data[at - size:at].decode()

    def value(kind):
        nonlocal at
        if kind == 8:
            return text()
        if kind == 9:
            inner, size = struct.unpack_from("<IQ", data, at)
            at += 12
            return [value(inner) for _ in range(size)]
        at += sizes[kind]
        return int.from_bytes(data[at - sizes[kind]:at], "little")

    metadata = {}
    for _ in range(count):
        key = text()
        kind = struct.unpack_from("<I", data, at)[0]
        at += 4
        metadata[key] = value(kind)
    tokens = metadata["tokenizer.ggml.tokens"]
    names = {name: tokens[metadata[f"tokenizer.ggml.{name}_token_id"]] for name in ("bos", "eos")}
    return metadata["tokenizer.chat_template"], names


USER = {"role": "user", "content": "How many legs do 3 cats have?"}
SYSTEM = {"role": "system", "content": "You are terse."}
ANSWER = {"role": "assistant", "content": "<think>\n3 * 4 = 12\n</think>\n\nThey have \\boxed{12} legs."}
PLAIN = {"role": "assistant", "content": "Twelve."}
CONVERSATIONS = [
    [USER],
    [SYSTEM, USER],
    [USER, ANSWER, {"role": "user", "content": "And 4?"}],
    [SYSTEM, USER, PLAIN, {"role": "user", "content": "  Sure?  \n"}, ANSWER],
    [USER, PLAIN, {"role": "user", "content": "é 日本語 🙂 {{ braces }} {% tag %} <|im_end|>"}],
    [{"role": "user", "content": ""}],
    [{"role": "user", "content": "\n lines \r\n and\ttabs \n"}],
    [{"role": "system", "content": ""}, USER],
    [USER, SYSTEM],
    [SYSTEM],
    [USER, {"role": "assistant", "content": "a </think> b </think> c"}],
    [{"role": "tool", "content": "42"}],
    [{"role": "critic", "content": "No."}, USER],
    [],
]


def template_cases(source, bos, eos):
    cases = []
    for messages in CONVERSATIONS:
        for prompt in (True, False):
            context = {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": prompt,
                       "bos_token": bos, "eos_token": eos}
            cases.append({"messages": messages, "add_generation_prompt": prompt, "output": render(source, context)})
    return cases


def templates(shared, gguf_files):
    models = shared / "models"
    found = []
    for path in sorted(models.glob("templates/*/*.jinja")):
        found.append(({"file": str(path.relative_to(shared))}, path.read_bytes().decode(), "<BOS>", "<EOS>"))
    for path in sorted(models.glob("tokenizers/*/tokenizer_config.json")):
        config = json.loads(path.read_text())
        if config.get("chat_template"):
            found.append(({"file": str(path.relative_to(shared))}, config["chat_template"], "<BOS>", "<EOS>"))
    for path in gguf_files:
        source, names = gguf_template(path)
        found.append(({"name": path.stem, "text": source}, source, names["bos"], names["eos"]))
    result = []
    for entry, source, bos, eos in found:
        entry.update({"bos_token": bos, "eos_token": eos, "cases": template_cases(source, bos, eos)})
        result.append(entry)
    return result


def snippets():
    cases, contexts = [], []
    for line in (HERE / "tokenizer" / "jinja_snippets.txt").read_text().split("\n====\n"):
        if not line.strip():
            continue
        if line.startswith("CONTEXT "):
            contexts.append(json.loads(line[len("CONTEXT "):]))
            continue
        source = json.loads(line) if line.startswith('"') else line
        output = render(source, {**contexts[-1]})
        cases.append({"template": source, "context": len(contexts) - 1, "output": output})
    return contexts, cases


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=pathlib.Path, default=HERE.parent.parent.parent / "shared")
    parser.add_argument("--gguf", type=pathlib.Path, nargs="*", default=[])
    arguments = parser.parse_args()
    folder = HERE / "tokenizer"
    goldens = {"jinja2": jinja2.__version__, "templates": templates(arguments.shared, arguments.gguf)}
    (folder / "chat_goldens.json").write_text(json.dumps(goldens, ensure_ascii=False, indent=0) + "\n")
    contexts, cases = snippets()
    refused = [case for case in cases if case["output"] is None]
    (folder / "jinja_goldens.json").write_text(
        json.dumps({"jinja2": jinja2.__version__, "contexts": contexts, "snippets": cases}, ensure_ascii=False, indent=0) + "\n")
    print(f"{len(goldens['templates'])} templates, {len(cases)} snippets, {len(refused)} of them refused")


if __name__ == "__main__":
    main()
