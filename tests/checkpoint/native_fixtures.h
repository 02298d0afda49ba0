// A tiny model written in our own format, as any plan says it.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "checkpoint/model_tensors.h"
#include "checkpoint/native.h"
#include "support/closeness.h"

namespace qreason::testing {

inline ModelConfig tiny_config() {
  ModelConfig config;
  config.architecture = Architecture::kQwen2;
  config.hidden_size = 24;
  config.intermediate_size = 40;
  config.layers = 2;
  config.heads = 3;
  config.kv_heads = 1;
  config.head_dim = 8;
  config.vocab_size = 11;
  config.max_positions = 64;
  config.qkv_bias = true;
  config.eos_tokens = {2};
  return config;
}

inline QuantizedMatrix random_matrix(std::int64_t rows, std::int64_t columns, const std::string& format,
                                     unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(rows * columns));
  for (float& value : values) value = normal(random);
  return round_to_nearest(values, rows, columns, parse_quant_format(format));
}

inline at::Tensor counted(std::vector<std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return at::arange(count, at::kFloat).reshape(shape).contiguous();
}

inline ModelPlan plan_of(const std::string& format) {
  ModelPlan plan = uniform_plan(tiny_config().layers);
  for (const LinearSlot slot : kLinearSlots) plan.set_weight(slot, parse_quant_format(format));
  return plan;
}

inline LinearWeight weight_of(std::int64_t rows, std::int64_t columns, const std::optional<QuantFormat>& format,
                              unsigned seed) {
  if (!format) return {.matrix = counted({rows, columns}), .bias = {}};
  return {.matrix = random_matrix(rows, columns, to_string(*format), seed), .bias = {}};
}

// Writes the tiny model as a plan says it: a part a block and one with the rest.
inline void write_model(const std::filesystem::path& folder, const ModelPlan& plan) {
  const ModelConfig config = tiny_config();
  NativeWriter writer(folder);
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    for (const LinearSlot slot : kLinearSlots) {
      const std::string name = linear_name(layer, slot);
      const LinearPlace place = place_of_linear(config, name, "test");
      const auto& planned = plan.block(layer).weights;
      const auto format = planned.contains(slot) ? std::optional(planned.at(slot)) : std::nullopt;
      LinearWeight weight = weight_of(place.rows, place.columns, format, static_cast<unsigned>(layer));
      if (place.has_bias) weight.bias = at::full({place.rows}, 0.25f, at::kFloat);
      writer.add_linear(name, weight);
    }
    const std::string prefix = "model.layers." + std::to_string(layer);
    writer.add_tensor(prefix + ".input_layernorm.weight", counted({24}));
    writer.add_tensor(prefix + ".post_attention_layernorm.weight", counted({24}));
    for (const Site site : kSites) {
      for (const PlanTensor& tensor : site_tensors(config, plan.block(layer).at(site), layer, site)) {
        writer.add_tensor(tensor.name, counted(tensor.shape).add(1));
      }
    }
    writer.finish_part("block-000" + std::to_string(layer));
  }
  if (plan.embedding) {
    writer.add_linear(kEmbeddingLinear, weight_of(11, 24, plan.embedding, 5));
  } else {
    writer.add_tensor("model.embed_tokens.weight", counted({11, 24}).to(at::kBFloat16));
  }
  writer.add_tensor("model.norm.weight", counted({24}));
  writer.add_linear("lm_head", weight_of(11, 24, plan.head, 6));
  writer.finish_part("outside");
  writer.finish(config, plan);
}

inline void write_model(const std::filesystem::path& folder, const std::string& format) {
  write_model(folder, plan_of(format));
}

inline void expect_equal(const QuantizedMatrix& got, const QuantizedMatrix& want) {
  EXPECT_EQ(got.format, want.format);
  EXPECT_EQ(got.rows, want.rows);
  EXPECT_EQ(got.columns, want.columns);
  EXPECT_EQ(got.groups, want.groups);
  EXPECT_EQ(got.group_size, want.group_size);
  EXPECT_EQ(got.codes, want.codes);
  EXPECT_TRUE(bits_equal(got.scales, want.scales));
  EXPECT_EQ(got.zeros, want.zeros);
  EXPECT_EQ(got.global_scale, want.global_scale);
  EXPECT_EQ(got.group_index, want.group_index);
}

}  // namespace qreason::testing
