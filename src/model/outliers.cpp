#include "model/outliers.h"

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "model/outlier_choice.h"

namespace qreason {
namespace {

// `values` times `scales`, of its own type and without rounding.
at::Tensor multiplied(const at::Tensor& values, const at::Tensor& scales, const std::string& name) {
  const at::Tensor typed = scales.to(values.scalar_type());
  at::Tensor product = values.mul(typed);
  if (!product.div(typed).equal(values)) {
    throw Error(name, "values that the scales push out of their type's range",
                "bfloat16 or float32, or smaller scales");
  }
  return product;
}

at::Tensor vector_of(const std::vector<float>& scales) {
  return at::from_blob(const_cast<float*>(scales.data()), {static_cast<std::int64_t>(scales.size())}, at::kFloat);
}

std::vector<float> inverse(std::vector<float> scales) {
  for (float& scale : scales) scale = 1 / scale;
  return scales;
}

// One scale a channel of a key/value head, for all the query heads that read it.
std::vector<float> for_query_heads(const std::vector<float>& scales, const ModelConfig& config) {
  std::vector<float> repeated;
  const std::int64_t readers = config.heads / config.kv_heads;
  for (std::int64_t head = 0; head < config.heads; ++head) {
    const auto begin = scales.begin() + head / readers * config.head_dim;
    repeated.insert(repeated.end(), begin, begin + config.head_dim);
  }
  return repeated;
}

}  // namespace

void check_outlier_options(const ModelConfig& config, const OutlierOptions& options, const std::string& where) {
  const std::int64_t most = std::min(config.hidden_size, config.intermediate_size) / 16;
  if (options.channels < 1 || options.channels > most) {
    throw Error::usage(where + "channels", fmt::format("{}", options.channels),
                       fmt::format("1 to {}, a sixteenth of the model's channels", most));
  }
  if (!(options.factor >= 1 && options.factor <= 4096)) {
    throw Error::usage(where + "factor", fmt::format("{}", options.factor), "1 to 4096");
  }
  if (!(options.key_bias >= 0 && options.key_bias <= 65536)) {
    throw Error::usage(where + (where == "--" ? "key-bias" : "key_bias"), fmt::format("{}", options.key_bias),
                       "0 to 65536");
  }
}

OutlierModel::LinearScales OutlierModel::scales_of(const BlockOutliers& block, LinearSlot slot,
                                                   const ModelConfig& config) {
  switch (slot) {
    case LinearSlot::kQ:
      if (config.query_key_norm) return {{}, inverse(block.attention_input)};
      return {inverse(for_query_heads(block.key, config)), inverse(block.attention_input)};
    case LinearSlot::kK:
      if (config.query_key_norm) return {{}, inverse(block.attention_input)};
      return {block.key, inverse(block.attention_input)};
    case LinearSlot::kV:
      return {block.value, inverse(block.attention_input)};
    case LinearSlot::kO:
      return {{}, inverse(for_query_heads(block.value, config))};
    case LinearSlot::kGate:
      return {{}, inverse(block.mlp_input)};
    case LinearSlot::kUp:
      return {block.mlp_middle, inverse(block.mlp_input)};
    case LinearSlot::kDown:
      return {{}, inverse(block.mlp_middle)};
  }
  throw Error("linear slot", std::to_string(static_cast<int>(slot)), "one of the seven");
}

OutlierModel::OutlierModel(const WeightSource& source, const OutlierOptions& options) : source_(&source) {
  if (!source.plan().is_float()) throw Error("outliers", short_name(source.plan()), "a model with float weights");
  // Scaled channels do not pass through a transform unchanged.
  if (source.plan().has_transforms()) throw Error("outliers", "a model with online transforms", "one without");
  check_outlier_options(config(), options, "--");
  for (std::int64_t layer = 0; layer < config().layers; ++layer) {
    blocks_.push_back(choose_outliers(source, layer, options));
    for (const LinearSlot slot : kLinearSlots)
      linears_[linear_name(layer, slot)] = scales_of(blocks_.back(), slot, config());
    norms_[block_tensor_name(layer, kInputNorm)] = blocks_.back().attention_input;
    norms_[block_tensor_name(layer, kPostNorm)] = blocks_.back().mlp_input;
    if (!config().query_key_norm) continue;
    norms_[block_tensor_name(layer, kKeyNorm)] = blocks_.back().key;
    norms_[block_tensor_name(layer, kQueryNorm)] = inverse(blocks_.back().key);
  }
}

LinearWeight OutlierModel::linear(const std::string& name) const {
  LinearWeight weight = source_->linear(name);
  const auto scales = linears_.find(name);
  if (scales == linears_.end()) return weight;
  const auto& [rows, columns] = scales->second;
  at::Tensor& matrix = std::get<at::Tensor>(weight.matrix);
  matrix = multiplied(matrix, vector_of(columns), name);
  if (rows.empty()) return weight;
  matrix = multiplied(matrix, vector_of(rows).unsqueeze(1), name);
  if (weight.bias) weight.bias = multiplied(*weight.bias, vector_of(rows), name + ".bias");
  return weight;
}

at::Tensor OutlierModel::tensor(const std::string& name) const {
  const at::Tensor values = source_->tensor(name);
  const auto scales = norms_.find(name);
  return scales == norms_.end() ? values : multiplied(values, vector_of(scales->second), name);
}

}  // namespace qreason
