#!/usr/bin/env python3
"""Writes the model card (README.md) of a steps model from what its training and its evaluation recorded.

    write_card.py MODEL_DIR RESULTS_DIR [--other OTHER_MODEL_DIR OTHER_RESULTS_DIR]

RESULTS_DIR is what `qreason evaluate MODEL_DIR --tasks steps-easy,steps-medium,steps-hard --seeds 42,43,44 -o RESULTS_DIR`
wrote for this model alone; --other is the same shape trained from another seed.
"""
import argparse
import collections
import json
import pathlib

TIERS = ("steps-easy", "steps-medium", "steps-hard")
LICENCE = "apache-2.0"


def answers(results):
    """{task: {seed: [(grade, kind of problem, tokens)]}} of every result file below the folder."""
    found = collections.defaultdict(dict)
    for path in sorted(results.glob("**/steps-*.jsonl")):
        seed = int(path.parent.name.rsplit("seed", 1)[1])
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found[path.stem][seed] = [row for row in lines if "grade" in row]
    return found


def score_rows(name, results):
    rows = []
    for task in TIERS:
        seeds = answers(results)[task]
        if not seeds:
            raise SystemExit(f"{results}: no results of {task}")
        rates = [100 * sum(row["grade"] for row in rows_) / len(rows_) for rows_ in seeds.values()]
        count = len(next(iter(seeds.values())))
        mean = sum(rates) / len(rates)
        low, high = min(rates), max(rates)
        rows.append(f"| {name} | {task} | {count} | {len(rates)} | {mean:.1f} | {low:.1f} - {high:.1f} |")
    return rows


def curve_rows(model):
    lines = (model / "learning_curve.csv").read_text().splitlines()[1:]
    wanted = sorted({round(i * (len(lines) - 1) / 11) for i in range(12)})
    return [lines[i].split(",") for i in wanted]


def grown(training):
    parent = training.get("grown_from")
    if not parent:
        return ""
    return (f" It began as the function of {parent['shape']} (seed {parent['seed']}), which had learned from "
            f"{parent['tokens']:,} of other seeds.")


def drilled(training):
    if not any(schedule["drills"] for schedule in training["schedules"]):
        return ""
    return " Where a command below has `--drills`, lists of people and amounts to be looked up stood between them."


def generators(training):
    """Which forms of the generator the problems came from: the benchmark was tuned while models trained."""
    forms = training["generators"]
    if len(forms) == 1:
        return ""
    told = [f"until {until:,} solution tokens the one whose hard test problems have the SHA-256 {identity[:16]}..."
            for (_, identity), (until, _) in zip(forms, forms[1:])]
    return (" The generator changed meanwhile (fewer large calculations, fuller solutions; keys and splits stayed): "
            + ", ".join(told) + f", then {forms[-1][1][:16]}... (`data/SHA256SUMS` of its commit).")


def commands(training):
    """The command of every schedule: a rate that fell to 0 was raised again by asking for more tokens, and what was
    learned last was trained more for a while."""
    name, parent = training["shape"], training.get("grown_from")
    lines = []
    for schedule in training["schedules"]:
        line = (f"    tools/steps/train.py {name} --qreason build/qreason --tokenizer models/{name} --out models/{name} "
                f"--work work --seed {training['seed']} --tokens {schedule['tokens']} --decay {schedule['decay']} "
                f"--batch-tokens {schedule['batch_tokens']} --learning-rate {schedule['learning_rate']}")
        if schedule["focus"]:
            line += f" --focus {','.join(schedule['focus'])}"
        if schedule["drills"]:
            line += f" --drills {schedule['drills']}"
        if parent:
            line += f" --grow-from {parent['shape']}-after-{parent['tokens']}-tokens"
        lines.append(line)
    if len(lines) > 1:
        changes = ", ".join(f"{schedule['from']:,}" for schedule in training["schedules"][1:])
        lines += ["", f"One after another; each was started when the one before had done its tokens or was stopped, at "
                  f"{changes} tokens."]
    return lines


def card(model, results, other):
    training = json.loads((model / "training.json").read_text())
    config = json.loads((model / "config.json").read_text())
    name = training["shape"]
    text = ["---", f"license: {LICENCE}", "language: en", "pipeline_tag: text-generation", "---", "", f"# {name}", "",
            f"A {config['architectures'][0]} of {training['parameters']:,} parameters that reasons step by step about the "
            "problems of the steps benchmark (`docs/steps.md`). It can do nothing else.", "",
            "| | |", "|---|---|"]
    for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                "head_dim", "vocab_size", "max_position_embeddings", "tie_word_embeddings"):
        text.append(f"| {key} | {config[key]} |")
    text += ["", "## Data", "",
             f"Training problems of the generator (`qreason steps --split training`), seeds {training['first_generator_seed']} and "
             f"the {training['generator_seeds'] - 1} that follow, each with its worked solution; no problem of the test split. "
             f"{training['tokens']:,} solution tokens." + drilled(training) + grown(training) + generators(training), "",
             "## Training", "",
             *commands(training), "",
             f"{training['steps']} steps on {training['device']} with torch {training['torch']}"
             f"{', bfloat16 autocast' if training['bfloat16_autocast'] else ''}. Final training loss {training['final_loss']:.4f} "
             "(the mean of the last steps; wording and order are drawn, so it cannot be 0). All of it: `learning_curve.csv`.", "",
             "| step | solution tokens | loss |", "|---|---|---|"]
    text += [f"| {step} | {tokens} | {float(loss):.4f} |" for step, tokens, loss in curve_rows(model)]
    text += ["", "## Scores", "", "Temperature 0.6, top-p 0.95, the shipped test problems; accuracy in percent, mean and range over "
             "seeds.", "", "| model | task | problems | seeds | accuracy | range |", "|---|---|---|---|---|---|"]
    text += score_rows(name, results)
    if other:
        record = json.loads((other[0] / "training.json").read_text())
        form = "" if record["generators"][-1][1] == training["generators"][-1][1] else ", the last of another generator"
        text += score_rows(f"the same shape from seed {record['seed']}, {record['tokens']:,} solution tokens{form}",
                           other[1])
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--other", type=pathlib.Path, nargs=2)
    arguments = parser.parse_args()
    (arguments.model / "README.md").write_text(card(arguments.model, arguments.results, arguments.other), encoding="utf-8")


if __name__ == "__main__":
    main()
