#include "model/site.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {

std::string_view name_of(Site site) {
  switch (site) {
    case Site::kAttentionInput:
      return "attn_in";
    case Site::kAttentionOutput:
      return "attn_out";
    case Site::kMlpInput:
      return "mlp_in";
    case Site::kMlpMiddle:
      return "mlp_mid";
    case Site::kKey:
      return "key";
    case Site::kValue:
      return "value";
  }
  throw Error("Site", fmt::format("the value {}", static_cast<int>(site)), "one of the enumerators");
}

std::string_view name_of(LinearSlot slot) {
  switch (slot) {
    case LinearSlot::kQ:
      return "self_attn.q_proj";
    case LinearSlot::kK:
      return "self_attn.k_proj";
    case LinearSlot::kV:
      return "self_attn.v_proj";
    case LinearSlot::kO:
      return "self_attn.o_proj";
    case LinearSlot::kGate:
      return "mlp.gate_proj";
    case LinearSlot::kUp:
      return "mlp.up_proj";
    case LinearSlot::kDown:
      return "mlp.down_proj";
  }
  throw Error("LinearSlot", fmt::format("the value {}", static_cast<int>(slot)), "one of the enumerators");
}

Site input_site(LinearSlot slot) {
  switch (slot) {
    case LinearSlot::kQ:
    case LinearSlot::kK:
    case LinearSlot::kV:
      return Site::kAttentionInput;
    case LinearSlot::kO:
      return Site::kAttentionOutput;
    case LinearSlot::kGate:
    case LinearSlot::kUp:
      return Site::kMlpInput;
    case LinearSlot::kDown:
      return Site::kMlpMiddle;
  }
  throw Error("LinearSlot", fmt::format("the value {}", static_cast<int>(slot)), "one of the enumerators");
}

bool is_row_parallel(LinearSlot slot) {
  return slot == LinearSlot::kO || slot == LinearSlot::kDown;
}

bool is_row_parallel(Site site) {
  return site == Site::kAttentionOutput || site == Site::kMlpMiddle;
}

std::string block_tensor_name(std::int64_t layer, std::string_view rest) {
  return fmt::format("model.layers.{}.{}", layer, rest);
}

std::string linear_name(std::int64_t layer, LinearSlot slot) {
  return block_tensor_name(layer, name_of(slot));
}

}  // namespace qreason
