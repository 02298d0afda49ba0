#include "quantize/recipe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "quantize/recipe_plan.h"

namespace qreason {
namespace {

// Goes over the passes in order and remembers what the rules need.
class OrderCheck {
 public:
  explicit OrderCheck(const Recipe& recipe) : recipe_(recipe), where_("recipe " + recipe.name) {}

  void run() {
    if (recipe_.passes.empty()) throw Error::usage(where_, "no pass", "at least one [[pass]]");
    for (const PassPointer& pass : recipe_.passes) {
      std::visit([this](const auto& pointer) { check(*pointer); }, pass);
    }
    for (const auto& [kind, read] : measured_) {
      if (!read) throw Error::usage(where_, fmt::format("{} that no pass reads", kind), "a pass that does");
    }
  }

 private:
  void check(const PlanPass& pass) {
    if (!plan_kinds_.insert(pass.kind()).second)
      throw Error::usage(where_, fmt::format("{} twice", pass.kind()), "once");
    check_read(pass, pass.reads());
    if (!pass.reads().empty()) plan_reader_ = &pass;
  }

  void check(const ExactPass& pass) {
    refuse_after_blocks(pass);
    if (plan_reader_) {
      throw Error::usage(where_, fmt::format("{} after {}", pass.kind(), plan_reader_->kind()),
                         "what a plan pass reads measured on the model that is quantized");
    }
    check_read(pass, pass.reads());
    last_exact_ = &pass;
    for (const auto& [kind, read] : measured_) stale_.insert(kind);
  }

  void check_read(const Pass& pass, const std::vector<std::string_view>& kinds) {
    for (const std::string_view kind : kinds) {
      const auto found = measured_.find(kind);
      if (found == measured_.end()) {
        throw Error::usage(where_, fmt::format("{} without {}", pass.kind(), kind),
                           fmt::format("{} before {}", kind, pass.kind()));
      }
      if (last_exact_ && stale_.contains(kind)) {
        throw Error::usage(where_, fmt::format("{} between {} and {}", last_exact_->kind(), kind, pass.kind()),
                           "what is read measured on the model that it is for");
      }
      found->second = true;
    }
  }

  void check(const StatisticsPass& pass) {
    refuse_after_blocks(pass);
    require_calibration(pass);
    const auto [place, added] = measured_.emplace(pass.kind(), false);
    if (!added && !place->second) {
      throw Error::usage(where_, fmt::format("{} twice", pass.kind()), "a pass that reads the first before the second");
    }
    place->second = false;
    stale_.erase(pass.kind());
    for (std::string& format : pass.formats()) formats_.insert(std::move(format));
  }

  void check_formats(const BlockPass& pass) const {
    for (const std::string& format : pass.formats_read()) {
      if (formats_.contains(format)) continue;
      throw Error::usage(where_,
                         fmt::format("{}, which may choose {}, behind {}, which does not measure it", pass.kind(),
                                     format, fmt::join(pass.reads(), ", ")),
                         "candidates that are measured");
    }
  }

  void check(const BlockPass& pass) {
    check_read(pass, pass.reads());
    check_formats(pass);
    if (pass.propagation() != Propagation::kNone) require_calibration(pass);
    if (pass.work() == BlockWork::kCorrect && !rounds_) {
      throw Error::usage(where_, fmt::format("{} before anything is rounded", pass.kind()),
                         "a pass that rounds before it");
    }
    if (pass.work() != BlockWork::kCorrect && last_block_ && last_block_->work() == BlockWork::kCorrect) {
      throw Error::usage(where_, fmt::format("{} after {}", pass.kind(), last_block_->kind()),
                         fmt::format("{} before {}", pass.kind(), last_block_->kind()));
    }
    if (pass.work() == BlockWork::kCorrect && changes_outputs_) {
      throw Error::usage(where_, fmt::format("{} after {}", pass.kind(), changes_outputs_->kind()),
                         "passes whose linears compute what the float model's do");
    }
    if (!pass.keeps_outputs()) changes_outputs_ = &pass;
    rounds_ |= pass.work() == BlockWork::kRound;
    last_block_ = &pass;
  }

