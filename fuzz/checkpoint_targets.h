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
#include "base/json.h"
#include "base/safetensors.h"
#include "checkpoint/compressed_tensors_config.h"
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

// A quantization_config of compressed-tensors, its patterns matched and its schemes put into plans.
inline unsigned read_as_schemes(std::span<const std::uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  unsigned sum = 0;
  try {
    const CompressedTensorsConfig config(parse_json(text, "fuzz"), parse_ordered_json(text, "fuzz"), "fuzz");
    for (const char* name : {"model.layers.0.self_attn.q_proj", "model.layers.11.mlp.down_proj", "lm_head"}) {
      const PackedScheme* scheme = config.scheme_of(name);
      if (scheme == nullptr) continue;
      sum += static_cast<unsigned>(scheme->weights.bits);
      if (scheme->inputs) sum += site_plan(*scheme->inputs, Role::kActivation, "fuzz").format.has_value() ? 1 : 0;
    }
    if (config.cache()) site_plan(*config.cache(), Role::kKey, "fuzz");
  } catch (const Error&) {
    return 0;
  }
  return sum;
}

}  // namespace qreason::fuzz
