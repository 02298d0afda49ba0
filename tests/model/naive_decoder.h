// The decoder written down from its formulas in double precision, one token and one number at a time: what the real one
// is compared with. Quantizers are the reference quantizer's.
#pragma once

#include <cmath>
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

  static void quantize_groups(Row& x, std::size_t group, const QuantFormat& format) {
    for (std::size_t start = 0; start < x.size(); start += group) {
      const std::size_t end = std::min(start + group, x.size());
      const std::vector<float> values(x.begin() + static_cast<std::ptrdiff_t>(start),
                                      x.begin() + static_cast<std::ptrdiff_t>(end));
      std::vector<float> rounded(values.size());
      quantize_dequantize(values, format, rounded);
      std::copy(rounded.begin(), rounded.end(), x.begin() + static_cast<std::ptrdiff_t>(start));
    }
  }

  static void quantize_site(const SitePlan& plan, Row& x) {
    if (!plan.format) return;
    const bool grouped = plan.format->granularity == Granularity::kTokenGroup;
    quantize_groups(x, grouped ? static_cast<std::size_t>(plan.format->group_size) : x.size(), *plan.format);
  }

  void quantize_cache(const SitePlan& plan, Row& x) const {
    if (plan.format) quantize_groups(x, static_cast<std::size_t>(config_.head_dim), *plan.format);
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

  Row attend(const Row& q, const Rows& keys, const Rows& values) const {
    const auto dim = static_cast<std::size_t>(config_.head_dim);
    const std::size_t group = static_cast<std::size_t>(config_.heads / config_.kv_heads);
    Row out(q.size());
    for (std::size_t head = 0; head < q.size() / dim; ++head) {
      const std::size_t kv = head / group * dim;
      Row weights;
      double sum = 0;
      for (const Row& key : keys) {
        double score = 0;
        for (std::size_t i = 0; i < dim; ++i) score += q[head * dim + i] * key[kv + i];
        weights.push_back(std::exp(score / std::sqrt(static_cast<double>(dim))));
        sum += weights.back();
      }
      for (std::size_t t = 0; t < keys.size(); ++t) {
        for (std::size_t i = 0; i < dim; ++i) out[head * dim + i] += weights[t] / sum * values[t][kv + i];
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
    const BlockPlan& plan = source_.plan().block(layer);
    Rows keys, values;
    for (std::size_t t = 0; t < h.size(); ++t) {
      Row x = norm(h[t], prefix + "input_layernorm.weight");
      quantize_site(plan.at(Site::kAttentionInput), x);
      Row q = apply(linear(LinearSlot::kQ), x);
      keys.push_back(apply(linear(LinearSlot::kK), x));
      values.push_back(apply(linear(LinearSlot::kV), x));
      rotate(q, t);
      rotate(keys.back(), t);
      quantize_cache(plan.at(Site::kKey), keys.back());
      quantize_cache(plan.at(Site::kValue), values.back());
      Row a = attend(q, keys, values);
      quantize_site(plan.at(Site::kAttentionOutput), a);
      add(h[t], apply(linear(LinearSlot::kO), a));
      Row m = norm(h[t], prefix + "post_attention_layernorm.weight");
      quantize_site(plan.at(Site::kMlpInput), m);
      Row gate = apply(linear(LinearSlot::kGate), m);
      const Row up = apply(linear(LinearSlot::kUp), m);
      for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      quantize_site(plan.at(Site::kMlpMiddle), gate);
      add(h[t], apply(linear(LinearSlot::kDown), gate));
    }
  }

  const WeightSource& source_;
  const ModelConfig& config_;
};

}  // namespace qreason::testing
