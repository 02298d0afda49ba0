// The figures of the study that are about a model's activations. To add one: a file here, a row in figure_table.cpp.
//
// All numbers are magnitudes (absolute values) of activations of the float model, computed block by block
// (quantize/calibration_walk.h); blocks are counted from 0.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/figures/panel.h"
#include "quantize/calibration_walk.h"

namespace qreason {

struct FigureText {
  std::string name;                  // of its domain
  std::vector<std::int32_t> tokens;  // as many as there are, or as FigureOptions::tokens says
};

enum class ChannelStatistic { kMean, kMaximum };

struct FigureOptions {
  std::vector<std::int64_t> blocks{};  // ascending; empty: every quarter of the depth
  std::int64_t tokens = 0;             // read of each text
  std::int64_t window = 2048;          // of consecutive tokens that are read as one sequence
  std::int64_t shown = 128;            // tokens of surfaces and attention maps, the first ones
  std::int64_t range = 2048;           // positions of a range of key-rope
  std::int64_t sample = 128;           // tokens of each text that t-SNE places
  double perplexity = 30;              // of t-SNE
  std::uint64_t seed = 0;              // of that sample
  ChannelStatistic statistic = ChannelStatistic::kMean;
};

struct FigureRequest {
  const WeightSource& source;
  std::string model;  // its name, for the title
  std::vector<FigureText> texts;
  FigureOptions options;
  CalibrationWalk::Options walk;
  Executor& executor;
  std::function<void(std::int64_t done, std::int64_t total)> on_block{};  // may be empty
};

struct FigureKind {
  std::string_view name, shows;
  enum class Texts { kOne, kSeveral } texts;
  std::int64_t tokens;  // that are read of a text unless asked otherwise
  // What of FigureOptions it looks at besides blocks and tokens: "window", "shown", "range", "sample", "perplexity",
  // "seed", "statistic".
  std::span<const std::string_view> looks_at;
  // A usage Error for a model that it does not exist for, before anything is computed; may be null.
  void (*require)(const ModelConfig& config);
  FigureData (*compute)(const FigureRequest& request);
};
std::span<const FigureKind> figure_kinds();
const FigureKind* find_figure(std::string_view name);  // nullptr: none

// A file each. What they need of a text that is too short, or a block that is not there, is an Error.
FigureData domain_gap_figure(const FigureRequest& request);
FigureData key_bias_figure(const FigureRequest& request);
FigureData key_rope_figure(const FigureRequest& request);
FigureData massive_activations_figure(const FigureRequest& request);
void require_key_bias(const ModelConfig& config);

}  // namespace qreason
