// Checkpoints: each target reads the bytes as its kind of file and touches everything that it then promises to be
// there. An Error is a result; any other exception, a crash or a sanitizer's report is a finding.
//
// All targets (fuzz/*_targets.h) also run in `make test` over seeded mutations (tests/<layer>/fuzz_test.cpp).
#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/safetensors.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_config.h"
#include "file_in_memory.h"

namespace qreason::fuzz {

inline unsigned sum_of(std::span<const std::byte> bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), 0u,
                         [](unsigned sum, std::byte byte) { return sum + std::to_integer<unsigned>(byte); });
}

// Both return 0 after an Error, else something that depends on every byte promised, so that no read can be left out.
inline unsigned read_as_safetensors(std::span<const std::uint8_t> bytes) {
  const FileInMemory file(bytes);
  unsigned sum = 0;
  try {
    const SafetensorsFile tensors(file.path());
    for (const auto& [name, entry] : tensors.entries()) sum += sum_of(tensors.bytes(name).bytes());
  } catch (const Error&) {
    return 0;
  }
  return sum;
}

inline unsigned read_as_gguf(std::span<const std::uint8_t> bytes) {
  const FileInMemory file(bytes);
  unsigned sum = 0;
  try {
    const GgufFile tensors(file.path());
    for (const auto& [name, tensor] : tensors.tensors()) {
      sum += sum_of(tensor.bytes);
      const GgmlBlock block = block_of(tensor.type);
      std::vector<float> values(tensor.bytes.size() / static_cast<std::size_t>(block.bytes) *
                                static_cast<std::size_t>(block.elements));
      dequantize_ggml(tensor.type, tensor.bytes, values);
    }
    sum += static_cast<unsigned>(gguf_model_config(tensors).layers);
  } catch (const Error&) {
    return 0;
  }
  return sum;
}

}  // namespace qreason::fuzz
