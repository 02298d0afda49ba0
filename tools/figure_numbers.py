"""The numbers of `qreason figure`, computed by transformers and numpy: what tools/check_figures.py and the golden files compare with.

A figure's --json says what it read (token ids, windows, blocks, sampled tokens); these functions compute the same panels
from that alone, with hooks on the model's own modules and on its rotary function. A panel's key is (block, site or stage, drawn).
"""
import sys

import numpy as np
import torch

SITES = {"attn_in": "self_attn.q_proj", "attn_out": "self_attn.o_proj", "mlp_in": "mlp.gate_proj", "mlp_mid": "mlp.down_proj"}


def array(tensor):
    return tensor.detach().to(torch.float64).numpy()


class Taps:
    """What one sequence leaves in the blocks: lists by block of arrays [tokens, channels]."""

    def __init__(self, model, ids):
        self.model = model
        layers = model.model.layers
        self.inputs = {site: [None] * len(layers) for site in SITES}
        self.keys = [None] * len(layers)  # k_proj's outputs, bias included
        self.outputs = [None] * len(layers)
        self.rotations = []  # of each block in turn: queries and keys after RoPE, and keys before
        hooks = [hook for index, layer in enumerate(layers) for hook in self.hooks_of(index, layer)]
        modeling = sys.modules[type(model).__module__]
        rotate = modeling.apply_rotary_pos_emb
        modeling.apply_rotary_pos_emb = self.watched(rotate)
        try:
            with torch.no_grad():
                result = model(torch.tensor([ids]), output_attentions=True, use_cache=False)
        finally:
            modeling.apply_rotary_pos_emb = rotate
            for hook in hooks:
                hook.remove()
        self.attentions = [array(a[0].double().mean(0)) for a in result.attentions]

    def hooks_of(self, index, layer):
        for site, name in SITES.items():
            yield layer.get_submodule(name).register_forward_pre_hook(
                lambda module, args, site=site: self.inputs[site].__setitem__(index, array(args[0][0])))
        yield layer.self_attn.k_proj.register_forward_hook(
            lambda module, args, out: self.keys.__setitem__(index, array(out[0])))
        yield layer.register_forward_hook(
            lambda module, args, out: self.outputs.__setitem__(index, array((out[0] if isinstance(out, tuple) else out)[0])))

    def watched(self, rotate):
        def rows(heads):  # [1, heads, tokens, head_dim] to [tokens, heads * head_dim]
            return array(heads[0].transpose(0, 1).flatten(1))

        def function(q, k, *args, **kwargs):
            queries, keys = rotate(q, k, *args, **kwargs)
            self.rotations.append({"before": rows(k), "after": rows(keys)})
            return queries, keys
        return function


def windows(ids, size):
    return [ids[i:i + size] for i in range(0, len(ids), size)]


def statistic(rows, name):
    return np.abs(rows).mean(0) if name == "mean" else np.abs(rows).max(0)


def domain_gap(model, figure):
    by_text = []
    for ids in figure["token_ids"]:
        taps = [Taps(model, window) for window in windows(ids, figure["window"])]
        by_text.append({site: [np.concatenate([t.inputs[site][b] for t in taps]) for b in range(len(model.model.layers))]
                        for site in SITES})
    for panel in figure["panels"]:
        block, site = panel["block"], panel["site"]
        if panel["drawn"] == "curves":
            yield (block, site, "curves"), np.stack([statistic(t[site][block], figure["statistic"]) for t in by_text])
        else:  # the rows that t-SNE places
            yield (block, site, "points"), np.concatenate(
                [np.abs(t[site][block][text["sampled"]]) for t, text in zip(by_text, figure["texts"])])


def key_bias(model, figure):
    taps = Taps(model, figure["token_ids"][0][:figure["tokens"]])
    for panel in figure["panels"]:
        block = panel["block"]
        # Not keys - bias, whose digits a large bias has taken.
        bare = taps.inputs["attn_in"][block] @ array(model.model.layers[block].self_attn.k_proj.weight).T
        yield (block, panel["stage"], "surface"), np.abs(taps.keys[block] if panel["stage"] == "after" else bare)


def key_rope(model, figure):
    taps = Taps(model, figure["token_ids"][0][:figure["tokens"]])
    for panel in figure["panels"]:
        keys = taps.rotations[panel["block"]][panel["stage"]]
        yield (panel["block"], panel["stage"], "curves"), np.stack(
            [statistic(keys[i:i + figure["range"]], figure["statistic"]) for i in range(0, len(keys), figure["range"])])


def massive_activations(model, figure):
    taps = [Taps(model, window) for window in windows(figure["token_ids"][0][:figure["tokens"]], figure["window"])]
    ranks = []
    for block in range(len(model.model.layers)):
        values = np.sort(np.abs(np.concatenate([t.outputs[block].ravel() for t in taps])))
        ranks.append([values[-1], values[-2], values[-3], values[(len(values) - 1) // 2]])
    shown = figure["shown"]
    for panel in figure["panels"]:
        block = panel.get("block")
        if panel["drawn"] == "curves":
            yield (None, None, "curves"), np.array(ranks).T
        elif panel["drawn"] == "map":
            yield (block, None, "map"), taps[0].attentions[block][:shown, :shown]
        else:
            yield (block, None, "surface"), np.abs(taps[0].outputs[block][:shown])


KINDS = {"domain-gap": domain_gap, "key-bias": key_bias, "key-rope": key_rope, "massive-activations": massive_activations}


def key_of(panel):
    return panel.get("block"), panel.get("site", panel.get("stage")), panel["drawn"]


def expected(model, figure):
    """{key: array} of a figure's --json."""
    return dict(KINDS[figure["figure"]](model, figure))


def numbers_of(panel):
    """The numbers of a panel of --json as an array; None for points, whose places are not unique."""
    if panel["drawn"] == "curves":
        return np.array([curve["values"] for curve in panel["curves"]])
    return None if panel["drawn"] == "points" else np.array(panel["values"])
