#include "quantize/passes/pass_rules.h"

#include "base/error.h"

namespace qreason {

TextList read_rules(ParameterReader& parameters) {
  return parameters.texts("rules");
}

void add_rules(const TextList& rules, ParameterMap& parameters) {
  if (!rules.empty()) parameters["rules"] = rules;
}

void apply_pass_rules(const TextList& rules, std::string_view pass, ModelPlan& own) {
  for (const std::string& rule : rules) apply_rule(own, rule, std::string(pass), RuleReach::kFormatted);
  if (!own.is_float()) return;
  throw Error::usage(std::string(pass) + ": rules", "nothing that the pass quantizes", "some of it, or no such pass");
}

}  // namespace qreason
