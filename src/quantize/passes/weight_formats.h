// What rounding passes share: which linears of which blocks they round, to which formats, checked against the model's
// shapes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/quant_format.h"
#include "model/config.h"
#include "model/plan.h"
#include "model/site.h"
#include "quantize/parameters.h"
#include "quantize/passes/format_budget.h"
#include "quantize/passes/pass_rules.h"
#include "quantize/statistics.h"

namespace qreason {

// The linears a pass rounds, in the order of a block; every one once.
using LinearSet = std::vector<LinearSlot>;
LinearSet all_linears();
// "q, k, down": names without "_proj", or "all". Unknown names, a name twice and an empty list are Errors (usage).
LinearSet parse_linears(const std::string& text, const std::string& where);
std::string to_string(const LinearSet& linears);

// What a rounding pass rounds, and to what.
struct WeightRounding {
  QuantFormat format = {};
  LinearSet linears = all_linears();
  TextList rules = {};                      // for blocks and linears that differ (pass_rules.h)
  std::optional<FormatBudget> budget = {};  // in place of `format`: a choice, still open
};

// A format that is none of weights, per channel or per group, is an Error (usage).
void check_weight_format(const QuantFormat& format, const std::string& where);
// The format as the linear has it at the degree (add_weight_formats).
QuantFormat fitted(const QuantFormat& format, const ModelConfig& config, LinearSlot slot, std::string_view pass,
                   int degree);

// Of any role; errors (usage) begin with `where`.
QuantFormat parse_format(const std::string& text, const std::string& where);
// The parameter `key` as a format of any role. Errors (usage) name the parameter; without it as well.
QuantFormat read_format(ParameterReader& parameters, const std::string& key);
// nullopt where it is not given.
std::optional<QuantFormat> read_format_if(ParameterReader& parameters, const std::string& key);
// Reads the parameters `format` (weights, per channel or per group) or `budget` and `candidates` (format_budget.h),
// `linears`, which is printed only where it is not "all", and `rules`.
WeightRounding read_weight_rounding(ParameterReader& parameters);
ParameterMap parameters_of(const WeightRounding& rounding);

// Adds the linears' formats to the plan, block by block as the rules have them. Per channel under tensor parallelism t,
// the row-parallel linears (o, down) get groups of columns / t (methods.md, section 1); all else is the format itself.
// Under a budget what it is before anything is measured (choose_formats).
// Throws Error naming the linear when a group does not divide the columns or a rule gives a format per tensor; errors
// of rules as apply_pass_rules', of budgets as choose_formats'.
void add_weight_formats(const ModelConfig& config, const WeightRounding& rounding, std::string_view pass,
                        ModelPlan& plan);

// What a rounding with a budget reads: BlockPass::reads and formats_read.
std::vector<std::string_view> reads_of(const WeightRounding& rounding);
std::vector<std::string> candidates_of(const WeightRounding& rounding);
// The rounding with its budget spent: formats and rules. nullopt where there is no budget.
std::optional<WeightRounding> decided(const WeightRounding& rounding, const Statistics& statistics,
                                      const ModelConfig& config, std::string_view pass, int tensor_parallel);

}  // namespace qreason
