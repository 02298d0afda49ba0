#include "checkpoint/gguf_names.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {
namespace {

std::string_view gguf_name(LinearSlot slot) {
  switch (slot) {
    case LinearSlot::kQ:
      return "attn_q";
    case LinearSlot::kK:
      return "attn_k";
    case LinearSlot::kV:
      return "attn_v";
    case LinearSlot::kO:
      return "attn_output";
    case LinearSlot::kGate:
      return "ffn_gate";
    case LinearSlot::kUp:
      return "ffn_up";
    case LinearSlot::kDown:
      return "ffn_down";
  }
  throw Error("LinearSlot", fmt::format("the value {}", static_cast<int>(slot)), "one of the enumerators");
}

}  // namespace

std::string gguf_linear_name(const LinearPlace& place) {
  return place.layer ? fmt::format("blk.{}.{}", *place.layer, gguf_name(place.slot)) : "output";
}

std::string gguf_tensor_name(const std::string& name) {
  if (name == kEmbeddingName) return "token_embd.weight";
  if (name == kFinalNormName) return "output_norm.weight";
  const auto split = split_layer_name(name);
  return fmt::format("blk.{}.{}", split->layer, split->rest == kInputNorm ? "attn_norm.weight" : "ffn_norm.weight");
}

bool has_interleaved_rows(const ModelConfig& config, const LinearPlace& place) {
  return config.architecture == Architecture::kLlama && place.layer &&
         (place.slot == LinearSlot::kQ || place.slot == LinearSlot::kK);
}

std::int64_t interleaved_row(std::int64_t row, std::int64_t head_dim) {
  const std::int64_t head = row / head_dim, i = row % head_dim, half = head_dim / 2;
  return head * head_dim + (i < half ? 2 * i : 2 * (i - half) + 1);
}

std::int64_t row_of_interleaved(std::int64_t row, std::int64_t head_dim) {
  const std::int64_t head = row / head_dim, i = row % head_dim, half = head_dim / 2;
  return head * head_dim + (i % 2 == 0 ? i / 2 : i / 2 + half);
}

}  // namespace qreason
