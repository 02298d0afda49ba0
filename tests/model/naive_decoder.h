// The decoder written down from its formulas in double precision, one token and one number at a time: what the real one
// is compared with. Quantizers are the reference quantizer's.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "formats/reference_quantizer.h"
#include "model/weights.h"

namespace qreason::testing {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

class NaiveDecoder {
 public:
  explicit NaiveDecoder(const WeightSource& source) : source_(source), config_(source.config()) {}

  // All logits of one sequence.
  Rows logits(const std::vector<std::int32_t>& tokens) const {
    const at::Tensor embedding = source_.tensor("model.embed_tokens.weight").to(at::kFloat);
    Rows h;
    for (const std::int32_t token : tokens) h.push_back(matrix_row(embedding, token));
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) block(h, layer);
    const LinearWeight head =
        config_.tied_embeddings ? LinearWeight{.matrix = embedding, .bias = {}} : source_.linear("lm_head");
    Rows out;
    for (const Row& row : h) out.push_back(apply(head, norm(row, "model.norm.weight")));
    return out;
  }

 private:
  static Row matrix_row(const at::Tensor& matrix, std::int64_t row) {
    const float* data = matrix.const_data_ptr<float>() + row * matrix.size(1);
    return {data, data + matrix.size(1)};
  }

  static Row apply(const LinearWeight& weight, const Row& x) {
    const at::Tensor dense = weight.dense_float32();
    Row y;
    for (std::int64_t r = 0; r < dense.size(0); ++r) {
      const Row w = matrix_row(dense, r);
      double sum = weight.bias ? weight.bias->const_data_ptr<float>()[r] : 0.0;
      for (std::size_t i = 0; i < x.size(); ++i) sum += w[i] * x[i];
      y.push_back(sum);
    }
    return y;
  }

