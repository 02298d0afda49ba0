#include "model/outlier_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "base/random.h"

namespace qreason {
namespace {

// Channels smaller than this part of the median are left alone: dead ones would need a scale without bound.
constexpr double kSmallestShare = 0.25;
constexpr std::size_t kQuietShare = 64;  // one in so many channels may be drawn, and twice as many as are wanted

using Sizes = std::vector<double>;

// A linear as float64 row and column norms, its input scaled by the gain of the norm before it.
struct Norms {
  Sizes rows, columns;  // squared; columns as parts of the whole matrix, so that linears of all sizes count alike
};

Norms norms_of(const at::Tensor& matrix, const Sizes& gain) {
  const at::Tensor values = matrix.to(at::kFloat).contiguous();
  const auto rows = static_cast<std::size_t>(values.size(0)), columns = static_cast<std::size_t>(values.size(1));
  const std::span data(values.const_data_ptr<float>(), rows * columns);
  Norms norms{Sizes(rows, 0), Sizes(columns, 0)};
  double whole = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double value = data[r * columns + c], square = value * value;
      norms.rows[r] += gain.empty() ? square : square * gain[c] * gain[c];
      norms.columns[c] += square;
      whole += square;
    }
  }
  if (whole > 0)
    for (double& column : norms.columns) column /= whole;
  return norms;
}

Sizes values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kFloat).contiguous();
  const std::span data(values.const_data_ptr<float>(), static_cast<std::size_t>(values.numel()));
  return {data.begin(), data.end()};
}

