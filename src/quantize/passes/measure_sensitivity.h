// Measures what rounding each linear alone does to the model: for every linear of every block and every candidate
// format the KL divergence, in nats a token, of what the model then predicts from what it predicts in float. The walk's
// block is tried with the rounded matrix, and the blocks behind it and the head run on what comes out
// (quantize/model_behind.h); everything else stays float, quantizers of activations and cache off. Kept as
// divergence_name(layer, linear, format).
//
// The matrix is rounded as the pass behind will: to nearest, or by GPTQ on the float model's inputs (act-order, static
// groups, damping 0.01).
#pragma once

#include <cstdint>
#include <vector>

#include "formats/quant_format.h"
#include "quantize/pass.h"

namespace qreason {

enum class TrialRounding { kNearest, kGptq };

struct SensitivitySettings {
  std::vector<QuantFormat>
      formats;  // of weights, integers under kGptq; those that do not fit a linear's shape are Errors
  TrialRounding rounding = TrialRounding::kGptq;
  std::int64_t tokens = 1024;  // positions that are compared, the first of the calibration sequences
};

PassPointer measure_sensitivity(const SensitivitySettings& settings);
// The parameters formats, rounding ("gptq" or "nearest") and tokens.
PassPointer read_measure_sensitivity(ParameterReader& parameters);

}  // namespace qreason