  void refuse_after_blocks(const Pass& pass) const {
    if (!last_block_) return;
    throw Error::usage(where_, fmt::format("{} after {}", pass.kind(), last_block_->kind()),
                       "transforms and measurements before the passes that round weights");
  }

  void require_calibration(const Pass& pass) const {
    if (recipe_.calibration) return;
    throw Error::usage(where_, fmt::format("{} without a [calibration]", pass.kind()), "source, samples and length");
  }

  const Recipe& recipe_;
  std::string where_;
  std::set<std::string_view> plan_kinds_, stale_;
  std::set<std::string> formats_;              // whose rounding is measured
  std::map<std::string_view, bool> measured_;  // kinds of statistics passes; whether a pass has read them
  const PlanPass* plan_reader_ = nullptr;
  const ExactPass* last_exact_ = nullptr;
  const BlockPass* last_block_ = nullptr;
  const BlockPass* changes_outputs_ = nullptr;
  bool rounds_ = false;
};

std::vector<std::string_view> reads_of(const PassPointer& pointer) {
  return std::visit(
      [](const auto& pass) -> std::vector<std::string_view> {
        if constexpr (requires { pass->reads(); }) return pass->reads();
        return {};
      },
      pointer);
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
  OrderCheck(recipe).run();
  check_calibration(recipe, config);
  check_tensor_parallel(recipe, config);
  return plan_of_passes(recipe, config);
}

Recipe decided(Recipe recipe, const WeightSource& source) {
  for (PassPointer& pass : recipe.passes) {
    const auto* plan = std::get_if<std::shared_ptr<const PlanPass>>(&pass);
    if (!plan) continue;
    if (auto choice = (*plan)->decided(source)) pass = std::move(choice);
  }
  return recipe;
}

Recipe decided(Recipe recipe, const Statistics& statistics, const ModelConfig& config) {
  std::set<std::string_view> no_longer_read, read;
  for (PassPointer& pointer : recipe.passes) {
    auto* pass = std::get_if<std::shared_ptr<const BlockPass>>(&pointer);
    auto choice = pass ? (*pass)->decided(statistics, config, recipe.tensor_parallel) : nullptr;
    if (!choice) continue;
    for (const std::string_view kind : (*pass)->reads()) no_longer_read.insert(kind);
    pointer = std::move(choice);
  }
  for (const PassPointer& pointer : recipe.passes) {
    for (const std::string_view kind : reads_of(pointer)) read.insert(kind);
  }
  std::erase_if(recipe.passes, [&](const PassPointer& pointer) {
    const std::string_view kind = pass_of(pointer).kind();
    return no_longer_read.contains(kind) && !read.contains(kind);
  });
  return recipe;
}

ModelOutline outline_after(const Recipe& recipe, const ModelConfig& config) {
  ModelOutline outline = outline_of(config);
  for (const ExactPass* pass : passes_of<ExactPass>(recipe)) pass->change_outline(outline);
  return outline;
}

Propagation propagation_of(const Recipe& recipe) {
  bool original = false, rounded = false;
  for (const BlockPass* pass : passes_of<BlockPass>(recipe)) {
    const Propagation asked = pass->propagation();
    original |= asked == Propagation::kFloat || asked == Propagation::kBoth;
    rounded |= asked == Propagation::kRounded || asked == Propagation::kBoth;
  }
  if (original && rounded) return Propagation::kBoth;
  if (original) return Propagation::kFloat;
  return rounded ? Propagation::kRounded : Propagation::kNone;
}

bool needs_calibration(const Recipe& recipe) {
  return propagation_of(recipe) != Propagation::kNone || !passes_of<StatisticsPass>(recipe).empty();
}

}  // namespace qreason
