// report.json: what a recipe did to every linear, in one form for all passes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/weights.h"
#include "quantize/calibration_set.h"
#include "quantize/linear_report.h"
#include "quantize/recipe.h"

namespace qreason {

// One linear and what a pass did to it:
//   name, pass, shape, seconds
//   format, scales {min, mean, max}             of a quantized matrix
//   weight_error, output_error                  relative squared errors (linear_report.h), where the pass knows them
//   loss, loss_of                               the error that matters most: of "outputs" where known, else of
//   "weights" clipped                                     the share of codes that rounding put outside the range
// and the pass's own counts, numbers and lists of columns under their names.
OrderedJson to_json(const std::string& name, std::string_view pass, const LinearWeight& weight,
                    const LinearReport& report);

// A walk over the model: a statistics pass's, or the last one, of all block passes.
struct PhaseSummary {
  std::string name;
  double seconds = 0;  // over all blocks
};

struct RunSummary {
  const Recipe& recipe;
  const ModelPlan& plan;
  const CalibrationSet* calibration = nullptr;  // null without one
  const OrderedJson& statistics;                // Statistics::summary of all statistics passes
  const std::vector<PhaseSummary>& phases;
  const std::vector<OrderedJson>& outside;  // embedding and head, where they are rounded: as linears
  const std::vector<OrderedJson>& blocks;   // {"block", "seconds", "linears": [...]} each
};

// {"recipe", "text", "plan", "calibration", "statistics", "phases", "totals", "outside", "blocks"}. Totals over
// the rounded linears of all blocks: their number, the mean of the losses and the largest with its linear; the sums of
// the passes' counts; the seconds of all phases.
OrderedJson make_report(const RunSummary& run);

}  // namespace qreason
