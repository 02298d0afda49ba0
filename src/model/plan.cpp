#include "model/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"

namespace qreason {
namespace {

// "4", or "3-8" where the formats differ; "16" for float.
std::string bits_text(const std::set<int>& bits) {
  if (bits.empty()) return "16";
  if (bits.size() == 1) return fmt::format("{}", *bits.begin());
  return fmt::format("{}-{}", *bits.begin(), *bits.rbegin());
}

}  // namespace

const BlockPlan& ModelPlan::block(std::int64_t layer) const {
  if (layer < 0 || layer >= static_cast<std::int64_t>(blocks.size())) {
    throw Error("plan", fmt::format("block {}", layer), fmt::format("one of {} blocks", blocks.size()));
  }
  return blocks[static_cast<std::size_t>(layer)];
}

bool ModelPlan::is_float() const {
  const auto quantized = [](const BlockPlan& block) {
    return !block.weights.empty() || std::any_of(block.sites.begin(), block.sites.end(),
                                                 [](const SitePlan& site) { return site.format.has_value(); });
  };
  return !embedding && !head && std::none_of(blocks.begin(), blocks.end(), quantized);
}

bool ModelPlan::has_transforms() const {
  return std::any_of(blocks.begin(), blocks.end(), [](const BlockPlan& block) {
    return std::any_of(block.sites.begin(), block.sites.end(),
                       [](const SitePlan& site) { return site.transform.has_value(); });
  });
}

void ModelPlan::set_weight(LinearSlot slot, const QuantFormat& format) {
  for (BlockPlan& block : blocks) block.weights[slot] = format;
}

void ModelPlan::set_format(Site site, const std::optional<QuantFormat>& format) {
  for (BlockPlan& block : blocks) block.at(site).format = format;
}

ModelPlan uniform_plan(std::int64_t layers, const BlockPlan& block, int tensor_parallel) {
  return {.blocks = std::vector<BlockPlan>(static_cast<std::size_t>(layers), block),
          .embedding = {},
          .head = {},
          .tensor_parallel = tensor_parallel};
}

QuantFormat sharded(QuantFormat format, std::int64_t width, int degree) {
  const bool channel = format.role == Role::kWeight && format.granularity == Granularity::kChannel;
  const bool token = format.role == Role::kActivation && format.granularity == Granularity::kToken;
  if (degree <= 1 || (!channel && !token)) return format;
  format.granularity = channel ? Granularity::kGroup : Granularity::kTokenGroup;
  format.group_size = static_cast<int>(width / degree);
  return format;
}

std::string short_name(const ModelPlan& plan) {
  if (plan.is_float()) return "BF16";
  std::set<int> weights, activations, keys, values;
  const auto add = [](std::set<int>& bits, const std::optional<QuantFormat>& format) {
    if (format) bits.insert(format->bits);
  };
  for (const BlockPlan& block : plan.blocks) {
    for (const auto& [slot, format] : block.weights) weights.insert(format.bits);
    for (const Site site : kActivationSites) add(activations, block.at(site).format);
    add(keys, block.at(Site::kKey).format);
    add(values, block.at(Site::kValue).format);
  }
  const std::string k = bits_text(keys), v = bits_text(values);
  const std::string cache = k == v ? "KV" + k : fmt::format("K{}V{}", k, v);
  return fmt::format("W{}A{}{}", bits_text(weights), bits_text(activations), cache);
}

}  // namespace qreason
