// GPTQ's loop over the columns of one linear, in tensor operations (quantize/tensors/tensor_gptq.h).
#pragma once

#include <ATen/core/Tensor.h>

#include "quantize/gptq.h"

namespace qreason {

// What GptqFactor holds on the host, on a device: float32, rounding order.
struct GptqMatrices {
  at::Tensor order;            // int64 [columns]
  at::Tensor dead;             // bool [columns], stored order
  at::Tensor feedback, drift;  // [columns, columns]; 0 below the diagonal; no drift without asymmetric calibration
  at::Tensor pivots;           // [columns]
};

// weights [out, columns] of the host as the factor's device has them: rounding order, 0 in dead columns.
at::Tensor ordered_columns(const at::Tensor& weights, const GptqMatrices& matrices);

// round_gptq. `facts` is the factor without its matrices. Blocks of columns are rounded column by column without
// waiting for the device, the rest is updated block by block.
GptqResult round_columns_there(const at::Tensor& weights, const GptqFactor& facts, const GptqMatrices& matrices,
                               const QuantFormat& format, const GptqOptions& options);

}  // namespace qreason
