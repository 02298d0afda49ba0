// A bias makes channels of keys stand out that the product alone does not: keys of the first tokens before and after
// it.
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include "analysis/figures/figure.h"
#include "analysis/figures/walk_blocks.h"
#include "base/error.h"

namespace qreason {
namespace {

Panel keys_panel(CalibrationWalk& walk, std::int64_t block, std::string_view stage) {
  return {.title = block_title(block, fmt::format("keys {} their bias", stage)),
          .content = magnitude_surface(host_rows(walk, Tap::kKey, 0)),
          .facts = {{"block", block}, {"stage", stage}}};
}

}  // namespace

void require_key_bias(const ModelConfig& config) {
  if (config.query_key_norm)
    throw Error::usage("key-bias", "a model that norms the heads of its keys behind the projection",
                       "one whose keys are what the bias makes them, such as a Qwen2");
  if (!config.qkv_bias)
    throw Error::usage("key-bias", "a model whose keys have no bias", "one with a bias there, such as a Qwen2");
}

FigureData key_bias_figure(const FigureRequest& request) {
  require_key_bias(request.source.config());
  FigureData figure{.title = fmt::format("{}: keys before and after their bias", request.model), .columns = 2};
  const std::vector<std::int32_t> tokens = first_tokens(request, request.options.shown);
  walk_blocks(request, {tokens}, figure_blocks(request), [&](CalibrationWalk& walk, std::int64_t block) {
    const LinearWeight keys = request.source.linear(linear_name(block, LinearSlot::kK));
    if (!keys.bias) throw Error(linear_name(block, LinearSlot::kK), "no bias", "one, as config.json says");
    LinearWeight bare = keys;
    bare.bias = at::zeros_like(*keys.bias);
    walk.replace(LinearSlot::kK, bare);
    figure.panels.push_back(keys_panel(walk, block, "before"));
    walk.replace(LinearSlot::kK, keys);
    figure.panels.push_back(keys_panel(walk, block, "after"));
  });
  figure.facts = {{"tokens", tokens.size()}};
  return figure;
}

}  // namespace qreason
