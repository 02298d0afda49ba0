#include "quantize/recipe_plan.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/error.h"

namespace qreason {
namespace {

// Sites that a block pass learns are its own.
void add_sites(const Recipe& recipe, const BlockPass& pass, const ModelPlan& own, std::size_t layer, ModelPlan& plan) {
  for (const Site site : kSites) {
    const SitePlan& said = own.blocks[layer].at(site);
    SitePlan& all = plan.blocks[layer].at(site);
    if (said == SitePlan{}) continue;
    if (all != SitePlan{}) {
      throw Error::usage("recipe " + recipe.name,
                         fmt::format("{} and another pass, both of which say what happens at {} of block {}",
                                     pass.kind(), name_of(site), layer),
                         "one pass that does");
    }
    all = said;
  }
}

// Goes over the passes kind by kind, as a run does, and remembers which one is at work.
class PlanMaker {
 public:
  PlanMaker(const Recipe& recipe, const ModelConfig& config) : recipe_(recipe), outline_(outline_of(config)) {}

  ModelPlan run() {
    for (const ExactPass* pass : passes_of<ExactPass>(recipe_)) {
      at_ = pass;
      pass->change_outline(outline_);
    }
    plan_ = outline_.plan;
    plan_.tensor_parallel = recipe_.tensor_parallel;
    for (const PlanPass* pass : passes_of<PlanPass>(recipe_)) {
      at_ = pass;
      pass->extend_plan(outline_.config, plan_);
      check_plan();
    }
    for (const BlockPass* pass : passes_of<BlockPass>(recipe_)) {
      at_ = pass;
      if (pass->work() == BlockWork::kRound) add_rounded(*pass);
    }
    for (const BlockPass* pass : passes_of<BlockPass>(recipe_)) {
      at_ = pass;
      if (pass->work() == BlockWork::kRound) continue;
      require_unrounded(*pass);
      pass->extend_plan(outline_.config, plan_);
    }
    at_ = nullptr;
    check_plan();
    return plan_;
  }

  const Pass* at() const { return at_; }  // null outside of passes

 private:
  void check_plan() const { validate(plan_, outline_.config, "recipe " + recipe_.name); }

  // A linear of a block is rounded by one pass.
  void add_rounded(const BlockPass& pass) {
    const ModelPlan own = plan_of(pass, outline_.config, recipe_.tensor_parallel);
    for (std::size_t layer = 0; layer < own.blocks.size(); ++layer) {
      add_sites(recipe_, pass, own, layer, plan_);
      for (const auto& [slot, format] : own.blocks[layer].weights) {
        const auto [place, added] = rounded_by_.emplace(std::pair(layer, slot), &pass);
        plan_.blocks[layer].weights[slot] = format;
        if (added) continue;
        throw Error::usage("recipe " + recipe_.name,
                           fmt::format("{} after {}, both of which round {} of block {}", pass.kind(),
                                       place->second->kind(), name_of(slot), layer),
                           "one pass that rounds a linear");
      }
    }
    check_plan();
  }

  // What changes floats so that they round better comes before they are rounded.
  void require_unrounded(const BlockPass& pass) const {
    if (pass.work() != BlockWork::kPrepare) return;
    const BlockPass* last = nullptr;
    std::size_t rounded = 0;
    for (const BlockPass* before : passes_of<BlockPass>(recipe_)) {
      if (before == &pass) break;
      if (before->work() != BlockWork::kRound) continue;
      last = before;
      for (const auto& [place, owner] : rounded_by_) rounded += owner == before ? 1 : 0;
    }
    if (!last || rounded < rounded_by_.size()) return;
    throw Error::usage("recipe " + recipe_.name, fmt::format("{} after {}", pass.kind(), last->kind()),
                       "what changes floats before what rounds them");
  }

  const Recipe& recipe_;
  ModelOutline outline_;
  ModelPlan plan_;
  const Pass* at_ = nullptr;
  std::map<std::pair<std::size_t, LinearSlot>, const BlockPass*> rounded_by_;
};

// The pass that fails, null where none does.
const Pass* failing_pass(const Recipe& recipe, const ModelConfig& config) {
  PlanMaker maker(recipe, config);
  try {
    maker.run();
  } catch (const Error&) {
    return maker.at();
  }
  return nullptr;
}

// The last pass without which `failing` goes through.
const Pass* in_conflict(const Recipe& recipe, const ModelConfig& config, const Pass& failing) {
  for (std::size_t i = recipe.passes.size(); i-- > 0;) {
    Recipe without = recipe;
    without.passes.erase(without.passes.begin() + static_cast<std::ptrdiff_t>(i));
    const Pass& left_out = pass_of(recipe.passes[i]);
    if (&left_out != &failing && failing_pass(without, config) == nullptr) return &left_out;
  }
  return nullptr;
}

}  // namespace

ModelPlan plan_of_passes(const Recipe& recipe, const ModelConfig& config) {
  PlanMaker maker(recipe, config);
  try {
    return maker.run();
  } catch (const Error& failure) {
    const Pass* other = maker.at() ? in_conflict(recipe, config, *maker.at()) : nullptr;
    const std::string told = failure.what();
    if (!other || told.find(other->kind()) != std::string::npos) throw;
    throw Error::usage(fmt::format("recipe {}: {} beside {}", recipe.name, maker.at()->kind(), other->kind()), told);
  }
}

ModelPlan plan_of(const BlockPass& pass, const ModelConfig& config, int tensor_parallel) {
  ModelPlan own = uniform_plan(config.layers, {}, tensor_parallel);
  if (pass.work() == BlockWork::kRound) pass.extend_plan(config, own);
  return own;
}

}  // namespace qreason
