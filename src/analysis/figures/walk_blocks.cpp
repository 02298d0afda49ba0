#include "analysis/figures/walk_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace qreason {

std::vector<std::int64_t> figure_blocks(const FigureRequest& request) {
  const std::int64_t layers = request.source.config().layers;
  std::vector<std::int64_t> blocks = request.options.blocks;
  if (blocks.empty()) blocks = {0, layers / 4, layers / 2, 3 * layers / 4};
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  for (const std::int64_t block : blocks)
    if (block < 0 || block >= layers)
      throw Error::usage("--blocks", fmt::format("{}", block), fmt::format("0 to {}", layers - 1));
  return blocks;
}

std::vector<std::vector<std::int32_t>> figure_sequences(const FigureRequest& request, const FigureText& text) {
  const std::int64_t window = std::min(request.options.window, request.source.config().max_positions);
  const std::int64_t count = std::min(request.options.tokens, static_cast<std::int64_t>(text.tokens.size()));
  if (count < 1) throw Error(text.name, "no tokens", "a text");
  std::vector<std::vector<std::int32_t>> sequences;
  for (std::int64_t begin = 0; begin < count; begin += window)
    sequences.emplace_back(text.tokens.begin() + begin, text.tokens.begin() + std::min(begin + window, count));
  return sequences;
}

std::vector<std::int32_t> first_tokens(const FigureRequest& request, std::int64_t count) {
  const std::vector<std::int32_t>& tokens = request.texts.front().tokens;
  const std::int64_t most =
      std::min({count, request.source.config().max_positions, static_cast<std::int64_t>(tokens.size())});
  if (most < 1) throw Error(request.texts.front().name, "no tokens", "a text");
  return {tokens.begin(), tokens.begin() + most};
}

void walk_blocks(const FigureRequest& request, const std::vector<std::vector<std::int32_t>>& sequences,
                 std::span<const std::int64_t> blocks,
                 const std::function<void(CalibrationWalk& walk, std::int64_t block)>& look) {
  const std::int64_t total = blocks.empty() ? request.source.config().layers : blocks.back() + 1;
  CalibrationWalk walk(request.source, sequences, request.walk, request.executor);
  for (std::int64_t block = 0; block < total; ++block) {
    walk.enter(request.source, block);
    if (blocks.empty() || std::binary_search(blocks.begin(), blocks.end(), block)) look(walk, block);
    if (block + 1 < total) walk.leave();
    if (request.on_block) request.on_block(block + 1, total);
  }
}

at::Tensor host_rows(CalibrationWalk& walk, Tap tap, std::int64_t sequence) {
  return walk.read(tap, sequence).tensor.to(at::kCPU).contiguous();
}

GridPanel magnitude_surface(const at::Tensor& rows) {
  GridPanel panel{.row = "token", .column = "channel", .value = "magnitude"};
  panel.rows = rows.size(0);
  panel.columns = rows.size(1);
  const auto* data = rows.const_data_ptr<float>();
  panel.values.assign(data, data + rows.numel());
  for (float& value : panel.values) value = std::abs(value);
  return panel;
}

void ChannelMagnitudes::add(const at::Tensor& rows) {
  const auto width = static_cast<std::size_t>(rows.size(1));
  values_.resize(width, 0);
  const auto* row = rows.const_data_ptr<float>();
  for (std::int64_t r = 0; r < rows.size(0); ++r, row += width) {
    for (std::size_t c = 0; c < width; ++c) {
      const double value = std::abs(row[c]);
      values_[c] = statistic_ == ChannelStatistic::kMean ? values_[c] + value : std::max(values_[c], value);
    }
  }
  rows_ += rows.size(0);
}

std::vector<float> ChannelMagnitudes::values() const {
  const double divisor =
      statistic_ == ChannelStatistic::kMean ? static_cast<double>(std::max<std::int64_t>(1, rows_)) : 1;
  std::vector<float> values;
  for (const double value : values_) values.push_back(static_cast<float>(value / divisor));
  return values;
}

std::string_view name_of(ChannelStatistic statistic) {
  return statistic == ChannelStatistic::kMean ? "mean" : "maximum";
}

std::string block_title(std::int64_t block, std::string_view what) {
  return fmt::format("block {}: {}", block, what);
}

}  // namespace qreason
