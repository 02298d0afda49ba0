#include "quantize/flatquant/visited_block.h"

#include <ATen/ops/tensor.h>
#include <algorithm>

#include "quantize/passes/measure_channels.h"

namespace qreason {
namespace {

constexpr std::uint32_t kStartSeed = 0;

void copy_rows(BlockView& view, Tap tap, std::int64_t sequence, const at::Tensor& to) {
  to.copy_(view.read(tap, sequence).tensor);
}

}  // namespace

TrainingData training_data(BlockView& inputs, BlockView& targets) {
  TrainingData data;
  for (std::int64_t sequence = 0; sequence < inputs.sequences(); ++sequence) {
    const ActivationRows rows = inputs.read(Tap::kBlockInput, sequence);
    data.lengths.push_back(rows.count);
    data.width = rows.width;
  }
  data.device = inputs.device().value_or(at::kCPU);
  data.read_input = [&inputs](std::int64_t sequence, const at::Tensor& to) {
    copy_rows(inputs, Tap::kBlockInput, sequence, to);
  };
  data.read_target = [&targets](std::int64_t sequence, const at::Tensor& to) {
    copy_rows(targets, Tap::kBlockOutput, sequence, to);
  };
  return data;
}

PublishedStart published_start(BlockView& float_block, const WeightSource& weights, const FlatShape& shape,
                               Parametrization parametrization) {
  NumpyLegacyRandom random(kStartSeed);
  for (std::int64_t earlier = 0; earlier < float_block.layer(); ++earlier) skip_block(shape, random);
  FlatDiagonals maxima;
  PublishedStart start;
  for (const Site site : kActivationSites) {
    const std::vector<float> largest = channel_maxima(float_block, tap_of(site));
    if (site != Site::kAttentionOutput) start.dead_channels += std::count(largest.begin(), largest.end(), 0.0f);
    maxima[static_cast<std::size_t>(site)] = at::tensor(largest, at::kFloat);
  }
  const FlatDiagonals diagonals = start_diagonals(weights, float_block.layer(), maxima);
  start.state = start_state({float_block.config(), shape, parametrization}, diagonals, random);
  return start;
}

}  // namespace qreason
