// Small models to export: random ones in Hugging Face's layout and in ours, any plan.
#pragma once

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "checkpoint/export/export.h"
#include "checkpoint/hf_writer.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/native.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason::testing {

// Sides that fill words of every width and blocks of 32.
inline ModelConfig exportable_config(Architecture architecture) {
  ModelConfig config = small_config(architecture);
  config.hidden_size = 64;
  config.intermediate_size = 96;
  config.head_dim = 16;
  config.vocab_size = 96;
  config.layers = 2;
  config.stored_type = StoredType::kBFloat16;
  config.eos_tokens = {2};
  return config;
}

inline void write_hf(const std::filesystem::path& folder, const ModelConfig& config, std::uint64_t seed = 3,
                     at::ScalarType type = at::kBFloat16) {
  std::filesystem::create_directories(folder);
  write_hf_model(folder, RandomModel(config, seed, type), to_hf_json(config).dump(2));
}

// Our own checkpoint of that random model, rounded to nearest as the plan says.
inline void write_native(const std::filesystem::path& folder, const ModelConfig& config, const ModelPlan& plan,
                         std::uint64_t seed = 3) {
  std::filesystem::create_directories(folder);
  const RandomModel model(config, seed, at::kBFloat16);
  NativeWriter writer(folder);
  const auto rounded = [&](LinearWeight weight, const std::optional<QuantFormat>& format) {
    if (!format) return weight;
    const at::Tensor dense = weight.dense_float32().contiguous();
    weight.matrix = round_to_nearest({dense.const_data_ptr<float>(), static_cast<std::size_t>(dense.numel())},
                                     dense.size(0), dense.size(1), *format);
    return weight;
  };
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const auto& weights = plan.block(layer).weights;
    for (const LinearSlot slot : kLinearSlots) {
      const std::string name = linear_name(layer, slot);
      const auto format = weights.contains(slot) ? std::optional(weights.at(slot)) : std::nullopt;
      writer.add_linear(name, rounded(model.linear(name), format));
    }
    for (const BlockNorm norm : block_norms(config)) {
      const std::string name = block_tensor_name(layer, name_of(norm));
      writer.add_tensor(name, model.tensor(name));
    }
    for (const Site site : kSites) {
      for (const PlanTensor& tensor : site_tensors(config, plan.block(layer).at(site), layer, site)) {
        // Static ranges that tell the sites apart.
        const bool is_scale = tensor.name == site_tensor_name(layer, site, kStaticScale);
        const bool is_zero = tensor.name == site_tensor_name(layer, site, kStaticZero);
        const double value = is_scale ? 0.25 * (1 + static_cast<double>(site)) : is_zero ? 0 : 1;
        writer.add_tensor(tensor.name, at::full(tensor.shape, value, at::kFloat));
      }
    }
  }
  if (plan.embedding) {
    writer.add_linear(kEmbeddingLinear, rounded({.matrix = model.tensor(kEmbeddingName), .bias = {}}, plan.embedding));
  } else {
    writer.add_tensor(kEmbeddingName, model.tensor(kEmbeddingName));
  }
  writer.add_tensor(kFinalNormName, model.tensor(kFinalNormName));
  if (!config.tied_embeddings) writer.add_linear(kHeadName, rounded(model.linear(kHeadName), plan.head));
  writer.finish_part("all");
  writer.finish(config, plan);
}

inline ModelPlan plan_with(const ModelConfig& config, const std::string& format) {
  ModelPlan plan = uniform_plan(config.layers);
  for (const LinearSlot slot : kLinearSlots) plan.set_weight(slot, parse_quant_format(format));
  return plan;
}

inline void set_known_cache_scales(ModelPlan& plan) {
  plan.set_format(Site::kKey, parse_quant_format("k:fp8e4m3-tensor"));
  plan.set_format(Site::kValue, parse_quant_format("v:fp8e4m3-tensor"));
  for (BlockPlan& block : plan.blocks) {
    for (const Site site : {Site::kKey, Site::kValue}) block.at(site).range = RangeSource::kStatic;
  }
}

// Writes `model` in a format; a folder, or for gguf the file "model.gguf" in it.
inline std::unique_ptr<PreparedExport> exported(const Checkpoint& model, const std::string& format,
                                                const std::filesystem::path& folder,
                                                const ExportOptions& options = {}) {
  const ExportFormat& row = find_export_format(format);
  auto prepared = prepare_export(row, {model, "a model", {}, "tests:1"}, options);
  std::filesystem::create_directories(folder);
  prepared->write(row.kind == ExportKind::kFolder ? folder : folder / "model.gguf", {});
  return prepared;
}

inline std::string refusal(const Checkpoint& model, const std::string& format, const ExportOptions& options = {}) {
  try {
    prepare_export(find_export_format(format), {model, "a model", {}, "tests:1"}, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline OrderedJson config_of(const std::filesystem::path& folder) {
  return OrderedJson::parse(read_text_file(folder / "config.json"));
}

// Code `index` of a line of words.
inline int code_at(std::span<const std::byte> line, std::int64_t index, int bits) {
  int code = 0;
  for (int bit = 0; bit < bits; ++bit) {
    const auto at = static_cast<std::size_t>(index * bits + bit);
    code |= (static_cast<int>(line[at / 8]) >> (at % 8) & 1) << bit;
  }
  return code;
}

// Every number of two models is the same, whatever holds it.
inline void expect_same_numbers(const WeightSource& got, const WeightSource& want) {
  for (const std::string& name : plain_tensor_names(want.config())) {
    EXPECT_TRUE(got.tensor(name).to(at::kFloat).equal(want.tensor(name).to(at::kFloat))) << name;
  }
  for (const std::string& name : linear_names(want.config())) {
    const LinearWeight a = got.linear(name), b = want.linear(name);
    EXPECT_TRUE(a.dense_float32().equal(b.dense_float32())) << name;
    ASSERT_EQ(a.bias.has_value(), b.bias.has_value()) << name;
    if (a.bias) {
      EXPECT_TRUE(a.bias->equal(*b.bias)) << name;
    }
  }
}

}  // namespace qreason::testing
