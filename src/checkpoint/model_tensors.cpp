#include "checkpoint/model_tensors.h"

#include <fmt/format.h>

#include <charconv>

#include "base/error.h"
#include "base/shown_name.h"

namespace qreason {
namespace {

constexpr std::string_view kLayerPrefix = "model.layers.";

}  // namespace

std::optional<LayerName> split_layer_name(const std::string& name) {
  if (!name.starts_with(kLayerPrefix)) return std::nullopt;
  const char* begin = name.data() + kLayerPrefix.size();
  const char* end = name.data() + name.size();
  LayerName split{};
  const auto [stop, failure] = std::from_chars(begin, end, split.layer);
  // One spelling a layer: "model.layers.03" is not layer 3.
  const bool plain = failure == std::errc() && stop != end && *stop == '.' && (*begin != '0' || stop == begin + 1);
  if (!plain || split.layer < 0) return std::nullopt;
  split.rest.assign(stop + 1, end);
  return split;
}

LinearPlace place_of_linear(const ModelConfig& config, const std::string& name, const std::string& where) {
  if (name == kHeadName) return {.rows = config.vocab_size, .columns = config.hidden_size};
  if (const auto split = split_layer_name(name); split && split->layer < config.layers) {
    for (const LinearSlot slot : kLinearSlots) {
      if (name_of(slot) != split->rest) continue;
      const LinearShape shape = linear_shape(config, slot);
      return {split->layer, slot, shape.rows, shape.columns, shape.has_bias};
    }
  }
  throw Error(where, fmt::format("no linear {}", shown_name(name)),
              fmt::format("a linear of a model with {} layers", config.layers));
}

std::vector<std::int64_t> shape_of_tensor(const ModelConfig& config, const std::string& name,
                                          const std::string& where) {
  if (name == kEmbeddingName) return {config.vocab_size, config.hidden_size};
  if (name == kFinalNormName) return {config.hidden_size};
  const auto split = split_layer_name(name);
  if (split && split->layer < config.layers) {
    for (const BlockNorm norm : block_norms(config)) {
      if (split->rest == name_of(norm)) return {norm_width(config, norm)};
    }
  }
  throw Error(where, fmt::format("no tensor {}", shown_name(name)),
              fmt::format("a tensor of a model with {} layers", config.layers));
}

std::vector<std::string> linear_names(const ModelConfig& config) {
  std::vector<std::string> names;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    for (const LinearSlot slot : kLinearSlots) names.push_back(linear_name(layer, slot));
  }
  if (!config.tied_embeddings) names.emplace_back(kHeadName);
  return names;
}

std::vector<std::string> plain_tensor_names(const ModelConfig& config) {
  std::vector<std::string> names{kEmbeddingName};
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    for (const BlockNorm norm : block_norms(config)) names.push_back(block_tensor_name(layer, name_of(norm)));
  }
  names.emplace_back(kFinalNormName);
  return names;
}

}  // namespace qreason
