// What the figures share: which blocks they are of, sequences out of texts, and the walk over the blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "analysis/figures/figure.h"

namespace qreason {

// Those asked for, else 0, L/4, L/2 and 3L/4 of L blocks, each once. A usage Error for one that the model does not
// have.
std::vector<std::int64_t> figure_blocks(const FigureRequest& request);

// The first options.tokens of a text, cut into windows of options.window or of all the model's positions; the last one
// may be shorter. Error: a text without tokens.
std::vector<std::vector<std::int32_t>> figure_sequences(const FigureRequest& request, const FigureText& text);

// The only text's first `count` tokens as one sequence; fewer where it has fewer, or the model fewer positions.
std::vector<std::int32_t> first_tokens(const FigureRequest& request, std::int64_t count);

// Walks the blocks up to the last of `blocks`, or all where it is empty, and calls `look` in each of these.
void walk_blocks(const FigureRequest& request, const std::vector<std::vector<std::int32_t>>& sequences,
                 std::span<const std::int64_t> blocks,
                 const std::function<void(CalibrationWalk& walk, std::int64_t block)>& look);

// The rows of a tap on the host, contiguous.
at::Tensor host_rows(CalibrationWalk& walk, Tap tap, std::int64_t sequence);

// The magnitudes of rows [rows, columns] as a panel.
GridPanel magnitude_surface(const at::Tensor& rows);

// Statistic of the magnitude of every channel over rows that come in pieces; means are added up in float64.
class ChannelMagnitudes {
 public:
  explicit ChannelMagnitudes(ChannelStatistic statistic) : statistic_(statistic) {}
  void add(const at::Tensor& rows);  // float32 [rows, width] on the host
  std::vector<float> values() const;

 private:
  ChannelStatistic statistic_;
  std::vector<double> values_;
  std::int64_t rows_ = 0;
};
std::string_view name_of(ChannelStatistic statistic);  // "mean", "maximum"

std::string block_title(std::int64_t block, std::string_view what);  // "block 3: what"

}  // namespace qreason
