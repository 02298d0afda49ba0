// Which tensors a model has, by their Hugging Face names, and their shapes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/site.h"

namespace qreason {

struct LinearPlace {
  std::optional<std::int64_t> layer;   // nullopt: lm_head
  LinearSlot slot = LinearSlot::kQ;    // of that layer
  std::int64_t rows = 0, columns = 0;  // out, in
  bool has_bias = false;
};

// "model.layers.3.mlp.down_proj" or "lm_head"; an Error naming `where` and the name when the model has no such linear.
LinearPlace place_of_linear(const ModelConfig& config, const std::string& name, const std::string& where);
// "model.embed_tokens.weight", "model.norm.weight" and the norms of blocks; an Error as above.
std::vector<std::int64_t> shape_of_tensor(const ModelConfig& config, const std::string& name, const std::string& where);

// In the order of the computation. lm_head only when it is not tied.
std::vector<std::string> linear_names(const ModelConfig& config);
std::vector<std::string> plain_tensor_names(const ModelConfig& config);

// nullopt when the name is not "model.layers.<number>.<rest>"; `rest` is what follows.
struct LayerName {
  std::int64_t layer;
  std::string rest;
};
std::optional<LayerName> split_layer_name(const std::string& name);

}  // namespace qreason
