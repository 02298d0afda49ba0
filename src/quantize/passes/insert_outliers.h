// Gives the model the outliers of the studied ones without changing what it computes (model/outliers.h), so that a
// recipe can show what they cost a method and what helps against them.
#pragma once

#include "model/outliers.h"
#include "quantize/pass.h"

namespace qreason {

PassPointer insert_outliers(const OutlierOptions& options);
PassPointer read_insert_outliers(ParameterReader& parameters);

}  // namespace qreason
