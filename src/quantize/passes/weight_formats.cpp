#include "quantize/passes/weight_formats.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {

std::int64_t columns_of(const ModelConfig& config, LinearSlot slot) {
  switch (input_site(slot)) {
    case Site::kAttentionOutput:
      return config.heads * config.head_dim;
    case Site::kMlpMiddle:
      return config.intermediate_size;
    default:
      return config.hidden_size;
  }
}

void add_weight_formats(const ModelConfig& config, const QuantFormat& format, const std::string& pass,
                        ModelPlan& plan) {
  for (const LinearSlot slot : kLinearSlots) {
    const std::int64_t columns = columns_of(config, slot);
    QuantFormat own = format;
    if (format.granularity == Granularity::kChannel && is_row_parallel(slot) && plan.tensor_parallel > 1) {
      own.granularity = Granularity::kGroup;
      own.group_size = static_cast<int>(columns / plan.tensor_parallel);
    }
    if (own.granularity == Granularity::kGroup && columns % own.group_size != 0) {
      throw Error::usage(fmt::format("{}: {}", pass, name_of(slot)),
                         fmt::format("groups of {} in {} columns", own.group_size, columns),
                         "a group size that divides the columns of every linear");
    }
    plan.weights[slot] = own;
  }
}

QuantFormat parse_weight_format(const std::string& text, const std::string& where) {
  const QuantFormat format = parse_quant_format(text);
  if (format.role != Role::kWeight || format.kind != NumberKind::kInteger ||
      (format.granularity != Granularity::kGroup && format.granularity != Granularity::kChannel)) {
    throw Error::usage(where + ": format", text, "an integer weight format such as w4g128-asym or w8c-sym");
  }
  return format;
}

}  // namespace qreason
