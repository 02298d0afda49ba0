#!/usr/bin/env python3
"""Compares `qreason figure` with transformers, numpy and scikit-learn, number for number.

    pip install torch transformers numpy scikit-learn gguf accelerate
    tools/check_figures.py MODEL [--kinds key-bias,...] [--qreason build/qreason] [-- options of qreason figure]

MODEL is a folder in the Hugging Face layout, or a .gguf file. Printed for every kind: the largest difference of any number,
relative to the largest number of its panel; for t-SNE the divergence of our places, reckoned anew from them, beside
scikit-learn's. Fails over 1e-3, and
where the divergences of all panels together are 5 % over scikit-learn's.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import figure_numbers  # noqa: E402

LARGEST_DIFFERENCE = 1e-3
LARGEST_LOSS = 0.05  # of all panels together: where one descent ends depends on the last bits of its start


def load(path):
    path = pathlib.Path(path)
    where = dict(gguf_file=path.name) if path.suffix == ".gguf" else {}
    folder = path.parent if where else path
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **where)


def figure_of(qreason, kind, model, options):
    with tempfile.TemporaryDirectory() as folder:
        command = [qreason, "figure", kind, model, "-o", f"{folder}/figure.svg", "--json", *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()


def divergences(panel, rows, perplexity):
    """KL of our places, reckoned from them, and that of scikit-learn's exact t-SNE."""
    from scipy.spatial.distance import squareform
    from sklearn.manifold import TSNE, _t_sne
    from sklearn.metrics import pairwise_distances
    distances = pairwise_distances(rows, metric="euclidean", squared=True).astype(np.float32)
    p = squareform(_t_sne._joint_probabilities(distances, perplexity, 0))
    places = np.array([point for group in panel["groups"] for point in group["points"]])
    near = 1 / (1 + ((places[:, None] - places[None]) ** 2).sum(-1))
    np.fill_diagonal(near, 0)
    q = np.maximum(near / near.sum(), 1e-300)
    own = float((p * np.log(np.maximum(p, 1e-300) / q)).sum())
    theirs = TSNE(perplexity=perplexity, method="exact", init="pca", random_state=0).fit(rows).kl_divergence_
    return own, theirs


def check(kind, model, figure):
    found = figure_numbers.expected(model, figure)
    worst, losses, good = 0.0, [], True
    for panel in figure["panels"]:
        wanted = found[figure_numbers.key_of(panel)]
        got = figure_numbers.numbers_of(panel)
        if got is None:
            own, theirs = divergences(panel, wanted, figure["perplexity"])
            good &= abs(own - panel["divergence"]) < 1e-3
            losses.append((own, theirs))
            continue
        assert got.shape == wanted.shape, (panel["title"], got.shape, wanted.shape)
        worst = max(worst, float(np.abs(got - wanted).max() / np.abs(wanted).max()))
    ours, scikit = sum(own for own, _ in losses), sum(theirs for _, theirs in losses)
    good &= worst <= LARGEST_DIFFERENCE and ours <= scikit * (1 + LARGEST_LOSS)
    print(f"{kind}: {len(figure['panels'])} panels, largest relative difference {worst:.1e}{'' if good else '  FAILED'}")
    for own, theirs in losses:
        print(f"    t-SNE: divergence {own:.4f}, scikit-learn's {theirs:.4f}")
    if losses:
        print(f"    together {ours:.3f}, scikit-learn's {scikit:.3f}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--qreason", default="build/qreason")
    parser.add_argument("--kinds", default=",".join(figure_numbers.KINDS))
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments, options = parser.parse_args(sys.argv[1:end]), sys.argv[end + 1:]
    model, good = load(arguments.model), True
    for kind in arguments.kinds.split(","):
        figure = figure_of(arguments.qreason, kind, arguments.model, options)
        if isinstance(figure, str):
            print(f"{kind}: {figure}")
            continue
        good &= check(kind, model, figure)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
