// The rules of a pass: which blocks and places of what it quantizes stay float or get another format.
//
//   rules = ["blocks[0], blocks[-1] = float", "mlp.down_proj = w8"]
//
// A rule is one of model/plan.h, applied to a plan in which the pass alone has said something: it reaches what the pass
// quantizes and nothing else.
#pragma once

#include <string_view>

#include "model/plan.h"
#include "quantize/parameters.h"

namespace qreason {

// The parameter `rules`, printed only where there are any.
TextList read_rules(ParameterReader& parameters);
void add_rules(const TextList& rules, ParameterMap& parameters);

// Throws Error (usage) naming the pass and the rule: as apply_rule does; where a place of a rule has nothing that the
// pass quantizes; and where nothing is left.
void apply_pass_rules(const TextList& rules, std::string_view pass, ModelPlan& own);

}  // namespace qreason