double median(Sizes values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

float power_of_two(double wanted) {
  return wanted > 0 ? static_cast<float>(std::exp2(std::clamp(std::round(std::log2(wanted)), -24.0, 24.0))) : 1;
}

class Choice {
 public:
  Choice(const WeightSource& source, std::int64_t layer, const OutlierOptions& options)
      : source_(source),
        options_(options),
        layer_(layer),
        random_(stable_hash(fmt::format("outliers-{}-{}", options.seed, layer))) {}

  BlockOutliers all() {
    const Sizes input_gain = gain_of(block_tensor_name(layer_, kInputNorm));
    const Sizes post_gain = gain_of(block_tensor_name(layer_, kPostNorm));
    const Norms q = norms(LinearSlot::kQ, input_gain), k = norms(LinearSlot::kK, input_gain),
                v = norms(LinearSlot::kV, input_gain), gate = norms(LinearSlot::kGate, post_gain),
                up = norms(LinearSlot::kUp, post_gain);
    BlockOutliers outliers;
    outliers.attention_input = layer_ == 0
                                   ? std::vector<float>(input_gain.size(), 1)
                                   : drawn(input_gain, sum({q.columns, k.columns, v.columns}), options_.channels);
    outliers.mlp_input = drawn(post_gain, sum({gate.columns, up.columns}), options_.channels);
    Sizes middle;
    for (std::size_t i = 0; i < up.rows.size(); ++i) middle.push_back(std::sqrt(gate.rows[i] * up.rows[i]));
    outliers.mlp_middle = drawn(middle, norms(LinearSlot::kDown, {}).columns, options_.channels);
    outliers.value = values(v);
    outliers.key = source_.config().query_key_norm ? normed_keys() : keys(k);
    return outliers;
  }

 private:
  Sizes gain_of(const std::string& name) const {
    Sizes gain = values_of(source_.tensor(name));
    for (double& value : gain) value = std::abs(value);
    return gain;
  }

  Norms norms(LinearSlot slot, const Sizes& gain) const {
    return norms_of(std::get<at::Tensor>(source_.linear(linear_name(layer_, slot)).matrix), gain);
  }

  // Empty without a bias.
  Sizes bias(LinearSlot slot) const {
    const LinearWeight weight = source_.linear(linear_name(layer_, slot));
    return weight.bias ? values_of(*weight.bias) : Sizes{};
  }

  static Sizes sum(std::initializer_list<Sizes> terms) {
    Sizes total(terms.begin()->size(), 0);
    for (const Sizes& term : terms)
      for (std::size_t i = 0; i < total.size(); ++i) total[i] += term[i];
    return total;
  }

  // Scales of all channels: one, but for `count` of those that contribute least.
  std::vector<float> drawn(const Sizes& sizes, const Sizes& columns, std::int64_t count) {
    const double middle = median(sizes);
    std::vector<std::size_t> candidates;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      if (sizes[i] > 0 && sizes[i] >= kSmallestShare * middle) candidates.push_back(i);
    const auto contribution = [&](std::size_t i) { return sizes[i] * sizes[i] * columns[i]; };
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&](std::size_t a, std::size_t b) { return contribution(a) < contribution(b); });
    const std::size_t quiet = std::max(2 * static_cast<std::size_t>(count), sizes.size() / kQuietShare);
    candidates.resize(std::min(candidates.size(), quiet));
    random_.shuffle(candidates);
    candidates.resize(std::min(candidates.size(), static_cast<std::size_t>(count)));
    std::vector<float> scales(sizes.size(), 1);
    for (const std::size_t i : candidates) scales[i] = power_of_two(options_.factor * middle / sizes[i]);
    return scales;
  }

  // One channel a head. Column norms of o: those of all the query heads that read the value.
  std::vector<float> values(const Norms& v) {
    const ModelConfig& config = source_.config();
    const auto width = static_cast<std::size_t>(config.head_dim);
    const Sizes output = norms(LinearSlot::kO, {}).columns, biases = bias(LinearSlot::kV);
    std::vector<float> scales;
    for (std::size_t head = 0; head < static_cast<std::size_t>(config.kv_heads); ++head) {
      const auto readers = static_cast<std::size_t>(config.heads / config.kv_heads);
      Sizes sizes, columns(width, 0);
      for (std::size_t i = 0; i < width; ++i) {
        const std::size_t row = head * width + i;
        sizes.push_back(std::sqrt(v.rows[row] + (biases.empty() ? 0 : biases[row] * biases[row])));
        for (std::size_t reader = 0; reader < readers; ++reader)
          columns[i] += output[(head * readers + reader) * width + i];
      }
      const std::vector<float> of_head = drawn(sizes, columns, 1);
      scales.insert(scales.end(), of_head.begin(), of_head.end());
    }
    return scales;
  }

  // One rotary pair a head: that of the largest bias, or any.
  std::vector<float> keys(const Norms& k) {
    const ModelConfig& config = source_.config();
    const auto width = static_cast<std::size_t>(config.head_dim), half = width / 2;
    const Sizes biases = bias(LinearSlot::kK);
    std::vector<float> scales(k.rows.size(), 1);
    for (std::size_t head = 0; head < k.rows.size(); head += width) {
      Sizes sizes, bias_sizes(half, 0);
      for (std::size_t i = head; i < head + half; ++i) {
        if (!biases.empty()) bias_sizes[i - head] = std::max(std::abs(biases[i]), std::abs(biases[i + half]));
        const double square = biases.empty() ? 0 : biases[i] * biases[i] + biases[i + half] * biases[i + half];
        sizes.push_back(std::sqrt(k.rows[i] + k.rows[i + half] + square));
      }
      const auto any = static_cast<std::size_t>(random_.randint(0, static_cast<std::int64_t>(half) - 1));
      const auto largest =
          static_cast<std::size_t>(std::max_element(bias_sizes.begin(), bias_sizes.end()) - bias_sizes.begin());
      const std::size_t pair = biases.empty() ? any : largest;
      const float scale = sizes[pair] > 0 ? power_of_two(options_.factor * median(sizes) / sizes[pair]) : 1;
      const float whole = std::max(1.0f, power_of_two(options_.key_bias / (bias_sizes[pair] * scale)));
      const float base = bias_sizes[pair] > 0 ? whole : 1;
      std::fill_n(scales.begin() + static_cast<std::ptrdiff_t>(head), width, base);
      scales[head + pair] = scales[head + pair + half] = base * scale;
    }
    return scales;
  }

  // One rotary pair of the gain that all heads share.
  std::vector<float> normed_keys() {
    const Sizes gain = gain_of(block_tensor_name(layer_, kKeyNorm));
    const std::size_t half = gain.size() / 2;
    Sizes sizes;
    for (std::size_t i = 0; i < half; ++i) sizes.push_back(std::hypot(gain[i], gain[i + half]));
    const auto pair = static_cast<std::size_t>(random_.randint(0, static_cast<std::int64_t>(half) - 1));
    std::vector<float> scales(gain.size(), 1);
    if (sizes[pair] > 0) {
      scales[pair] = scales[pair + half] = power_of_two(options_.factor * median(sizes) / sizes[pair]);
    }
    return scales;
  }

  const WeightSource& source_;
  const OutlierOptions& options_;
  std::int64_t layer_;
  PythonRandom random_;
};

}  // namespace

BlockOutliers choose_outliers(const WeightSource& source, std::int64_t layer, const OutlierOptions& options) {
  return Choice(source, layer, options).all();
}

}  // namespace qreason
