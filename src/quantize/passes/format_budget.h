// A budget of bits for the weights that a pass rounds: which format each linear of each block takes is decided by what
// rounding it alone was measured to cost (measure_sensitivity), so that all together cost as little as the budget
// allows (quantize/bit_budget.h).
//
// The budget counts bits a weight: everything that a checkpoint stores of the matrices that the pass rounds, codes,
// scales and zero points (stored_bytes, quantize/checkpoint_size.h), by the number of their weights. What the pass does
// not round, biases and what lies outside the blocks are not in it. w3g64-asym takes 3 + 32/64 + 8/64 = 3.625.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/quant_format.h"
#include "model/plan.h"
#include "quantize/parameters.h"
#include "quantize/statistics.h"

namespace qreason {

struct FormatBudget {
  double bits = 0;                      // a weight
  std::vector<QuantFormat> candidates;  // at least one, of weights
};

// The parameter `key`, a list of their texts; errors (usage) name it.
std::vector<QuantFormat> read_formats(ParameterReader& parameters, const std::string& key);
TextList texts_of(const std::vector<QuantFormat>& formats);

// The parameters `budget` and `candidates`; nullopt without either. One without the other, no candidate, a candidate
// twice and a budget that is no positive number are Errors (usage).
std::optional<FormatBudget> read_format_budget(ParameterReader& parameters);
void add_parameters(const FormatBudget& budget, ParameterMap& parameters);

struct BudgetQuestion {
  const FormatBudget& budget;
  const ModelConfig& config;
  std::string_view pass;
  int tensor_parallel = 1;
};

// `plans`: for every candidate the plan of the pass, whole rows, that has this candidate wherever its rules leave it
// open. Returns the one in which every linear has the candidate that it takes:
//   with `measured`   the least divergence together that the budget allows
//   without           the largest candidate within the budget, where there is none the smallest
// A budget below what the smallest candidates take, and a rule whose words depend on the candidate, are Errors (usage).
ModelPlan choose_formats(const std::vector<ModelPlan>& plans, const BudgetQuestion& question,
                         const Statistics* measured);

// A plan of weights as a pass of these linears says it: the most common format, and rules for what has another.
struct RuledFormats {
  QuantFormat format;
  TextList rules;
};
RuledFormats ruled_formats(const ModelPlan& plan, const std::vector<LinearSlot>& linears);

}  // namespace qreason
