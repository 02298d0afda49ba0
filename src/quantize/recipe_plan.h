// What the passes of a recipe make of a model, one after the other, and which two of them do not go together.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "quantize/recipe.h"

namespace qreason {

template <class Kind>
std::vector<const Kind*> passes_of(const Recipe& recipe) {
  std::vector<const Kind*> passes;
  for (const PassPointer& pass : recipe.passes) {
    if (const auto* pointer = std::get_if<std::shared_ptr<const Kind>>(&pass)) passes.push_back(pointer->get());
  }
  return passes;
}

// The plan of the quantized model. A pass that the model, or what other passes have made of it, does not allow is an
// Error (usage) that names it; and the pass that it does not go together with, where leaving that one out allows it.
ModelPlan plan_of_passes(const Recipe& recipe, const ModelConfig& config);

}  // namespace qreason
