#!/usr/bin/env python3
"""Tokens a second of llama.cpp, measured as bench/engine.cpp measures ours (without sampling).

    python engine_llamacpp.py MODEL.gguf [threads]

Needs llama-cpp-python built from source for this machine. `use_extra_bufts` is off: with it some quantized types crash on
machines with AMX.
"""
import ctypes
import random
import sys
import time

import llama_cpp as llama

PROMPT, STEPS, PREFILL = 32, 64, 512


@llama.llama_log_callback
def silent(_level, _text, _data):
    pass


class Bench:
    def __init__(self, path, threads):
        llama.llama_backend_init()
        llama.llama_log_set(silent, ctypes.c_void_p(0))
        parameters = llama.llama_model_default_params()
        parameters.use_extra_bufts = False
        self.model = llama.llama_model_load_from_file(path.encode(), parameters)
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model))
        self.threads = threads
        self.random = random.Random(0)

    def tokens(self, count):
        return [self.random.randrange(100, self.vocabulary - 100) for _ in range(count)]

    def context(self, sequences, length, batch):
        parameters = llama.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = length, batch, batch
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = self.threads
        parameters.kv_unified = True
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
        for _ in range(5):
            context = self.context(1, 1024, PREFILL)
            self.step(context, self.tokens(8), range(8), [0] * 8, [0] * 7 + [1])
            llama.llama_memory_clear(llama.llama_get_memory(context), True)
            tokens = self.tokens(PREFILL)
            start = time.perf_counter()
            self.step(context, tokens, range(PREFILL), [0] * PREFILL, [0] * (PREFILL - 1) + [1])
            best = max(best, PREFILL / (time.perf_counter() - start))
            llama.llama_free(context)
        return best

    def decode(self, sequences):
        context = self.context(sequences, sequences * (PROMPT + STEPS + 8), max(512, sequences))
        for sequence in range(sequences):
            self.step(context, self.tokens(PROMPT), range(PROMPT), [sequence] * PROMPT, [0] * (PROMPT - 1) + [1])
        best = 0
        for part in range(4):
            start = time.perf_counter()
            for step in range(STEPS // 4):
                position = PROMPT + part * (STEPS // 4) + step
                self.step(context, self.tokens(sequences), [position] * sequences, range(sequences), [1] * sequences)
            best = max(best, sequences * (STEPS // 4) / (time.perf_counter() - start))
        llama.llama_free(context)
        return best


def main():
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    bench = Bench(sys.argv[1], threads)
    print(f"llama.cpp, {threads} threads")
    print(f"prefill {PREFILL}: {bench.prefill():.1f} tokens/s")
    for sequences in (1, 32):
        print(f"decode {sequences}: {bench.decode(sequences):.1f} tokens/s")


if __name__ == "__main__":
    main()
