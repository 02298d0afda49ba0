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

std::string_view gguf_name(BlockNorm norm) {
  switch (norm) {
    case BlockNorm::kInput:
      return "attn_norm";
    case BlockNorm::kPost:
      return "ffn_norm";
    case BlockNorm::kQuery:
      return "attn_q_norm";
    case BlockNorm::kKey:
      return "attn_k_norm";
  }
  throw Error("BlockNorm", fmt::format("the value {}", static_cast<int>(norm)), "one of the enumerators");
}

}  // namespace

std::string_view gguf_architecture(Architecture architecture) {
  return architecture == Architecture::kMistral ? "llama" : facts_of(architecture).model_type;
}

std::string gguf_linear_name(const LinearPlace& place) {
  return place.layer ? fmt::format("blk.{}.{}", *place.layer, gguf_name(place.slot)) : "output";
}

std::string gguf_tensor_name(const std::string& name) {
  if (name == kEmbeddingName) return "token_embd.weight";
  if (name == kFinalNormName) return "output_norm.weight";
  const auto split = split_layer_name(name);
  for (std::size_t i = 0; split && i < kBlockNorms.size(); ++i) {
    if (split->rest == kBlockNorms[i]) return fmt::format("blk.{}.{}.weight", split->layer, gguf_name(BlockNorm(i)));
  }
  throw Error("GGUF", "the tensor " + name, "one of the decoder's");
}

bool has_interleaved_rows(const ModelConfig& config, const LinearPlace& place) {
  return gguf_architecture(config.architecture) == "llama" && place.layer &&
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
