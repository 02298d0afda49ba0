#!/usr/bin/env python3
"""load.py CONSUMER CHECKPOINT TOKENS LOGITS: loads a checkpoint in another program, and says how far its numbers are from ours.

Run by tools/check_consumers.py in the consumer's own environment. TOKENS holds int32 `tokens` [rows, length], LOGITS the
float32 `logits` that qreason has for them. The last line printed is one JSON object: `kl` (mean KL(ours || theirs) in nats),
`largest` (difference of two logits), `top1` (share of equal first tokens), `greedy` (tokens that follow each row's first
half). For the package gguf, which computes no logits, LOGITS is a folder of float32 weights, and `weights` the largest
difference of one. A consumer that gives no logits (vLLM) has `logprob` instead: the mean difference of the prompt tokens' log probabilities.
"""
import argparse
import json
import os

import numpy as np
from safetensors.numpy import load_file

NEW_TOKENS = 32


def log_softmax(logits):
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def compare(ours, theirs):
    p, q = log_softmax(ours), log_softmax(theirs)
    return {
        "kl": float((np.exp(p) * (p - q)).sum(-1).mean()),
        "largest": float(np.abs(ours - theirs).max()),
        "top1": float((ours.argmax(-1) == theirs.argmax(-1)).mean()),
    }


def greedy_torch(model, tokens):
    import torch

    answers = []
    for row in tokens:
        ids = [int(t) for t in row[: len(row) // 2]]
        for _ in range(NEW_TOKENS):
            with torch.no_grad():
                ids.append(int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
        answers.append(ids[len(row) // 2 :])
    return answers


def run_torch(model, tokens, ours):
    import torch

    with torch.no_grad():
        logits = model(input_ids=torch.from_numpy(tokens.astype(np.int64)), use_cache=False).logits.float().numpy()
    return {**compare(ours, logits), "greedy": greedy_torch(model, tokens)}


def require_clean(info):
    """A tensor that is not used, or one that is missing, is a wrong name."""
    problems = {key: sorted(map(str, value)) for key, value in info.items() if value and key != "offload_info"}
    problems.pop("mismatched_keys", None) if not problems.get("mismatched_keys") else None
    if problems:
        raise SystemExit(f"not every tensor found its place: {json.dumps(problems)[:400]}")


def with_transformers(checkpoint, tokens, ours):
    import torch
    import transformers

    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        checkpoint, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, local_files_only=True
    )
    require_clean(info)
    return run_torch(model.eval(), tokens, ours)


def with_gptqmodel(checkpoint, tokens, ours):
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import torch
    from gptqmodel import BACKEND, GPTQModel

    model = GPTQModel.load(checkpoint, device="cpu", backend=BACKEND("torch"), dtype=torch.float16).model.eval()
    names = {type(module).__name__ for name, module in model.named_modules() if name.endswith("_proj")}
    if names == {"Linear"}:
        raise SystemExit("loaded as a float model")
    return run_torch(model, tokens, ours)


def with_autoawq(checkpoint, tokens, ours):
    import torch
    import awq.models.base
    from awq import AutoAWQForCausalLM

    awq.models.base.get_best_device = lambda: "plain"  # on a processor it insists on kernels made for another torch
    loaded = AutoAWQForCausalLM.from_quantized(
        checkpoint, fuse_layers=False, device_map={"": "cpu"}, torch_dtype=torch.float16, safetensors=True
    )
    model = loaded.model.eval()
    if not any(type(module).__name__ == "WQLinear_GEMM" for module in model.modules()):
        raise SystemExit("loaded as a float model")
    return run_torch(model, tokens, ours)


def with_llamacpp(checkpoint, tokens, ours):
    import llama_cpp

    model = llama_cpp.Llama(
        model_path=checkpoint, n_ctx=512, n_threads=2, n_threads_batch=2, logits_all=True, verbose=False
    )
    answers, logits = [], np.zeros_like(ours)
    for r, row in enumerate(tokens):
        ids = [int(t) for t in row]
        model.reset()
        model.eval(ids)
        logits[r] = np.array(model.scores[: len(ids)], dtype=np.float32)
        model.reset()
        ids = ids[: len(ids) // 2]
        model.eval(ids)
        for _ in range(NEW_TOKENS):
            token = int(model.scores[model.n_tokens - 1].argmax())
            ids.append(token)
            model.eval([token])
        answers.append(ids[len(row) // 2 :])
    vocabulary = model.tokenizer()
    return {**compare(ours, logits), "greedy": answers, "tokenizer": type(vocabulary).__name__}


def with_vllm(checkpoint, tokens, ours):
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from vllm import LLM, SamplingParams

    engine = LLM(model=checkpoint, max_model_len=512, enforce_eager=True, dtype="bfloat16")
    rows = [[int(t) for t in row] for row in tokens]
    told = engine.generate(
        [{"prompt_token_ids": row} for row in rows], SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=0)
    )
    p = log_softmax(ours)
    differences = []
    for r, output in enumerate(told):
        for position in range(1, len(rows[r])):
            token = rows[r][position]
            differences.append(abs(output.prompt_logprobs[position][token].logprob - p[r, position - 1, token]))
    answers = engine.generate(
        [{"prompt_token_ids": row[: len(row) // 2]} for row in rows],
        SamplingParams(temperature=0, max_tokens=NEW_TOKENS, ignore_eos=True),
    )
    return {"logprob": float(np.mean(differences)), "greedy": [list(a.outputs[0].token_ids) for a in answers]}


GGUF_LINEARS = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
GGUF_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def hf_rows(values, heads):
    """Rows that llama's files interleave, back in Hugging Face's order."""
    shape = values.shape
    return values.reshape(heads, shape[0] // heads // 2, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def with_gguf(checkpoint, _, folder):
    """The weights themselves: the package decodes the blocks, `folder` has the floats that qreason makes of them."""
    import gguf

    reader, want = gguf.GGUFReader(checkpoint), load_file(os.path.join(folder, "model.safetensors"))
    architecture = bytes(reader.fields["general.architecture"].parts[-1]).decode()
    heads = {
        name: int(reader.fields[f"{architecture}.attention.{key}"].parts[-1][0])
        for name, key in (("attn_q", "head_count"), ("attn_k", "head_count_kv"))
    }
    largest = 0.0
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).reshape([int(n) for n in reversed(tensor.shape)])
        *block, name, kind = tensor.name.split(".")
        if block and architecture == "llama" and name in heads:
            values = hf_rows(values, heads[name])
        stem = f"model.layers.{block[1]}.{GGUF_LINEARS[name]}" if block else GGUF_OUTSIDE[name]
        largest = max(largest, float(np.abs(values.astype(np.float32) - want.pop(f"{stem}.{kind}")).max()))
    if want:
        raise SystemExit(f"tensors that the file lacks: {sorted(want)[:4]}")
    return {"weights": largest, "greedy": []}


CONSUMERS = {
    "gguf": with_gguf,
    "transformers": with_transformers,
    "gptqmodel": with_gptqmodel,
    "autoawq": with_autoawq,
    "llama.cpp": with_llamacpp,
    "vllm": with_vllm,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("consumer", choices=CONSUMERS)
    parser.add_argument("checkpoint")
    parser.add_argument("tokens")
    parser.add_argument("logits")
    options = parser.parse_args()
    tokens = load_file(options.tokens)["tokens"]
    ours = options.logits if os.path.isdir(options.logits) else load_file(options.logits)["logits"]
    print(json.dumps(CONSUMERS[options.consumer](options.checkpoint, tokens, ours)))


if __name__ == "__main__":
    main()
