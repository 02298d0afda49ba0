#include "quantize/passes/scale_awq.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/kept_memory.h"
#include "quantize/module_loss.h"

namespace qreason {
namespace {

constexpr std::int64_t kMostSteps = 1000;

// Sites whose online transform stands between what is divided and what is multiplied.
std::vector<Site> sites_between(AwqGroup group) {
  if (group == AwqGroup::kO) return {Site::kValue, Site::kAttentionOutput};
  return {inputs_of(group)};
}

void require_no_transforms(AwqGroup group, const ModelPlan& plan) {
  for (const BlockPlan& block : plan.blocks) {
    for (const Site site : sites_between(group)) {
      if (!block.at(site).transform) continue;
      throw Error::usage("scale_awq: groups",
                         fmt::format("{} with an online transform at {}", name_of(group), name_of(site)),
                         fmt::format("groups without {}", name_of(group)));
    }
  }
}

class ScaleAwq : public BlockPass {
 public:
  explicit ScaleAwq(const AwqScaling& scaling) : scaling_(scaling) {}
  std::string_view kind() const override { return "scale_awq"; }
  ParameterMap parameters() const override {
    TextList groups;
    for (const AwqGroup group : scaling_.groups) groups.emplace_back(name_of(group));
    return {{"search_steps", scaling_.search.steps},
            {"duo_scaling", scaling_.search.rule == ScaleRule::kActivationsAndWeights},
            {"groups", groups}};
  }
  Propagation propagation() const override { return Propagation::kFloat; }
  BlockWork work() const override { return BlockWork::kPrepare; }

  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    bool any = false;
    for (const AwqGroup group : scaling_.groups) {
      if (!has_scales(group, config)) continue;
      require_no_transforms(group, plan);
      any |= std::any_of(plan.blocks.begin(), plan.blocks.end(),
                         [&](const BlockPlan& block) { return rounds(block, group); });
    }
    if (!any) throw Error::usage("scale_awq", "no linear of its groups that is rounded", "a pass that rounds some");
  }

  void apply(BlockVisit& block) const override {
    // Weights and Gram matrices alone: rows are not made anew.
    const CalibrationSize least{.sequences = 1, .tokens = 1, .longest = 1};
    const double bytes = cost({.config = block.config(), .plan = block.block_plan(), .calibration = least}).memory;
    const auto memory = bytes < kMostKeptBytes ? std::make_unique<KeptMemory>() : nullptr;
    std::vector<GroupScales> found;
    for (const AwqGroup group : scaling_.groups) {
      const bool is_searched = has_scales(group, block.config()) && is_rounded(block, group);
      if (is_searched) found.push_back(search_scales(block, group, scaling_.search));
    }
    fold_scales(block, found);
  }

  BlockCost cost(const BlockCostQuestion& question) const override {
    const double attention = attention_flops(question.config, question.calibration);
    const double mlp = mlp_flops(question.config, question.calibration);
    const auto rows =
        static_cast<double>(question.calibration.tokens) * static_cast<double>(question.config.hidden_size);
    // Once more at the end: the next block's inputs are what the block as it was computes.
    BlockCost cost{.flops = attention + mlp};
    // One group at a time: of modules what the rows are compared with, and of their linears the tried weights, as the
    // walk computes with them too, and one in work; of a single linear its Gram matrix.
    double largest = 0;
    const auto keep = [&](double values, AwqGroup group) {
      const bool fits = 4 * values <= question.spare_memory;
      if (!fits) cost.spilled = std::max(cost.spilled, 4 * values);
      const double sequence =
          values * static_cast<double>(question.calibration.longest) / static_cast<double>(question.calibration.tokens);
      largest = std::max(largest, (fits ? values : sequence) + 2.75 * weights(question.config, group));
    };
    for (const AwqGroup group : scaling_.groups) {
      if (!has_scales(group, question.config) || !rounds(question.plan, group)) continue;
      switch (group) {
        case AwqGroup::kQkv:  // and the attention anew for the MLP's inputs
          add_search(attention, 0.85, question, group, cost);
          cost.flops += attention;
          keep(rows, group);
          break;
        case AwqGroup::kGateUp:
          add_search(mlp, 0.65, question, group, cost);
          keep(2 * rows, group);
          break;
        case AwqGroup::kO:
        case AwqGroup::kDown:
          largest = std::max(largest, add_linear(question, group, cost) + 2.5 * weights(question.config, group));
          break;
      }
    }
    cost.memory = 4 * largest;
    return cost;
  }

