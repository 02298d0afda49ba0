#!/usr/bin/env bash
# Builds the fuzzers with clang (apt: clang) into a folder: fuzz/build.sh OUT. Run one as: OUT/gguf_fuzz CORPUS_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?folder for the fuzzers}
compiler=${CXX:-$(command -v clang++ || command -v clang++-14)}
# c10's Half and BFloat16 are headers of libtorch.
torch=${TORCH_INCLUDE:-$(.venv/bin/python -c 'import torch.utils.cpp_extension as e; print(e.include_paths()[0])')}
# libtorch carries a newer fmt; the system's must be found first.
mkdir -p "$out/fmt-only"
ln -sfn /usr/include/fmt "$out/fmt-only/fmt"
sources=(src/base/error.cpp src/base/file.cpp src/base/json.cpp src/base/parallel.cpp src/checkpoint/safetensors.cpp
         src/checkpoint/gguf.cpp src/checkpoint/gguf_config.cpp src/checkpoint/ggml_blocks.cpp
         src/checkpoint/shown_name.cpp src/model/config.cpp src/model/config_derived.cpp)
for name in safetensors gguf; do
  "$compiler" -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -ffp-contract=off \
    -DFMT_HEADER_ONLY -Isrc -I"$out/fmt-only" -isystem "$torch" "fuzz/${name}_fuzz.cpp" "${sources[@]}" \
    -lcrypto -lpthread -o "$out/${name}_fuzz"
done
