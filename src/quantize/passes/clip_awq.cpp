#include "quantize/passes/clip_awq.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/stopwatch.h"
#include "formats/quantized_matrix.h"
#include "quantize/tensors/tensor_awq.h"

namespace qreason {
namespace {

class ClipAwq : public BlockPass {
 public:
  explicit ClipAwq(const AwqClipping& clipping) : clipping_(clipping) {}
  std::string_view kind() const override { return "clip_awq"; }
  ParameterMap parameters() const override {
    return {{"search_steps", clipping_.search.steps},
            {"largest_shrink", clipping_.search.largest_shrink},
            {"tokens", clipping_.search.tokens},
            {"linears", to_string(clipping_.linears)}};
  }
  Propagation propagation() const override { return Propagation::kFloat; }
  BlockWork work() const override { return BlockWork::kPrepare; }

  void extend_plan(const ModelConfig&, ModelPlan& plan) const override {
    const bool any = std::any_of(plan.blocks.begin(), plan.blocks.end(), [this](const BlockPlan& block) {
      return std::any_of(clipping_.linears.begin(), clipping_.linears.end(),
                         [&](LinearSlot slot) { return block.weights.contains(slot); });
    });
    if (!any) throw Error::usage("clip_awq", "no linear of its own that is rounded", "a pass that rounds some");
  }

  void apply(BlockVisit& block) const override {
    // All inputs before the first weight is clamped.
    std::map<Site, SampledRows> inputs;
    for (const LinearSlot slot : clipping_.linears) {
      const Site site = input_site(slot);
      if (!block.is_rounded(slot) || inputs.contains(site)) continue;
      inputs.emplace(site, sample_rows(block, site, clipping_.search.tokens));
    }
    for (const LinearSlot slot : clipping_.linears) {
      if (!block.is_rounded(slot)) continue;
      try {
        clip(block, slot, inputs.at(input_site(slot)));
      } catch (const Error& error) {
        throw Error::inside(linear_name(block.layer(), slot), error);
      }
    }
  }

  BlockCost cost(const BlockCostQuestion& question) const override {
    const auto tries = static_cast<double>(clipping_.search.tries());
    // The inputs: the block as it is now runs to the MLP, which few tokens pass.
    BlockCost cost{.flops = attention_flops(question.config, question.calibration)};
    for (const LinearSlot slot : clipping_.linears) {
      const auto format = question.plan.weights.find(slot);
      if (format == question.plan.weights.end()) continue;
      const double weights = weights_of(question.config, slot);
      const std::int64_t columns = linear_shape(question.config, slot).columns;
      const auto group = static_cast<double>(group_size_of(format->second, columns));
      const double grams = static_cast<double>(columns) * group;
      cost.flops += tries * 2 * weights * group + static_cast<double>(clipping_.search.tokens) * grams;
      cost.rounded += tries * weights;
      const double sampled = static_cast<double>(2 * clipping_.search.tokens * columns);
      cost.memory = std::max(cost.memory, 4 * (sampled + grams + weights + std::min(weights, 5e7)));
    }
    return cost;
  }

 private:
  void clip(BlockVisit& block, LinearSlot slot, const SampledRows& inputs) const {
    const Stopwatch watch;
    const at::Tensor tensor = block.weight(slot);
    const std::span weights(tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel()));
    const GroupClips clips =
        block.device() ? search_clips_there(block.weight_there(slot), inputs, block.format(slot), clipping_.search)
                       : search_clips(weights, inputs, block.format(slot), clipping_.search, block.executor());
    const at::Tensor kept = tensor.clone();
    clamp_groups({kept.data_ptr<float>(), static_cast<std::size_t>(kept.numel())}, clips, block.executor());
    LinearReport report;
    report.counts = {{"zero_groups", clips.zero_groups}, {"unclipped_for_error", clips.failed_groups}};
    report.numbers["clipped_groups"] = static_cast<double>(clips.shrunk) / static_cast<double>(clips.bounds.size());
    report.seconds = watch.seconds();
    block.replace(slot, {.matrix = kept, .bias = block.linear(slot).bias}, report);
  }

  AwqClipping clipping_;
};

void check(const ClipSearch& search, const std::string& where) {
  if (search.steps < 1 || search.steps > 1000) {
    throw Error::usage(where + ": search_steps", fmt::format("{}", search.steps), "1 to 1000");
  }
  if (!(search.largest_shrink >= 0 && search.largest_shrink <= 1)) {
    throw Error::usage(where + ": largest_shrink", fmt::format("{}", search.largest_shrink), "0 to 1");
  }
  if (search.tokens < 1) throw Error::usage(where + ": tokens", fmt::format("{}", search.tokens), "at least 1");
}

}  // namespace

PassPointer clip_awq(const AwqClipping& clipping) {
  check(clipping.search, "clip_awq");
  return std::make_shared<const ClipAwq>(clipping);
}

PassPointer read_clip_awq(ParameterReader& parameters) {
  AwqClipping clipping;
  clipping.search.steps = parameters.integer("search_steps", clipping.search.steps);
  clipping.search.largest_shrink = parameters.number("largest_shrink", clipping.search.largest_shrink);
  clipping.search.tokens = parameters.integer("tokens", clipping.search.tokens);
  clipping.linears =
      parse_linears(parameters.text("linears", to_string(clipping.linears)), parameters.where() + ": linears");
  check(clipping.search, parameters.where());
  return clip_awq(clipping);
}

}  // namespace qreason
