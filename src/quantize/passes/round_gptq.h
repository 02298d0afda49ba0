// Rounds linears by GPTQ (Frantar et al. 2022), block by block, each stage on the inputs that the stages rounded
// before it produce (methods.md, sections 2 and 5).
//
// What goes wrong, and what is made of it. Everything is told of every linear in the report:
//   a factorization that fails   float64, then more damping step by step (quantize/gptq_factor.h): `float64_retries`,
//                                `damping_retries` and the `damping` that worked; an Error at the limit
//   an input that was always 0   left out: its column is rounded to 0; counted as `dead_columns`, listed as
//                                `dead_column_list`. A linear without any other input is an Error
//   a NaN or an infinity         in inputs, weights, losses or errors: an Error that names block, linear or site, and
//                                column
#pragma once

#include "quantize/gptq_solver.h"
#include "quantize/pass.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {

struct GptqSettings {
  ColumnOrder order = ColumnOrder::kByActivation;
  DampingRule damping;
  GptqOptions options;
  GptqCalibration calibration = GptqCalibration::kSymmetric;
};

// The parameters act_order, static_groups, damping, block_size and asymmetric_calibration. Errors (usage) name the
// parameter.
GptqSettings read_gptq_settings(ParameterReader& parameters, const GptqSettings& defaults);

PassPointer round_gptq(const WeightRounding& rounding, const GptqSettings& settings);
PassPointer read_round_gptq(ParameterReader& parameters);

}  // namespace qreason
