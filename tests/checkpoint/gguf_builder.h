// GGUF files put together byte by byte, from the format's description, so that any field can lie.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/broken_files.h"

namespace qreason::testing {

inline std::string gguf_text(const std::string& text) {
  return raw<std::uint64_t>(text.size()) + text;
}

// One metadata entry; the types' numbers are those of the format.
inline std::string gguf_entry(const std::string& key, std::uint32_t type, const std::string& value) {
  return gguf_text(key) + raw(type) + value;
}
inline std::string gguf_u32(const std::string& key, std::uint32_t value) {
  return gguf_entry(key, 4, raw(value));
}
inline std::string gguf_f32(const std::string& key, float value) {
  return gguf_entry(key, 6, raw(value));
}
inline std::string gguf_string(const std::string& key, const std::string& value) {
  return gguf_entry(key, 8, gguf_text(value));
}
inline std::string gguf_array(const std::string& key, std::uint32_t type, std::uint64_t count,
                              const std::string& elements) {
  return gguf_entry(key, 9, raw(type) + raw(count) + elements);
}

struct GgufTensorText {
  std::string name;
  std::vector<std::uint64_t> sizes;  // fastest first
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
};

inline std::string gguf_tensor(const GgufTensorText& tensor) {
  std::string bytes = gguf_text(tensor.name) + raw(static_cast<std::uint32_t>(tensor.sizes.size()));
  for (const std::uint64_t size : tensor.sizes) bytes += raw(size);
  return bytes + raw(tensor.type) + raw(tensor.offset);
}

struct GgufText {
  std::vector<std::string> entries;
  std::vector<std::string> tensors;
  std::string data;
  std::uint32_t version = 3;

  std::string bytes() const { return bytes_with_counts(tensors.size(), entries.size()); }
  std::string bytes_with_counts(std::uint64_t tensor_count, std::uint64_t entry_count) const {
    std::string text = "GGUF" + raw(version) + raw(tensor_count) + raw(entry_count);
    for (const std::string& entry : entries) text += entry;
    for (const std::string& tensor : tensors) text += tensor;
    if (!tensors.empty()) text.resize((text.size() + 31) / 32 * 32);
    return text + data;
  }
};

// A whole llama of one layer, hidden 8, in as few bytes as it takes.
inline GgufText tiny_llama() {
  GgufText text;
  text.entries = {gguf_string("general.architecture", "llama"),
                  gguf_u32("llama.embedding_length", 8),
                  gguf_u32("llama.feed_forward_length", 8),
                  gguf_u32("llama.block_count", 1),
                  gguf_u32("llama.attention.head_count", 2),
                  gguf_u32("llama.context_length", 16),
                  gguf_f32("llama.attention.layer_norm_rms_epsilon", 1e-5f),
                  gguf_f32("llama.rope.freq_base", 1e4f)};
  std::uint64_t offset = 0;
  const auto add = [&](const char* name, std::vector<std::uint64_t> sizes) {
    text.tensors.push_back(gguf_tensor({.name = name, .sizes = sizes, .offset = offset}));
    offset += (sizes.size() == 2 ? sizes[0] * sizes[1] : sizes[0]) * 4;
  };
  add("token_embd.weight", {8, 4});
  add("output_norm.weight", {8});
  for (const char* name : {"blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"}) add(name, {8});
  for (const char* name :
       {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight", "blk.0.attn_output.weight",
        "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"}) {
    add(name, {8, 8});
  }
  text.data = std::string(offset, '\0');
  return text;
}

}  // namespace qreason::testing
