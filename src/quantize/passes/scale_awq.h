// Scales that make linears round better, searched on calibration inputs and folded into what comes before (AWQ, Lin et
// al. 2024; quantize/awq_scales.h): norm gains into q, k, v and gate, up; rows of v into o, rows of up into down. The
// block computes the same function before anything is rounded. Judged by the formats that the recipe's rounding passes
// give the linears.
#pragma once

#include <vector>

#include "quantize/awq_scales.h"
#include "quantize/pass.h"

namespace qreason {

struct AwqScaling {
  ScaleSearch search;
  std::vector<AwqGroup> groups{kAwqGroups.begin(), kAwqGroups.end()};  // those that have scales in the model
};

PassPointer scale_awq(const AwqScaling& scaling);
PassPointer read_scale_awq(ParameterReader& parameters);

}  // namespace qreason
