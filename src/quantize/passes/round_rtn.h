// Rounds linears to nearest, looking at nothing but their weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>

#include "quantize/linear_report.h"
#include "quantize/pass.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {

PassPointer round_rtn(const WeightRounding& rounding);
struct FloatLinear {
  at::Tensor weights;  // float32 [rows, columns]
  std::optional<at::Tensor> bias;
};

// Rounds what `read` gives and puts it in the linear's place. `report`: what the pass tells of the linear besides
// errors, clipped codes and seconds. Errors, those of `read` too, name the linear.
void round_linear(BlockVisit& block, LinearSlot slot, const std::function<FloatLinear()>& read,
                  LinearReport report = {});

PassPointer read_round_rtn(ParameterReader& parameters);

}  // namespace qreason
