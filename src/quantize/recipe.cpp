#include "quantize/recipe.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"

namespace qreason {
namespace {

void check_order(const Recipe& recipe) {
  const std::string where = "recipe " + recipe.name;
  if (recipe.passes.empty()) throw Error::usage(where, "no pass", "at least one [[pass]]");
  const Pass* lossy = nullptr;
  std::set<std::string_view> seen;
  for (const PassPointer& pass : recipe.passes) {
    if (lossy && pass->effect() == PassEffect::kLossy) {
      throw Error::usage(where, fmt::format("{} after {}", pass->kind(), lossy->kind()),
                         "one pass that rounds weights");
    }
    if (lossy && pass->effect() == PassEffect::kExact) {
      throw Error::usage(where, fmt::format("{} after {}", pass->kind(), lossy->kind()),
                         "transforms before the pass that rounds weights");
    }
    if (!seen.insert(pass->kind()).second && pass->effect() == PassEffect::kPlan) {
      throw Error::usage(where, fmt::format("{} twice", pass->kind()), "once");
    }
    if (pass->effect() == PassEffect::kLossy) lossy = pass.get();
    if (pass->walk() != PassWalk::kNone && !recipe.calibration) {
      throw Error::usage(where, fmt::format("{} without a [calibration]", pass->kind()), "source, samples and length");
    }
  }
}

void check_calibration(const Recipe& recipe, const ModelConfig& config) {
  if (!recipe.calibration) return;
  const CalibrationSpec& calibration = *recipe.calibration;
  const std::string where = "recipe " + recipe.name + ": calibration";
  if (calibration.samples < 1 || calibration.samples > 1'000'000) {
    throw Error::usage(where, fmt::format("{} samples", calibration.samples), "1 to 1000000");
  }
  if (calibration.length < 1 || calibration.length > config.max_positions) {
    throw Error::usage(where, fmt::format("samples of {} tokens", calibration.length),
                       fmt::format("1 to {}, the positions of the model", config.max_positions));
  }
}

void check_tensor_parallel(const Recipe& recipe, const ModelConfig& config) {
  const std::int64_t degree = recipe.tensor_parallel;
  const std::string where = fmt::format("recipe {}: tensor_parallel", recipe.name);
  if (degree < 1) throw Error::usage(where, fmt::format("{}", degree), "at least 1");
  if (config.heads % degree != 0) {
    throw Error::usage(where, fmt::format("{}", degree), fmt::format("a divisor of the {} heads", config.heads));
  }
  if (config.intermediate_size % degree != 0) {
    throw Error::usage(where, fmt::format("{}", degree),
                       fmt::format("a divisor of the intermediate size {}", config.intermediate_size));
  }
}

}  // namespace

ModelPlan validate(const Recipe& recipe, const ModelConfig& config) {
  check_order(recipe);
  check_calibration(recipe, config);
  check_tensor_parallel(recipe, config);
  ModelPlan plan = uniform_plan(config.layers, {}, recipe.tensor_parallel);
  for (const PassPointer& pass : recipe.passes) pass->extend_plan(config, plan);
  validate(plan, config, "recipe " + recipe.name);
  return plan;
}

bool needs_calibration(const Recipe& recipe) {
  for (const PassPointer& pass : recipe.passes) {
    if (pass->walk() != PassWalk::kNone) return true;
  }
  return false;
}

const Pass* rounding_pass(const Recipe& recipe) {
  for (const PassPointer& pass : recipe.passes) {
    if (pass->effect() == PassEffect::kLossy) return pass.get();
  }
  return nullptr;
}

}  // namespace qreason
