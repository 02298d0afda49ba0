// A few outputs of blocks are thousands of times as large as the others, at tokens that attention goes to: the largest
// and the median magnitudes of every block's output; attention and output of the first tokens in some blocks.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analysis/figures/attention_map.h"
#include "analysis/figures/figure.h"
#include "analysis/figures/magnitude_ranks.h"
#include "analysis/figures/walk_blocks.h"

namespace qreason {
namespace {

struct Rank {
  const char* name;
  std::vector<float> values{};  // by block
};

MagnitudeRanks ranks_of(CalibrationWalk& walk) {
  return magnitude_ranks([&](const std::function<void(std::span<const float>)>& each) {
    for (std::int64_t s = 0; s < walk.sequences(); ++s) {
      const at::Tensor rows = host_rows(walk, Tap::kBlockOutput, s);
      each({rows.const_data_ptr<float>(), static_cast<std::size_t>(rows.numel())});
    }
  });
}

Panel map_panel(const FigureRequest& request, CalibrationWalk& walk, std::int64_t block, std::int64_t shown) {
  const ModelConfig& config = request.source.config();
  GridPanel map{.drawn = GridPanel::Drawn::kMap, .row = "query", .column = "key", .value = "attention"};
  const at::Tensor queries = host_rows(walk, Tap::kRotatedQuery, 0).narrow(0, 0, shown).contiguous();
  const at::Tensor keys = host_rows(walk, Tap::kRotatedKey, 0).narrow(0, 0, shown).contiguous();
  map.values = mean_attention(
      queries, keys, {.heads = config.heads, .key_heads = config.kv_heads, .window = attention_window(config, block)});
  map.rows = map.columns = shown;
  return {
      .title = block_title(block, "attention, mean of heads"), .content = std::move(map), .facts = {{"block", block}}};
}

Panel output_panel(CalibrationWalk& walk, std::int64_t block, std::int64_t shown) {
  return {.title = block_title(block, "output"),
          .content = magnitude_surface(host_rows(walk, Tap::kBlockOutput, 0).narrow(0, 0, shown)),
          .facts = {{"block", block}}};
}

}  // namespace

FigureData massive_activations_figure(const FigureRequest& request) {
  const std::vector<std::int64_t> blocks = figure_blocks(request);
  const auto sequences = figure_sequences(request, request.texts.front());
  const std::int64_t shown = std::min(request.options.shown, static_cast<std::int64_t>(sequences.front().size()));
  std::int64_t tokens = 0;
  for (const auto& sequence : sequences) tokens += static_cast<std::int64_t>(sequence.size());

  std::array ranks{Rank{"largest"}, Rank{"second"}, Rank{"third"}, Rank{"median"}};
  std::vector<Panel> panels;
  walk_blocks(request, sequences, {}, [&](CalibrationWalk& walk, std::int64_t block) {
    const MagnitudeRanks found = ranks_of(walk);
    for (std::size_t k = 0; k < found.largest.size(); ++k) ranks[k].values.push_back(found.largest[k]);
    ranks.back().values.push_back(found.median);
    if (!std::binary_search(blocks.begin(), blocks.end(), block)) return;
    panels.push_back(map_panel(request, walk, block, shown));
    panels.push_back(output_panel(walk, block, shown));
  });

  CurvesPanel curves{.x = "block", .y = "magnitude of the output"};
  curves.scale = CurvesPanel::Scale::kLogarithmic;
  curves.marks = CurvesPanel::Marks::kPoints;
  for (Rank& rank : ranks) curves.curves.push_back({.name = rank.name, .values = std::move(rank.values)});
  FigureData figure{.title = fmt::format("{}: massive activations", request.model), .columns = 2};
  figure.facts = {{"tokens", tokens}, {"shown", shown}};
  figure.panels.push_back(
      {.title = fmt::format("outputs of blocks, {} tokens", tokens), .span = 2, .content = std::move(curves)});
  for (Panel& panel : panels) figure.panels.push_back(std::move(panel));
  return figure;
}

}  // namespace qreason
