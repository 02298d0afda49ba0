"""Models of train.py as Hugging Face folders: written, and read again to grow a larger one."""
import json
import shutil
import struct

import numpy
import torch

BOS, EOS = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"


def tensors_of(model):
    """Names and bfloat16 values as transformers has them."""
    named = {}
    for name, value in model.state_dict().items():
        parts = name.split(".")
        if parts[0] == "layers" and parts[2] in ("q_proj", "k_proj", "v_proj", "o_proj"):
            parts.insert(2, "self_attn")
        elif parts[0] == "layers" and parts[2] in ("gate_proj", "up_proj", "down_proj"):
            parts.insert(2, "mlp")
        elif parts[-1].endswith("norm"):
            parts.append("weight")
        name = ".".join(parts)
        named[name if name.startswith("lm_head") else "model." + name] = value.detach().cpu().to(torch.bfloat16).contiguous()
    return named


def write_safetensors(path, named):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(named):
        size = named[name].numel() * 2
        header[name] = {"dtype": "BF16", "shape": list(named[name].shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(named):
            file.write(named[name].view(torch.int16).numpy().tobytes())


def read_safetensors(path):
    content = path.read_bytes()
    size, = struct.unpack_from("<Q", content)
    named = {}
    for name, entry in json.loads(content[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + at for at in entry["data_offsets"])
            values = numpy.frombuffer(content[begin:end], numpy.uint16).astype(numpy.uint32) << 16
            named[name] = torch.from_numpy(values.view(numpy.float32).reshape(entry["shape"]).copy())
    return named


def grow(model, folder):
    """Makes the model the function of the smaller one in `folder`: what is new reads as it was initialized and writes
    nothing yet (Net2Net's idea, Chen et al. 2016, without noise; zero instead of copied units)."""
    small = json.loads((folder / "config.json").read_text())
    source, s = read_safetensors(folder / "model.safetensors"), model.shape
    same = ("head_dim", s.head_dim), ("num_key_value_heads", s.kv_heads), ("vocab_size", s.vocabulary)
    if small["architectures"] != [s.architecture] or any(small[key] != value for key, value in same):
        raise SystemExit(f"{folder}: cannot be grown to this shape: other architecture, head_dim, kv heads or vocabulary")
    hidden, middle, old_layers = small["hidden_size"], small["intermediate_size"], small["num_hidden_layers"]
    old_repeats, repeats = small["num_attention_heads"] // s.kv_heads, s.heads // s.kv_heads
    # A query head stays with its key head.
    heads = [group * repeats + i for group in range(s.kv_heads) for i in range(old_repeats)]
    queries = torch.cat([torch.arange(s.head_dim) + head * s.head_dim for head in heads])
    new_layers = range(old_layers // 2, old_layers // 2 + s.layers - old_layers)
    old_norm = (hidden / s.hidden) ** 0.5  # the same sum of squares over more channels

    def put_norm(target, name):
        target[:hidden] = source[name] * old_norm

    def put_reader(target, name, rows):
        target[rows, :hidden] = source[name]

    def put_writer(target, name, columns):
        target.zero_()
        target[:hidden, columns] = source[name]

    with torch.no_grad():
        model.embed_tokens.weight.zero_()
        model.embed_tokens.weight[:, :hidden] = source["model.embed_tokens.weight"]
        put_norm(model.norm, "model.norm.weight")
        if model.lm_head is not None:
            head = "model.embed_tokens.weight" if small["tie_word_embeddings"] else "lm_head.weight"
            model.lm_head.weight[:, :hidden] = source[head]
        old = iter(range(old_layers))
        for index, block in enumerate(model.layers):
            if index in new_layers:
                block.o_proj.weight.zero_()
                block.down_proj.weight.zero_()
                continue
            prefix = f"model.layers.{next(old)}."
            put_norm(block.input_layernorm, prefix + "input_layernorm.weight")
            put_norm(block.post_attention_layernorm, prefix + "post_attention_layernorm.weight")
            for part, rows in ("q_proj", queries), ("k_proj", slice(None)), ("v_proj", slice(None)):
                linear, name = getattr(block, part), prefix + "self_attn." + part
                put_reader(linear.weight, name + ".weight", rows)
                if s.bias:
                    linear.bias[rows] = source[name + ".bias"]
            put_writer(block.o_proj.weight, prefix + "self_attn.o_proj.weight", queries)
            for part in "gate_proj", "up_proj":
                put_reader(getattr(block, part).weight, f"{prefix}mlp.{part}.weight", slice(middle))
            put_writer(block.down_proj.weight, prefix + "mlp.down_proj.weight", slice(middle))


def write_model(model, tokenizer_dir, out, tokenizer):
    s = model.shape
    out.mkdir(parents=True, exist_ok=True)
    bos, eos, pad_id = (tokenizer.token_to_id(t) for t in (BOS, EOS, "<｜▁pad▁｜>"))
    qwen = s.architecture == "Qwen2ForCausalLM"
    config = {"architectures": [s.architecture], "model_type": "qwen2" if qwen else "llama", "hidden_act": "silu",
              "hidden_size": s.hidden, "intermediate_size": s.intermediate, "num_hidden_layers": s.layers,
              "num_attention_heads": s.heads, "num_key_value_heads": s.kv_heads, "head_dim": s.head_dim,
              "max_position_embeddings": s.context, "rms_norm_eps": s.epsilon, "rope_theta": s.theta,
              "tie_word_embeddings": s.tied, "vocab_size": s.vocabulary, "bos_token_id": bos, "eos_token_id": eos,
              "pad_token_id": pad_id, "attention_dropout": 0.0, "torch_dtype": "bfloat16", "use_cache": True}
    config.update({"use_sliding_window": False} if qwen else {"attention_bias": False, "mlp_bias": False})
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    generation = {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": pad_id, "do_sample": True,
                  "temperature": 0.6, "top_p": 0.95}
    (out / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    # The one form of question that the training problems have (src/eval/tasks/tasks.cpp).
    form = {"after": "\n\nPlease reason step by step, and put your final answer within \\boxed{}."}
    (out / "prompt_form.json").write_text(json.dumps(form, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer_dir / name, out / name)
    write_safetensors(out / "model.safetensors", tensors_of(model))
