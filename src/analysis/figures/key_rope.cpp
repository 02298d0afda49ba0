// RoPE turns pairs of channels by the position, so that what stands out in a key wanders with it: magnitude of every
// channel of the keys before and after, by range of positions of one sequence.
#include <fmt/format.h>

#include <array>

#include "analysis/figures/figure.h"
#include "analysis/figures/walk_blocks.h"
#include "base/error.h"

namespace qreason {
namespace {

struct Stage {
  std::string_view name;
  Tap tap;
};
constexpr std::array kStages{Stage{"before", Tap::kKey}, Stage{"after", Tap::kRotatedKey}};

Panel range_curves(const at::Tensor& keys, std::int64_t block, std::string_view stage, const FigureOptions& options) {
  CurvesPanel curves{.x = "channel", .y = fmt::format("{} magnitude", name_of(options.statistic))};
  for (std::int64_t begin = 0; begin < keys.size(0); begin += options.range) {
    ChannelMagnitudes magnitudes(options.statistic);
    magnitudes.add(keys.narrow(0, begin, options.range));
    curves.curves.push_back(
        {.name = fmt::format("positions {} to {}", begin, begin + options.range - 1), .values = magnitudes.values()});
  }
  return {.title = block_title(block, fmt::format("keys {} RoPE", stage)),
          .content = std::move(curves),
          .facts = {{"block", block}, {"stage", stage}}};
}

}  // namespace

FigureData key_rope_figure(const FigureRequest& request) {
  const std::int64_t range = request.options.range;
  std::vector<std::int32_t> tokens = first_tokens(request, request.options.tokens);
  const auto ranges = static_cast<std::int64_t>(tokens.size()) / range;
  if (ranges < 1)
    throw Error::usage("--range", fmt::format("{} positions of {} tokens", range, tokens.size()),
                       "a longer text, or fewer positions a range");
  tokens.resize(static_cast<std::size_t>(ranges * range));
  FigureData figure{.title = fmt::format("{}: keys before and after RoPE by position", request.model), .columns = 2};
  figure.facts = {{"statistic", name_of(request.options.statistic)}, {"tokens", tokens.size()}, {"range", range}};
  walk_blocks(request, {tokens}, figure_blocks(request), [&](CalibrationWalk& walk, std::int64_t block) {
    for (const Stage& stage : kStages)
      figure.panels.push_back(range_curves(host_rows(walk, stage.tap, 0), block, stage.name, request.options));
  });
  return figure;
}

}  // namespace qreason