  Row norm(const Row& x, const std::string& gain_name) const {
    const at::Tensor gain = source_.tensor(gain_name).to(at::kFloat);
    double squares = 0;
    for (const double value : x) squares += value * value;
    const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + config_.rms_norm_epsilon);
    Row y;
    for (std::size_t i = 0; i < x.size(); ++i) y.push_back(x[i] * scale * gain.const_data_ptr<float>()[i]);
    return y;
  }

  // Group g's ends times the g-th learned ratios, zero inside.
  void quantize_clipped(Row& x, std::size_t group, const QuantFormat& format, std::int64_t layer, Site site) const {
    const at::Tensor low = source_.tensor(site_tensor_name(layer, site, kClipMin));
    const at::Tensor high = source_.tensor(site_tensor_name(layer, site, kClipMax));
    for (std::size_t start = 0; start < x.size(); start += group) {
      const auto ratio = low.numel() == 1 ? 0 : start / group;
      Range range;
      for (std::size_t i = start; i < start + group; ++i) {
        range.low = std::min(range.low, static_cast<float>(x[i]) * low.const_data_ptr<float>()[ratio]);
        range.high = std::max(range.high, static_cast<float>(x[i]) * high.const_data_ptr<float>()[ratio]);
      }
      const GroupParameters parameters = parameters_of_range(range, format);
      for (std::size_t i = start; i < start + group; ++i) {
        x[i] = decode(encode(static_cast<float>(x[i]), parameters, format), parameters, format);
      }
    }
  }

  float scalar(std::int64_t layer, Site site, const char* part) const {
    return source_.tensor(site_tensor_name(layer, site, part)).const_data_ptr<float>()[0];
  }

  // One scale and zero point for all rows.
  void quantize_known(Row& x, const QuantFormat& format, std::int64_t layer, Site site) const {
    const GroupParameters known{.scale = scalar(layer, site, kStaticScale), .zero = scalar(layer, site, kStaticZero)};
    for (double& value : x) value = decode(encode(static_cast<float>(value), known, format), known, format);
  }

  static void quantize_groups(Row& x, std::size_t group, const QuantFormat& format, float global_scale) {
    for (std::size_t start = 0; start < x.size(); start += group) {
      const std::size_t end = std::min(start + group, x.size());
      const std::vector<float> values(x.begin() + static_cast<std::ptrdiff_t>(start),
                                      x.begin() + static_cast<std::ptrdiff_t>(end));
      std::vector<float> rounded(values.size());
      quantize_dequantize(values, format, rounded, global_scale);
      std::copy(rounded.begin(), rounded.end(), x.begin() + static_cast<std::ptrdiff_t>(start));
    }
  }

  // The matrix of a transform for the run-th run of a row, from the definition in online_transform.h: [run, run],
  // applied as x M. `right` names the part that is the right factor.
  std::vector<Row> matrix_of(const OnlineTransform& transform, std::int64_t layer, Site site, std::string_view right,
                             std::int64_t run) const {
    const auto factor = [&](std::string_view part, std::int64_t i, std::int64_t j) -> double {
      const at::Tensor all = source_.tensor(site_tensor_name(layer, site, part));
      const at::Tensor own = transform.matrices == RunMatrices::kOwn ? all.select(0, run) : all;
      return own.contiguous().const_data_ptr<float>()[i * own.size(1) + j];
    };
    const auto sylvester = [&](std::uint64_t i, std::uint64_t j) {
      const double sign = std::popcount(i & j) % 2 == 0 ? 1 : -1;
      return sign / std::sqrt(static_cast<double>(transform.left * transform.right));
    };
    std::vector<Row> matrix(static_cast<std::size_t>(transform.run()), Row(static_cast<std::size_t>(transform.run())));
    for (std::int64_t row = 0; row < transform.run(); ++row) {
      for (std::int64_t column = 0; column < transform.run(); ++column) {
        const std::int64_t lanes = transform.lanes, width = transform.right * lanes;
        if (row % lanes != column % lanes) continue;
        const std::int64_t a = row / width, b = row % width / lanes, c = column / width, d = column % width / lanes;
        const double l = transform.left_is_tensor() ? factor(kTransformLeft, a, c) : a == c ? 1 : 0;
        double r = b == d ? 1 : 0;
        if (transform.kind == TransformKind::kHadamard) {
          r = sylvester(static_cast<std::uint64_t>(b), static_cast<std::uint64_t>(d));
        } else if (transform.right_is_tensor()) {
          r = factor(right, b, d);
        }
        matrix[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = l * r;
      }
    }
    return matrix;
  }

  void transform(std::int64_t layer, Site site, Row& x, std::string_view right = kTransformRight) const {
    const auto& transform = source_.plan().block(layer).at(site).transform;
    if (!transform) return;
    const auto size = static_cast<std::size_t>(transform->run());
    for (std::size_t start = 0; start < x.size(); start += size) {
      const auto matrix = matrix_of(*transform, layer, site, right, static_cast<std::int64_t>(start / size));
      Row y(size);
      for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t j = 0; j < size; ++j) y[j] += x[start + i] * matrix[i][j];
      }
      std::copy(y.begin(), y.end(), x.begin() + static_cast<std::ptrdiff_t>(start));
    }
  }

  void quantize_key(std::int64_t layer, KeyStage stage, Row& x) const {
    const SitePlan& plan = source_.plan().block(layer).at(Site::kKey);
    if (!plan.format || plan.key_stage != stage) return;
    if (plan.format->granularity != Granularity::kChannel) return quantize_cache(layer, Site::kKey, x);
    const at::Tensor scales = source_.tensor(site_tensor_name(layer, Site::kKey, kStaticScale));
    const at::Tensor zeros = source_.tensor(site_tensor_name(layer, Site::kKey, kStaticZero));
    const double highest = plan.format->max_code();
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double scale = scales.const_data_ptr<float>()[i], zero = zeros.const_data_ptr<float>()[i];
      x[i] = scale * (std::clamp(std::nearbyint(x[i] / scale) + zero, 0.0, highest) - zero);
    }
  }

  void quantize_runs(std::int64_t layer, Site site, std::size_t run, Row& x) const {
    const SitePlan& plan = source_.plan().block(layer).at(site);
    if (!plan.format) return;
    if (plan.format->granularity == Granularity::kTokenGroup) run = static_cast<std::size_t>(plan.format->group_size);
    if (plan.clip == ClipSource::kLearned) return quantize_clipped(x, run, *plan.format, layer, site);
    if (plan.format->granularity == Granularity::kTensor) return quantize_known(x, *plan.format, layer, site);
    const float global = plan.range == RangeSource::kStatic ? scalar(layer, site, kStaticGlobalScale) : 1.0f;
    quantize_groups(x, run, *plan.format, global);
  }
  void quantize_site(std::int64_t layer, Site site, Row& x) const { quantize_runs(layer, site, x.size(), x); }
  void quantize_cache(std::int64_t layer, Site site, Row& x) const {
    quantize_runs(layer, site, static_cast<std::size_t>(config_.head_dim), x);
  }

  // The models' own frequencies are float32 numbers (transformers computes them so); a double here would be another
  // model, whose activations fall on other codes.
  double inverse_frequency(std::size_t pair) const {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(config_.head_dim);
    return 1.0f / static_cast<float>(std::pow(config_.rope_theta, static_cast<double>(exponent)));
  }

  void rotate(Row& x, std::size_t position) const {
    const auto dim = static_cast<std::size_t>(config_.head_dim);
    for (std::size_t head = 0; head < x.size(); head += dim) {
      for (std::size_t i = 0; i < dim / 2; ++i) {
        const double angle = static_cast<double>(position) * inverse_frequency(i);
        const double a = x[head + i], b = x[head + i + dim / 2];
        x[head + i] = a * std::cos(angle) - b * std::sin(angle);
        x[head + i + dim / 2] = b * std::cos(angle) + a * std::sin(angle);
      }
    }
  }

  Row norm_heads(const Row& x, const std::string& gain_name) const {
    if (!config_.query_key_norm) return x;
    Row y;
    for (auto head = x.begin(); head != x.end(); head += config_.head_dim) {
      const Row one = norm({head, head + config_.head_dim}, gain_name);
      y.insert(y.end(), one.begin(), one.end());
    }
    return y;
  }

  // The last `window` of the keys, or all.
  Row attend(const Row& q, const Rows& keys, const Rows& values, std::int64_t layer) const {
    const auto& window = config_.sliding_window;
    const bool slides = window && (window->layers.empty() || window->layers[static_cast<std::size_t>(layer)]);
    const std::size_t most = slides ? static_cast<std::size_t>(window->size) : keys.size();
    const std::size_t first = keys.size() - std::min(most, keys.size());
    const auto dim = static_cast<std::size_t>(config_.head_dim);
    const std::size_t group = static_cast<std::size_t>(config_.heads / config_.kv_heads);
    Row out(q.size());
    for (std::size_t head = 0; head < q.size() / dim; ++head) {
      const std::size_t kv = head / group * dim;
      Row weights;
      double sum = 0;
      for (std::size_t t = first; t < keys.size(); ++t) {
        double score = 0;
        for (std::size_t i = 0; i < dim; ++i) score += q[head * dim + i] * keys[t][kv + i];
        weights.push_back(std::exp(score / std::sqrt(static_cast<double>(dim))));
        sum += weights.back();
      }
      for (std::size_t t = first; t < keys.size(); ++t) {
        for (std::size_t i = 0; i < dim; ++i) out[head * dim + i] += weights[t - first] / sum * values[t][kv + i];
      }
    }
    return out;
  }

  static void add(Row& x, const Row& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }

  void block(Rows& h, std::int64_t layer) const {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    const auto linear = [&](LinearSlot slot) { return source_.linear(linear_name(layer, slot)); };
    Rows keys, values;
    for (std::size_t t = 0; t < h.size(); ++t) {
      Row x = norm(h[t], prefix + "input_layernorm.weight");
      transform(layer, Site::kAttentionInput, x);
      quantize_site(layer, Site::kAttentionInput, x);
      Row q = apply(linear(LinearSlot::kQ), x);
      LinearWeight key_weight = linear(LinearSlot::kK);
      const std::optional<at::Tensor> bias = std::exchange(key_weight.bias, std::nullopt);
      Row key = apply(key_weight, x);
      quantize_key(layer, KeyStage::kBeforeBias, key);
      for (std::size_t i = 0; bias && i < key.size(); ++i) key[i] += bias->const_data_ptr<float>()[i];
      q = norm_heads(q, prefix + "self_attn.q_norm.weight");
      key = norm_heads(key, prefix + "self_attn.k_norm.weight");
      quantize_key(layer, KeyStage::kBeforeRope, key);
      values.push_back(apply(linear(LinearSlot::kV), x));
      rotate(q, t);
      rotate(key, t);
      transform(layer, Site::kKey, q, kTransformQuery);
      transform(layer, Site::kKey, key);
      quantize_key(layer, KeyStage::kAfterRope, key);
      keys.push_back(key);
      transform(layer, Site::kValue, values.back());
      quantize_cache(layer, Site::kValue, values.back());
      Row a = attend(q, keys, values, layer);
      transform(layer, Site::kAttentionOutput, a);
      quantize_site(layer, Site::kAttentionOutput, a);
      add(h[t], apply(linear(LinearSlot::kO), a));
      Row m = norm(h[t], prefix + "post_attention_layernorm.weight");
      transform(layer, Site::kMlpInput, m);
      quantize_site(layer, Site::kMlpInput, m);
      Row gate = apply(linear(LinearSlot::kGate), m);
      const Row up = apply(linear(LinearSlot::kUp), m);
      for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      transform(layer, Site::kMlpMiddle, gate);
      quantize_site(layer, Site::kMlpMiddle, gate);
      add(h[t], apply(linear(LinearSlot::kDown), gate));
    }
  }

  const WeightSource& source_;
  const ModelConfig& config_;
};

}  // namespace qreason::testing
