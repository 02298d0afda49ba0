#include "quantize/awq_candidates.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "base/error.h"
#include "model/tensor_quantizer.h"
#include "quantize/tensors/host_values.h"

namespace qreason {
namespace {

constexpr double kSmallestScale = 1e-4;

// Sums of |x_j| over the rows, in their order.
void add_magnitudes(const ActivationRows& rows, std::vector<double>& sums, Executor& executor) {
  constexpr std::int64_t kColumns = 64;
  executor.run((rows.width + kColumns - 1) / kColumns, [&](std::int64_t chunk) {
    const std::int64_t first = chunk * kColumns, end = std::min(rows.width, first + kColumns);
    for (std::int64_t row = 0; row < rows.count; ++row) {
      const float* x = rows.data + row * rows.width;
      for (std::int64_t j = first; j < end; ++j) sums[j] += std::abs(double{x[j]});
    }
  });
}

}  // namespace

AwqCandidates::AwqCandidates(BlockVisit& block, std::vector<LinearSlot> slots, ScaleRule rule)
    : block_(block), slots_(std::move(slots)) {
  activations_.resize(static_cast<std::size_t>(block.linear(slots_.front()).columns()));
  if (rule == ScaleRule::kActivationsAndWeights) find_mean_weights();
}

void AwqCandidates::add(const ActivationRows& rows) {
  tokens_ += rows.count;
  if (!block_.device()) return add_magnitudes(rows, activations_, block_.executor());
  const at::Tensor sums = rows.tensor.abs().sum(0, false, at::kDouble);
  magnitudes_ = magnitudes_.defined() ? magnitudes_ + sums : sums;
}

void AwqCandidates::finish_means() {
  if (magnitudes_.defined()) activations_ = host_doubles(magnitudes_);
  for (std::size_t j = 0; j < activations_.size(); ++j) {
    activations_[j] /= static_cast<double>(tokens_);
    if (std::isfinite(activations_[j])) continue;
    throw Error(where(), fmt::format("calibration inputs that are not finite, in channel {}", j), "finite ones");
  }
}

std::int64_t AwqCandidates::dead_channels() const {
  return std::count(activations_.begin(), activations_.end(), 0.0);
}

std::vector<float> AwqCandidates::scales(double ratio) const {
  std::vector<double> found;
  for (std::size_t j = 0; j < activations_.size(); ++j) {
    double scale = std::pow(activations_[j], ratio);
    if (!mean_weights_.empty()) scale /= std::pow(mean_weights_[j], 1 - ratio) + kSmallestScale;
    found.push_back(std::max(scale, kSmallestScale));
  }
  const auto [low, high] = std::minmax_element(found.begin(), found.end());
  const double middle = std::sqrt(*low * *high);
  std::vector<float> scales;
  for (const double scale : found) scales.push_back(static_cast<float>(scale / middle));
  return scales;
}

at::Tensor AwqCandidates::rounded(LinearSlot slot, const at::Tensor& weight, const std::vector<float>& scales) const {
  if (const auto device = block_.device()) {
    const at::Tensor factors = at::tensor(scales, at::kFloat).to(*device);
    return rounded_to_nearest(weight * factors, block_.format(slot)).div_(factors);
  }
  const std::int64_t rows = weight.size(0), columns = weight.size(1);
  at::Tensor candidate = at::empty_like(weight);
  float* values = candidate.data_ptr<float>();
  Executor& executor = block_.executor();
  executor.run(rows, [&](std::int64_t row) {
    const float* from = weight.const_data_ptr<float>() + row * columns;
    for (std::int64_t j = 0; j < columns; ++j) values[row * columns + j] = from[j] * scales[j];
  });
  const QuantizedMatrix matrix = rounded_matrix(slot, candidate);
  executor.run(rows, [&](std::int64_t row) {
    const std::span<float> out(values + row * columns, static_cast<std::size_t>(columns));
    dequantize_row(matrix, row, out);
    for (std::int64_t j = 0; j < columns; ++j) out[j] /= scales[j];
  });
  return candidate;
}

QuantizedMatrix AwqCandidates::rounded_matrix(LinearSlot slot, const at::Tensor& weight) const {
  try {
    return round_to_nearest({weight.const_data_ptr<float>(), static_cast<std::size_t>(weight.numel())}, weight.size(0),
                            weight.size(1), block_.format(slot), &block_.executor().pool());
  } catch (const Error& error) {
    throw Error::inside(linear_name(block_.layer(), slot), error);
  }
}

// Of every column, over the rows of all linears: |W_ij| / (largest |W_ik| of the quantization group + 1e-6).
void AwqCandidates::find_mean_weights() {
  if (block_.device()) return find_mean_weights_there();
  mean_weights_.assign(activations_.size(), 0);
  std::int64_t all_rows = 0;
  for (const LinearSlot slot : slots_) {
    const at::Tensor weight = block_.weight(slot);
    const std::int64_t rows = weight.size(0), columns = weight.size(1);
    const std::int64_t size = group_size_of(block_.format(slot), columns);
    const float* values = weight.const_data_ptr<float>();
    block_.executor().run((columns + size - 1) / size, [&](std::int64_t group) {
      const std::int64_t first = group * size, end = std::min(columns, first + size);
      for (std::int64_t row = 0; row < rows; ++row) {
        const float* w = values + row * columns;
        double largest = 0;
        for (std::int64_t j = first; j < end; ++j) largest = std::max(largest, std::abs(double{w[j]}));
        for (std::int64_t j = first; j < end; ++j) mean_weights_[j] += std::abs(double{w[j]}) / (largest + 1e-6);
      }
    });
    all_rows += rows;
  }
  for (double& mean : mean_weights_) mean /= static_cast<double>(all_rows);
}

void AwqCandidates::find_mean_weights_there() {
  at::Tensor sums;
  std::int64_t all_rows = 0;
  for (const LinearSlot slot : slots_) {
    const at::Tensor sizes = weight(slot).abs();
    const std::int64_t group = group_size_of(block_.format(slot), sizes.size(1));
    const at::Tensor runs = sizes.unflatten(1, {sizes.size(1) / group, group});
    const at::Tensor own = (runs / (at::amax(runs, {-1}, true) + 1e-6)).flatten(1).sum(0, false, at::kDouble);
    sums = sums.defined() ? sums + own : own;
    all_rows += sizes.size(0);
  }
  mean_weights_ = host_doubles(sums / all_rows);
}

}  // namespace qreason
