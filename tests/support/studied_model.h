// The studied models by their real config.json (tests/data/model/studied), and small ones of their shapes.
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"
#include "model/config.h"
#include "support/fixtures.h"

namespace qreason::testing {

inline ModelConfig studied_config(const std::string& name) {
  const std::filesystem::path path = project_path("tests/data/model/studied") / (name + ".config.json");
  return parse_model_config(parse_json(read_text_file(path), path.string()), path.string());
}

// The model with heads of another size, two blocks, and rows as many times shorter.
inline ModelConfig with_heads_of(ModelConfig config, std::int64_t head_dim) {
  const std::int64_t times = config.head_dim / head_dim;
  config.hidden_size /= times;
  config.intermediate_size /= times;
  config.head_dim = head_dim;
  config.layers = 2;
  return config;
}

}  // namespace qreason::testing
