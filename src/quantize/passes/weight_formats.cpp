#include "quantize/passes/weight_formats.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {

void add_weight_formats(const ModelConfig& config, const QuantFormat& format, const std::string& pass,
                        ModelPlan& plan) {
  for (const LinearSlot slot : kLinearSlots) {
    const std::int64_t columns = linear_shape(config, slot).columns;
    const QuantFormat own = is_row_parallel(slot) ? sharded(format, columns, plan.tensor_parallel) : format;
    if (own.granularity == Granularity::kGroup && columns % own.group_size != 0) {
      throw Error::usage(fmt::format("{}: {}", pass, name_of(slot)),
                         fmt::format("groups of {} in {} columns", own.group_size, columns),
                         "a group size that divides the columns of every linear");
    }
    plan.set_weight(slot, own);
  }
}

QuantFormat parse_weight_format(const std::string& text, const std::string& where) {
  const QuantFormat format = parse_quant_format(text);
  if (format.role != Role::kWeight ||
      (format.granularity != Granularity::kGroup && format.granularity != Granularity::kChannel)) {
    throw Error::usage(where + ": format", text, "a weight format such as w4g128-asym, w8c-sym, fp8e4m3 or mxfp4");
  }
  return format;
}

}  // namespace qreason
