// Rounds linears by GPTQ (Frantar et al. 2022), block by block, each stage on the inputs that the stages rounded
// before it produce (methods.md, sections 2 and 5).
#pragma once

#include "quantize/gptq.h"
#include "quantize/gptq_factor.h"
#include "quantize/pass.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {

struct GptqSettings {
  ColumnOrder order = ColumnOrder::kByActivation;
  DampingRule damping;
  GptqOptions options;
};

PassPointer round_gptq(const WeightRounding& rounding, const GptqSettings& settings);
PassPointer read_round_gptq(ParameterReader& parameters);

}  // namespace qreason
