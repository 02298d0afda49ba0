// Recipes whose static ranges are made of what is measured, run on small random models and two short sequences.
#pragma once

#include <string>

#include "base/error.h"
#include "quantize/memory_sink.h"
#include "quantize/recipe.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason::testing {

inline const CalibrationSet& calibration() {
  static const CalibrationSet kSet{.description = "random",
                                   .samples = {random_tokens(20, 101, 1), random_tokens(31, 101, 2)}};
  return kSet;
}

struct Outcome {
  MemorySink sink;
  OrderedJson report;
};

inline Recipe recipe_of(const std::string& text) {
  return parse_recipe("name = \"ranges\"\n[calibration]\nsamples = 2\nlength = 31\n" + text, "ranges.toml");
}

inline std::string pass(const std::string& kind, const std::string& parameters = "") {
  return "[[pass]]\nkind = \"" + kind + "\"\n" + parameters + "\n";
}

inline Outcome run(const WeightSource& model, const Recipe& recipe) {
  Outcome result;
  Executor executor(1);
  const ScratchFolder folder;
  result.report = run_recipe({.source = model,
                              .recipe = recipe,
                              .calibration = &calibration(),
                              .sink = result.sink,
                              .folder = folder.path(),
                              .model_identity = "random"},
                             executor);
  return result;
}

inline std::string failure_of(const WeightSource& model, const std::string& text) {
  try {
    run(model, recipe_of(text));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace qreason::testing
