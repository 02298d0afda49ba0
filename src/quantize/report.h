// report.json: what a recipe did to every linear.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "quantize/block_visit.h"
#include "quantize/calibration_set.h"
#include "quantize/recipe.h"

namespace qreason {

// One linear: name, format, loss, share of clipped codes, scales (min, mean, max), damping, retries, dead columns,
// seconds.
OrderedJson to_json(const std::string& name, const QuantizedMatrix& matrix, const LinearReport& report);

// {"recipe", "text", "plan", "calibration", "blocks": [...], "totals"}. `blocks` are the runner's journal lines.
OrderedJson make_report(const Recipe& recipe, const ModelPlan& plan, const CalibrationSet* calibration,
                        const std::vector<OrderedJson>& blocks);

}  // namespace qreason
