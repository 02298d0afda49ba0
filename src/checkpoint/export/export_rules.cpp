#include "checkpoint/export/export_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/error.h"

namespace qreason {
namespace {

bool is_cache(Site site) {
  return site == Site::kKey || site == Site::kValue;
}

bool has_tensor_scale(const SitePlan& plan) {
  return plan.format && plan.format->kind == NumberKind::kFp8E4M3 && plan.format->granularity == Granularity::kTensor &&
         plan.range == RangeSource::kStatic && plan.key_stage == KeyStage::kAfterRope && !plan.transform;
}

// The first block and site of which `holds` is true, and in how many blocks it is.
struct Found {
  std::int64_t block = -1, blocks = 0;
  Site site{};
};
Found find(const ModelPlan& plan, const std::function<bool(Site, const SitePlan&)>& holds) {
  Found found;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(plan.blocks.size()); ++i) {
    bool here = false;
    for (const Site site : kSites) {
      if (!holds(site, plan.block(i).at(site))) continue;
      here = true;
      if (found.block < 0) found = {.block = i, .site = site};
    }
    if (here) ++found.blocks;
  }
  return found;
}

void refuse(const Checkpoint& model, const std::function<bool(Site, const SitePlan&)>& holds, const std::string& kind,
            const std::string& expected) {
  const Found found = find(model.plan(), holds);
  if (found.block < 0) return;
  const SitePlan& plan = model.plan().block(found.block).at(found.site);
  const std::string others = found.blocks > 1 ? fmt::format(" (and {} more blocks)", found.blocks - 1) : "";
  throw Error(
      model.path().string(),
      fmt::format("blocks[{}].{} has {}, {}{}", found.block, name_of(found.site), kind, to_string(plan), others),
      expected);
}

}  // namespace

bool has_tensor_cache(const ModelPlan& plan) {
  return std::all_of(plan.blocks.begin(), plan.blocks.end(), [](const BlockPlan& block) {
    return has_tensor_scale(block.at(Site::kKey)) && has_tensor_scale(block.at(Site::kValue));
  });
}

void refuse_what_runs_online(const Checkpoint& model, std::string_view format, InputRounding inputs,
                             CacheRounding cache) {
  refuse(
      model, [](Site, const SitePlan& plan) { return plan.transform.has_value(); }, "an online transform",
      fmt::format("none: no program that reads {} runs one. What is folded into weights can be exported", format));
  const bool speakable = cache == CacheRounding::kTensorScales;
  if (!speakable || !has_tensor_cache(model.plan())) {
    refuse(
        model, [](Site site, const SitePlan& plan) { return is_cache(site) && plan.format.has_value(); },
        "a rounded cache",
        fmt::format("a float cache{}: {} has no word for this one. Quantize with the rule `key, value = float`",
                    speakable ? ", or keys and values of all blocks in fp8 with static_cache=true" : "", format));
  }
  if (inputs == InputRounding::kSpeakable) return;
  refuse(
      model, [](Site site, const SitePlan& plan) { return !is_cache(site) && plan.format.has_value(); },
      "rounded inputs",
      fmt::format("weights alone in {}; compressed-tensors has words for 8-bit, FP8 and FP4 inputs", format));
}

void refuse_quantized_outside(const Checkpoint& model, std::string_view format) {
  const ModelPlan& plan = model.plan();
  const auto check = [&](const std::optional<QuantFormat>& rounded, const char* name) {
    if (!rounded) return;
    throw Error(model.path().string(), fmt::format("the {} in {}", name, to_string(*rounded)),
                fmt::format("a float one in {}: few programs load another", format));
  };
  check(plan.embedding, "embedding");
  check(plan.head, "head");
}

}  // namespace qreason
