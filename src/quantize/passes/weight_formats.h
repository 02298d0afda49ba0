// What rounding passes share: the format of each of the seven linears, checked against the model's shapes.
#pragma once

#include "formats/quant_format.h"
#include "model/config.h"
#include "model/plan.h"
#include "model/site.h"

namespace qreason {

// Per channel under tensor parallelism t, the row-parallel linears (o, down) get groups of columns / t (methods.md,
// section 1); all else is `format` itself. Throws Error naming the linear when a group does not divide the columns.
void add_weight_formats(const ModelConfig& config, const QuantFormat& format, const std::string& pass, ModelPlan& plan);

// Reads and checks the parameter `format` of a rounding pass: weights, per channel or per group.
QuantFormat parse_weight_format(const std::string& text, const std::string& where);

}  // namespace qreason