 private:
  static bool rounds(const BlockPlan& block, AwqGroup group) {
    const std::vector<LinearSlot>& readers = readers_of(group);
    return std::any_of(readers.begin(), readers.end(), [&](LinearSlot slot) { return block.weights.contains(slot); });
  }

  static double weights(const ModelConfig& config, AwqGroup group) {
    double sum = 0;
    for (const LinearSlot slot : readers_of(group)) sum += weights_of(config, slot);
    return sum;
  }

  // A module that is run: whole for one ratio, for the others on such a share of the tokens. Weights are rounded for
  // the first tokens and again for the rest.
  void add_search(double module, double share, const BlockCostQuestion& question, AwqGroup group,
                  BlockCost& cost) const {
    const auto others = static_cast<double>(scaling_.search.steps - 1);
    cost.flops += module * (1 + share * others);
    cost.rounded += (1 + 2 * others) * weights(question.config, group);
  }

  // A single linear, by the inputs or by their Gram matrix, half of it for every ratio; what either takes.
  double add_linear(const BlockCostQuestion& question, AwqGroup group, BlockCost& cost) const {
    const std::int64_t width = linear_shape(question.config, readers_of(group).front()).columns;
    const auto columns = static_cast<double>(width), tokens = static_cast<double>(question.calibration.tokens);
    const auto steps = static_cast<double>(scaling_.search.steps);
    const double all = weights(question.config, group);
    if (LinearChange::keeps_rows(width, question.calibration.tokens)) {
      add_search(2 * tokens * all, 0.65, question, group, cost);
      return tokens * columns;
    }
    cost.flops += tokens * columns * columns + steps * all * std::min(2 * columns, columns + LinearChange::kBlock);
    cost.rounded += steps * all;
    return columns * columns;
  }

  AwqScaling scaling_;
};

void check(const AwqScaling& scaling, const std::string& where) {
  const std::int64_t steps = scaling.search.steps;
  if (steps < 1 || steps > kMostSteps) {
    throw Error::usage(where + ": search_steps", fmt::format("{}", steps), fmt::format("1 to {}", kMostSteps));
  }
}

std::vector<AwqGroup> read_groups(ParameterReader& parameters) {
  if (!parameters.has("groups")) return AwqScaling{}.groups;
  const TextList wanted = parameters.texts("groups");
  std::vector<std::string_view> known;
  std::vector<AwqGroup> groups;
  for (const AwqGroup group : kAwqGroups) {
    known.push_back(name_of(group));
    if (std::find(wanted.begin(), wanted.end(), name_of(group)) != wanted.end()) groups.push_back(group);
  }
  if (groups.empty() || groups.size() != wanted.size()) {
    throw Error::usage(parameters.where() + ": groups", fmt::format("\"{}\"", fmt::join(wanted, "\", \"")),
                       fmt::format("some of {}, each once", fmt::join(known, ", ")));
  }
  return groups;
}

}  // namespace

PassPointer scale_awq(const AwqScaling& scaling) {
  check(scaling, "scale_awq");
  return std::make_shared<const ScaleAwq>(scaling);
}

PassPointer read_scale_awq(ParameterReader& parameters) {
  AwqScaling scaling;
  scaling.search.steps = parameters.integer("search_steps", scaling.search.steps);
  if (parameters.flag("duo_scaling", false)) scaling.search.rule = ScaleRule::kActivationsAndWeights;
  scaling.groups = read_groups(parameters);
  check(scaling, parameters.where());
  return scale_awq(scaling);
}

}  // namespace qreason
