// Recipes by a method's name, and what they say and refuse.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "quantize/methods/method_table.h"

namespace qreason::testing {

inline ModelConfig small_model() {
  ModelConfig config;
  config.hidden_size = 128;
  config.intermediate_size = 384;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 32;
  config.vocab_size = 256;
  config.max_positions = 4096;
  return config;
}

template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline Recipe method(const std::string& name, const std::vector<std::string>& settings = {}) {
  return make_recipe(name, parse_assignments(settings));
}

inline std::string format_of(const ModelPlan& plan, LinearSlot slot) {
  return to_string(plan.blocks.back().weights.at(slot));
}

inline std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(", ", begin), list.size());
    parts.emplace_back(list.substr(begin, end - begin));
    begin = end + 2;
  }
  return parts;
}

}  // namespace qreason::testing
