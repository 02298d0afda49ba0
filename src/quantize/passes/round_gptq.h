// Rounds every linear by GPTQ (Frantar et al. 2022), block by block, each stage on the inputs that the stages rounded
// before it produce (methods.md, sections 2 and 5).
#pragma once

#include "quantize/gptq.h"
#include "quantize/gptq_factor.h"
#include "quantize/pass.h"

namespace qreason {

struct GptqSettings {
  ColumnOrder order = ColumnOrder::kByActivation;
  DampingRule damping;
  GptqOptions options;
};

PassPointer round_gptq(const QuantFormat& weight, const GptqSettings& settings);
PassPointer read_round_gptq(ParameterReader& parameters);

}  // namespace qreason
