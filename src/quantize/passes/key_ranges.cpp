#include "quantize/passes/key_ranges.h"

#include "quantize/passes/scaled_view.h"

namespace qreason {
namespace {

constexpr double kLargeBias = 8;

double energy(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}

}  // namespace

std::vector<GroupParameters> key_parameters(const WeightSource& source, const SitePlan& keys, std::int64_t layer,
                                            const Statistics& statistics) {
  const std::vector<float>& minima = statistics.at(key_minima_name(layer));
  const std::vector<float>& maxima = statistics.at(key_maxima_name(layer));
  std::vector<double> bias(minima.size(), 0.0);
  if (keys.key_stage == KeyStage::kBeforeBias) {
    bias = doubles_of(source.linear(linear_name(layer, LinearSlot::kK)).bias.value());
  }
  std::vector<GroupParameters> parameters;
  for (std::size_t j = 0; j < minima.size(); ++j) {
    const Range range{.low = static_cast<float>(minima[j] - bias[j]), .high = static_cast<float>(maxima[j] - bias[j])};
    parameters.push_back(parameters_of_range(token_range(range, *keys.format), *keys.format));
  }
  return parameters;
}

bool has_large_key_bias(const WeightSource& source) {
  if (source.config().query_key_norm) return false;
  for (std::int64_t layer = 0; layer < source.config().layers; ++layer) {
    const LinearWeight keys = source.linear(linear_name(layer, LinearSlot::kK));
    if (!keys.bias) continue;
    const std::vector<double> gain = doubles_of(source.tensor(block_tensor_name(layer, kInputNorm)));
    const at::Tensor inner = with_scaled_columns(keys.dense_float32(), gain);
    if (energy(doubles_of(*keys.bias)) > kLargeBias * kLargeBias * energy(doubles_of(inner.flatten()))) return true;
  }
  return false;
}

}  // namespace qreason
