"""Golden numbers of the figures (src/analysis/figures) and of t-SNE, from transformers, numpy and scikit-learn.

    pip install torch transformers==5.24.0 numpy scikit-learn==1.9.0
    python make_figure_goldens.py      writes analysis/figures.json and analysis/tsne.json

The models are those of model/architectures, in float64; tools/figure_numbers.py has the definitions.
"""
import json
import pathlib
import sys

import numpy as np
import torch
import transformers

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))
import figure_numbers  # noqa: E402

BLOCKS, WINDOW, SHOWN, RANGE = 2, 20, 12, 15
SITES = list(figure_numbers.SITES)


def ids(seed, count):
    return np.random.default_rng(seed).integers(0, 40, count).tolist()


def panels(keys):
    return [dict(block=block, **{name: value}, drawn=drawn) for block in range(BLOCKS) for name, value, drawn in keys]


# What a figure's --json says about itself: enough to compute it.
def figures():
    one, two = [ids(1, 50)], [ids(2, 50), ids(3, 33)]
    generator = np.random.default_rng(4)
    sampled = [np.sort(generator.permutation(len(t))[:8]).tolist() for t in two]
    yield dict(figure="domain-gap", token_ids=two, window=WINDOW, statistic="mean",
               texts=[dict(sampled=s) for s in sampled], panels=panels([("site", site, "curves") for site in SITES]))
    yield dict(figure="key-bias", token_ids=one, tokens=SHOWN, panels=panels([("stage", s, "surface") for s in ("before", "after")]))
    yield dict(figure="key-rope", token_ids=one, tokens=3 * RANGE, range=RANGE, statistic="maximum",
               panels=panels([("stage", s, "curves") for s in ("before", "after")]))
    yield dict(figure="massive-activations", token_ids=one, tokens=50, window=WINDOW, shown=SHOWN,
               panels=[dict(drawn="curves")] + panels([("x", 0, "map"), ("x", 0, "surface")]))


def rounded(values):
    return np.vectorize(lambda x: float(f"{x:.9g}"))(values).tolist()


def write_figures():
    out = []
    for name in ("llama3", "qwen2-window"):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            HERE / "model" / "architectures" / name, dtype=torch.float64, attn_implementation="eager")
        for figure in figures():
            numbers = figure_numbers.expected(model, figure)
            for panel in figure["panels"]:
                panel["values"] = rounded(numbers[figure_numbers.key_of(panel)])
                panel.pop("x", None)
            out.append(dict(model=name, **figure))
    (HERE / "analysis" / "figures.json").write_text(json.dumps(out) + "\n")


def write_tsne():
    from scipy.spatial.distance import squareform
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE, _t_sne
    from sklearn.metrics import pairwise_distances
    generator = np.random.default_rng(7)
    t = np.linspace(-1, 1, 40)  # along a curve: a shape that every descent finds
    points = (2 * np.stack([t, t**2, t**3, 0 * t], 1) + 0.02 * generator.normal(size=(40, 4))).astype(np.float32)
    perplexity = 12
    distances = pairwise_distances(points.astype(np.float64), metric="euclidean", squared=True)
    p = squareform(_t_sne._joint_probabilities(distances, perplexity, 0))
    start = PCA(n_components=2, svd_solver="full").fit_transform(points.astype(np.float64))
    start = start / np.std(start[:, 0]) * 1e-4
    p, start = np.array(rounded(p)), np.array(rounded(start))  # as the test reads them
    # A short schedule, before rounding errors have grown (a millionfold in 30 steps); and the whole one, without an early end, from starts that differ by
    # a millionth: what its result depends on.
    early, late = 12, 24
    options = dict(it=0, learning_rate=50.0, n_iter_without_progress=10**6, min_grad_norm=0, args=[squareform(p), 1, len(p), 2])
    places = start.ravel()
    for factor, momentum, count in ((12, 0.5, early), (1, 0.8, late - early)):
        options["args"][0] = squareform(p) * factor
        places, error, _ = _t_sne._gradient_descent(_t_sne._kl_divergence, places.copy(), momentum=momentum, max_iter=count, **options)
    ends = []
    for seed in range(6):
        near = start * (1 + 1e-6 * np.random.default_rng(seed).normal(size=start.shape))
        tsne = TSNE(perplexity=perplexity, method="exact", init=near, max_iter=1000, n_iter_without_progress=10**6, min_grad_norm=0)
        ends.append(float(tsne.fit(points).kl_divergence_))
    result = dict(points=points.astype(float).tolist(), perplexity=perplexity, joint=p.tolist(), start=start.tolist(), early=early,
                  late=late, places=rounded(places.reshape(-1, 2)), divergences=ends)
    (HERE / "analysis" / "tsne.json").write_text(json.dumps(result) + "\n")
    print("divergences", ends)


if __name__ == "__main__":
    write_figures()
    write_tsne()
