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
# The grader, with the labelled pairs as a corpus to begin with.
"$compiler" -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -DFMT_HEADER_ONLY -Isrc \
  -I"$out/fmt-only" fuzz/grading_fuzz.cpp src/eval/graders/math/*.cpp src/base/random.cpp src/base/utf8.cpp \
  src/base/error.cpp -lpthread -o "$out/grading_fuzz"
mkdir -p "$out/grading_corpus"
python3 - "$out/grading_corpus" tests/data/grading/*.jsonl <<'PYTHON'
import hashlib, json, pathlib, sys
for path in sys.argv[2:]:
    for line in open(path, encoding="utf-8"):
        pair = json.loads(line)
        data = (pair["gold"] + "\0" + pair["text"]).encode()
        (pathlib.Path(sys.argv[1]) / hashlib.sha1(data).hexdigest()).write_bytes(data)
PYTHON
