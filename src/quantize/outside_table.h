// The embedding or the head, rounded to nearest on its way into the checkpoint: some thousand rows at a time, so that
// of the largest matrices of a model only codes are in memory whole.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "base/json.h"
#include "formats/quant_format.h"
#include "kernels/executor.h"
#include "model/weights.h"

namespace qreason {

struct RoundedTable {
  LinearWeight weight;
  OrderedJson report;  // as to_json of a linear (quantize/report.h) has it
};

// Of `table` [vocab, hidden], float32, bfloat16 or float16, the same matrix as round_to_nearest's of all its values at
// once. `pass` made the format.
RoundedTable round_table(const std::string& name, std::string_view pass, const at::Tensor& table,
                         const QuantFormat& format, Executor& executor);

}  // namespace qreason
