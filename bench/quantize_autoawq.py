"""AutoAWQ (PyPI, 0.2.9) on the first block of a model, on a CPU: the partner of `qreason quantize MODEL awq-w4g128`.

Its AwqQuantizer runs as its own `quantize` does, in float32, on given tokens in place of a data set; without packing, which
is no part of the search. (On a CPU its copies of the original weights are the weights themselves, so that ratios after
the first are tried on weights that are already scaled: the time is that of the search, the scales are not.) Prints one
line of JSON.

    python3 quantize_autoawq.py MODEL TOKENS.safetensors [--threads 2] [--sequences 16]
"""

import torch
import transformers
from awq.models.qwen2 import Qwen2AWQForCausalLM
from awq.quantize import quantizer

from reference_block import Stages, read_options, read_tokens


def main():
    options = read_options(sequences=16)
    model = transformers.AutoModelForCausalLM.from_pretrained(options.model, torch_dtype=torch.float32)
    model.config.use_cache = False
    model.model.layers = model.model.layers[:1]
    tokens = read_tokens(options)
    quantizer.get_calib_dataset = lambda **_: list(tokens.split(1))
    family = Qwen2AWQForCausalLM.__new__(Qwen2AWQForCausalLM)
    torch.nn.Module.__init__(family)
    family.model_type = "qwen2"
    stages = Stages()
    with torch.no_grad():
        quantizer.AwqQuantizer(
            family, model, None, w_bit=4, group_size=128, zero_point=True, version="gemm", calib_data="", split="",
            text_column="", duo_scaling=False, export_compatible=True, max_calib_samples=options.sequences,
            max_calib_seq_len=tokens.shape[1]).quantize()
    stages.done("block")
    stages.report()


if __name__ == "__main__":
    main()
