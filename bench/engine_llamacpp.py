#!/usr/bin/env python3
"""Tokens a second of llama.cpp, measured as bench/engine.cpp measures ours (without sampling).

    python engine_llamacpp.py MODEL.gguf [--threads N] [--work prefill,1,32,depth] [--cache f16|q8_0|q4_0]

Needs llama-cpp-python built from source for this machine (CMAKE_ARGS=-DGGML_NATIVE=ON). Weights are repacked for the
machine's instructions as they are loaded (`use_extra_bufts`); attention is its flash attention.
"""
import argparse
import ctypes
import random
import time

import llama_cpp as llama

PROMPT, STEPS, PREFILL, DEPTH = 32, 64, 512, 4096
CACHE = {"f16": llama.GGML_TYPE_F16, "q8_0": llama.GGML_TYPE_Q8_0, "q4_0": llama.GGML_TYPE_Q4_0}


@llama.llama_log_callback
def silent(_level, _text, _data):
    pass


class Bench:
    def __init__(self, path, threads, cache):
        llama.llama_backend_init()
        llama.llama_log_set(silent, ctypes.c_void_p(0))
        parameters = llama.llama_model_default_params()
        parameters.use_extra_bufts = True
        self.model = llama.llama_model_load_from_file(path.encode(), parameters)
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model))
        self.threads, self.cache = threads, CACHE[cache]
        self.random = random.Random(0)

    def tokens(self, count):
        return [self.random.randrange(100, self.vocabulary - 100) for _ in range(count)]

    def context(self, sequences, length, batch):
        parameters = llama.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = length, batch, batch
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = self.threads
        parameters.kv_unified = True
        parameters.type_k = parameters.type_v = self.cache
        parameters.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_ENABLED
        return llama.llama_init_from_model(self.model, parameters)

    def step(self, context, tokens, positions, sequences, logits):
        batch = llama.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.logits[i] = token, positions[i], logits[i]
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequences[i]
        if llama.llama_decode(context, batch) != 0:
            raise RuntimeError("llama_decode failed")
        llama.llama_get_logits(context)
        llama.llama_batch_free(batch)

    def prefill(self):
        best = 0
        for _ in range(3):
            context = self.context(1, 1024, PREFILL)
            self.step(context, self.tokens(8), range(8), [0] * 8, [0] * 7 + [1])
            llama.llama_memory_clear(llama.llama_get_memory(context), True)
            tokens = self.tokens(PREFILL)
            start = time.perf_counter()
            self.step(context, tokens, range(PREFILL), [0] * PREFILL, [0] * (PREFILL - 1) + [1])
            best = max(best, PREFILL / (time.perf_counter() - start))
            llama.llama_free(context)
        return best

    def decode(self, sequences, prompt=PROMPT):
        context = self.context(sequences, sequences * (prompt + STEPS + 8), max(PREFILL, sequences))
        for sequence in range(sequences):
            for first in range(0, prompt, PREFILL):
                count = min(PREFILL, prompt - first)
                wanted = [0] * (count - 1) + [1]
                self.step(context, self.tokens(count), range(first, first + count), [sequence] * count, wanted)
        best = 0
        for part in range(4):
            start = time.perf_counter()
            for step in range(STEPS // 4):
                position = prompt + part * (STEPS // 4) + step
                self.step(context, self.tokens(sequences), [position] * sequences, range(sequences), [1] * sequences)
            best = max(best, sequences * (STEPS // 4) / (time.perf_counter() - start))
        llama.llama_free(context)
        return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", default="prefill,1,32")
    parser.add_argument("--cache", default="f16", choices=CACHE)
    arguments = parser.parse_args()
    bench = Bench(arguments.model, arguments.threads, arguments.cache)
    print(f"llama.cpp, {arguments.threads} threads")
    for work in arguments.work.split(","):
        if work == "prefill":
            print(f"prefill {PREFILL}: {bench.prefill():.2f} tokens/s", flush=True)
        elif work == "depth":
            print(f"decode 1 at {DEPTH}: {bench.decode(1, DEPTH):.2f} tokens/s", flush=True)
        else:
            print(f"decode {work}: {bench.decode(int(work)):.2f} tokens/s", flush=True)


if __name__ == "__main__":
    main()
