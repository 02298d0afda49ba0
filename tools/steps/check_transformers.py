#!/usr/bin/env python3
"""Holds steps models against transformers: logits, a greedy answer, and accuracy by transformers' own generate.

    check_transformers.py --qreason build/qreason [--problems 100] [--data data] MODEL...

Needs torch, transformers and safetensors; all arithmetic is float32. For every model folder:
  logits   of worked test problems, by `qreason logits` and by transformers: the largest difference over the largest
           logit, and the share of positions at which both rank the same token first
  greedy   answers to some test problems by `qreason generate --temperature 0` and by generate(do_sample=False), token for
           token; where they part, transformers' own best two logits must be nearly equal
  scores   on the first N problems of every tier at temperature 0.6, top-p 0.95 (batched, padded on the left), graded by
           exact match of the last \\boxed{}; with 95 % Wilson intervals and the share of answers that did not end
Exits with 1 when logits or greedy answers disagree.
"""
import argparse
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

INSTRUCTION = "\n\nPlease reason step by step, and put your final answer within \\boxed{}."
TIERS = ("easy", "medium", "hard")
LARGEST_DIFFERENCE = 1e-3  # of the largest logit: transformers in float32 and in float64 are 1e-4 apart
NEARLY_EQUAL = 1e-3  # logits whose order rounding may turn


def read_problems(data, tier):
    with open(data / f"steps-{tier}.jsonl", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def prompt_ids(tokenizer, problem):
    turn = [{"role": "user", "content": problem + INSTRUCTION}]
    text = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def compare_logits(arguments, folder, model, tokenizer, problems):
    ids = []
    for row in problems:
        ids += prompt_ids(tokenizer, row["problem"])
        ids += tokenizer(row["solution"], add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    length = min(256, len(ids) // 2)
    tokens = torch.tensor(ids[: len(ids) // length * length], dtype=torch.int32).view(-1, length)
    with tempfile.TemporaryDirectory() as scratch:
        given, written = f"{scratch}/tokens.safetensors", f"{scratch}/logits.safetensors"
        save_file({"tokens": tokens}, given)
        subprocess.run([arguments.qreason, "logits", folder, "--tokens", given, "-o", written, "--dtype", "float32",
                        "--quiet", "--threads", str(arguments.threads)], check=True, stdout=subprocess.DEVNULL)
        ours = load_file(written)["logits"]
    with torch.no_grad():
        theirs = torch.cat([model(row[None].long()).logits for row in tokens])
    difference = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    same = (ours.argmax(-1) == theirs.argmax(-1)).float().mean().item()
    return difference, same, difference < LARGEST_DIFFERENCE


def compare_greedy(arguments, folder, model, tokenizer, problems):
    """How many answers are the same, and whether every other one parts at a near tie."""
    command = [arguments.qreason, "generate", folder, "--temperature", "0", "--max-tokens", str(arguments.greedy_tokens),
               "--dtype", "float32", "--json", "--quiet", "--threads", str(arguments.threads)]
    for row in problems:
        command += ["-p", row["problem"] + INSTRUCTION]
    answers = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["answers"]
    same, fair = 0, True
    for row, answer in zip(problems, answers):
        prompt = prompt_ids(tokenizer, row["problem"])
        with torch.no_grad():
            out = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=arguments.greedy_tokens,
                                 attention_mask=torch.ones(1, len(prompt), dtype=torch.long))[0].tolist()
        # generate may pad or keep the end token; qreason gives the tokens before it.
        theirs = out[len(prompt):]
        theirs = theirs[: theirs.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in theirs else theirs
        ours = [t for t in answer["tokens"] if t != tokenizer.eos_token_id]
        if ours == theirs:
            same += 1
            continue
        at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
        with torch.no_grad():
            best = model(torch.tensor([prompt + theirs[:at]])).logits[0, -1].topk(2).values
        fair = fair and (best[0] - best[1]).item() < NEARLY_EQUAL
    return same, fair


def last_boxed(text):
    found = re.findall(r"\\boxed\{([^{}]*)\}", text)
    return found[-1].strip() if found else None


def score(arguments, model, tokenizer, problems):
    """(right, unfinished) of sampled answers."""
    right = unfinished = 0
    order = sorted(problems, key=lambda row: len(row["problem"]))  # batches of about one length
    for begin in range(0, len(order), arguments.batch):
        rows = order[begin: begin + arguments.batch]
        prompts = [prompt_ids(tokenizer, row["problem"]) for row in rows]
        longest = max(map(len, prompts))
        ids = torch.full((len(rows), longest), tokenizer.pad_token_id)
        mask = torch.zeros_like(ids)
        for i, prompt in enumerate(prompts):
            ids[i, longest - len(prompt):] = torch.tensor(prompt)
            mask[i, longest - len(prompt):] = 1
        with torch.no_grad():
            out = model.generate(ids, attention_mask=mask, do_sample=True, temperature=0.6, top_p=0.95, top_k=0,
                                 max_new_tokens=model.config.max_position_embeddings - longest)
        for row, tokens in zip(rows, out[:, longest:].tolist()):
            ended = tokenizer.eos_token_id in tokens
            unfinished += not ended
            text = tokenizer.decode(tokens[: tokens.index(tokenizer.eos_token_id)] if ended else tokens)
            right += last_boxed(text) == row["answer"]
    return right, unfinished


def interval(right, count):
    z = 1.96
    share, scale = right / count, 1 + z * z / count
    middle = (share + z * z / (2 * count)) / scale
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
    return f"{100 * share:.1f} [{100 * (middle - half):.1f}, {100 * (middle + half):.1f}]"


def check(arguments, folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    problems = {tier: read_problems(arguments.data, tier) for tier in TIERS}
    some = [problems[tier][i] for tier in TIERS for i in range(arguments.greedy)]
    difference, top, logits_agree = compare_logits(arguments, folder, model, tokenizer, some)
    same, fair = compare_greedy(arguments, folder, model, tokenizer, some)
    cells = [pathlib.Path(folder).name, type(model).__name__, f"{difference:.1e}", f"{100 * top:.2f} %",
             f"{same} of {len(some)}" + ("" if fair else " (!)")]
    unfinished = 0
    for tier in TIERS if arguments.problems > 0 else ():
        transformers.set_seed(arguments.seed)
        chosen = problems[tier][: arguments.problems]
        right, open_ends = score(arguments, model, tokenizer, chosen)
        unfinished += open_ends
        cells.append(interval(right, len(chosen)))
    if arguments.problems > 0:
        cells.append(f"{100 * unfinished / (len(TIERS) * min(arguments.problems, len(problems['easy']))):.1f} %")
    return cells, logits_agree and fair


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--qreason", required=True)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / "data")
    parser.add_argument("--problems", type=int, default=100, help="of every tier to score; 0: none")
    parser.add_argument("--greedy", type=int, default=2, help="problems of every tier answered greedily")
    parser.add_argument("--greedy-tokens", type=int, default=300)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.logging.set_verbosity_error()

    titles = ["model", "class", "logits", "same top", "greedy same", *TIERS, "unfinished"]
    rows, agree = [], True
    for folder in arguments.models:
        cells, fine = check(arguments, folder)
        rows.append(cells)
        agree = agree and fine
        print("checked " + cells[0], file=sys.stderr, flush=True)
    shown = [titles[: len(rows[0])], *rows]
    widths = [max(len(row[i]) for row in shown) for i in range(len(rows[0]))]
    for row in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
