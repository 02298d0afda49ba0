// Our own quantized directories: a broken one, or one that contradicts its plan, says what is wrong.
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "checkpoint/broken_files.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/native.h"
#include "checkpoint/native_fixtures.h"
#include "checkpoint/native_linear.h"
#include "checkpoint/readers.h"
#include "model/decoder.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::counted;
using testing::error_of;
using testing::expect_equal;
using ::testing::HasSubstr;
using testing::MemoryLimit;
using testing::plan_of;
using testing::random_matrix;
using testing::read_bytes;
using testing::ScratchFolder;
using testing::tiny_config;
using testing::try_every_damage;
using testing::write_model;

std::string failure_of(const fs::path& folder) {
  try {
    open_checkpoint(folder);
  } catch (const Error& failure) {
    return failure.what();
  }
  return "no error";
}

TEST(Native, NamesWhatContradictsThePlan) {
  const ScratchFolder scratch;
  write_model(scratch.path(), "w4g8-asym");
  const fs::path path = scratch.path() / "config.json";
  const Json written = parse_json(read_text_file(path), path.string());
  const auto with = [&](const std::function<void(Json&)>& change) {
    Json json = written;
    change(json);
    write_file_atomic(path, json.dump());
    return failure_of(scratch.path());
  };
  EXPECT_EQ(with([](Json&) {}), "no error");
  const std::string slot = "mlp.up_proj";
  EXPECT_THAT(with([&](Json& json) { json["quantization_config"]["plan"]["weights"].erase(slot); }), HasSubstr(slot));
  EXPECT_THAT(with([&](Json& json) { json["quantization_config"]["plan"]["weights"][slot] = "w3g8-asym"; }),
              HasSubstr("w3g8-asym"));
  EXPECT_THAT(with([](Json& json) { json["quantization_config"]["version"] = 3; }), HasSubstr("version 3"));
  EXPECT_THAT(with([](Json& json) { json["quantization_config"]["extra"] = 2; }), HasSubstr("extra"));
  EXPECT_THAT(with([](Json& json) { json["quantization_config"]["quant_method"] = "hqq"; }), HasSubstr("hqq"));
  EXPECT_THAT(with([](Json& json) { json["intermediate_size"] = 48; }), HasSubstr("gate_proj"));
  EXPECT_THAT(with([](Json& json) { json["num_hidden_layers"] = 1; }), HasSubstr("layers.1"));
}

ModelPlan rich_plan() {
  ModelPlan plan = plan_of("w4g8-asym");
  for (const char* rule : {"blocks[0].mlp.down_proj = float", "blocks[1].mlp.up_proj = w8c-sym", "head = w8g8-sym",
                           "embedding = w6c-asym", "blocks[1].mlp_mid = a8-token-asym kronecker5x8",
                           "key = k4-channel-asym static before-bias", "value = hadamard8 v4-head-asym"}) {
    apply_rule(plan, rule, "test");
  }
  return plan;
}

TEST(Native, KeepsPlansThatDifferFromBlockToBlockWithTheirTensors) {
  const ScratchFolder scratch;
  write_model(scratch.path(), rich_plan());
  const Json config = parse_json(read_text_file(scratch.path() / "config.json"), "config.json");
  EXPECT_EQ(config["quantization_config"]["version"], 2);
  const auto checkpoint = open_checkpoint(scratch.path());
  EXPECT_EQ(checkpoint->plan(), rich_plan());
  EXPECT_FALSE(checkpoint->linear("model.layers.0.mlp.down_proj").quantized());
  expect_equal(std::get<QuantizedMatrix>(checkpoint->linear("model.layers.1.mlp.up_proj").matrix),
               random_matrix(40, 24, "w8c-sym", 1));
  expect_equal(std::get<QuantizedMatrix>(checkpoint->linear("lm_head").matrix), random_matrix(11, 24, "w8g8-sym", 6));
  const QuantizedMatrix embedding = random_matrix(11, 24, "w6c-asym", 5);
  expect_equal(std::get<QuantizedMatrix>(checkpoint->linear(kEmbeddingLinear).matrix), embedding);
  EXPECT_TRUE(checkpoint->tensor(kEmbeddingName).equal(LinearWeight{.matrix = embedding, .bias = {}}.dense_float32()));
  const std::vector<PlanTensor> tensors = plan_tensors(tiny_config(), rich_plan());
  EXPECT_EQ(tensors.size(), 6u);  // left and right of a transform, scale and zero of two blocks' keys
  for (const PlanTensor& tensor : tensors) {
    EXPECT_TRUE(checkpoint->tensor(tensor.name).equal(counted(tensor.shape).add(1))) << tensor.name;
  }
  const Decoder decoder(*checkpoint, {});
  EXPECT_EQ(decoder.plan(), rich_plan());
}

TEST(Native, RefusesTensorsThatDisagreeWithThePlan) {
  const ScratchFolder scratch;
  write_model(scratch.path(), rich_plan());
  const fs::path path = scratch.path() / "config.json";
  const Json written = parse_json(read_text_file(path), path.string());
  const auto with = [&](const char* rule) {
    ModelPlan plan = rich_plan();
    apply_rule(plan, rule, "test");
    Json json = written;
    json["quantization_config"]["plan"] = parse_json(to_json(plan).dump(), "plan");
    write_file_atomic(path, json.dump());
    return failure_of(scratch.path());
  };
  const auto names = [](const char* tensor, const char* got, const char* expected) {
    return AllOf(HasSubstr(tensor), HasSubstr(got), HasSubstr(expected));
  };
  EXPECT_EQ(with("head = w8g8-sym"), "no error");
  const char* up = "model.layers.0.mlp.up_proj.weight";
  EXPECT_THAT(with("blocks[0].mlp.up_proj = w3g8-asym"), names(up, "w4g8-asym", "w3g8-asym, as the plan says"));
  EXPECT_THAT(with("blocks[0].mlp.up_proj = w4g16-asym"), names(up, "w4g8-asym", "w4g16-asym"));
  EXPECT_THAT(with("blocks[0].mlp.up_proj = w4c-asym"), names(up, "w4g8-asym", "w4c-asym"));
  EXPECT_THAT(with("blocks[0].mlp.up_proj = w4g8-sym"), names(up, "w4g8-asym", "w4g8-sym"));
  EXPECT_THAT(with("blocks[0].mlp.up_proj = w4g8-asym-mse"), names(up, "w4g8-asym", "w4g8-asym-mse"));
  EXPECT_THAT(with("blocks[0].mlp.up_proj = fp8e4m3"), names(up, "w4g8-asym", "fp8e4m3"));
  EXPECT_THAT(with("blocks[0].mlp.up_proj = float"), names(up, "w4g8-asym", "float"));
  EXPECT_THAT(with("blocks[0].mlp.down_proj = w4g8-asym"),
              names("model.layers.0.mlp.down_proj.weight", "no codes", "w4g8-asym"));
  EXPECT_THAT(with("head = float"), names("lm_head.weight", "w8g8-sym", "float"));
  EXPECT_THAT(with("head = w8c-sym"), names("lm_head.weight", "w8g8-sym", "w8c-sym"));
  EXPECT_THAT(with("embedding = float"), names("model.embed_tokens.weight", "w6c-asym", "float"));
  EXPECT_THAT(with("blocks[0].mlp_in = dense24"), HasSubstr("model.layers.0.mlp_in.transform.right"));
  EXPECT_THAT(with("blocks[1].mlp_mid = kronecker8x5"),
              names("model.layers.1.mlp_mid.transform.left", "[5, 5]", "[8, 8]"));
  EXPECT_THAT(with("blocks[1].mlp_mid = no-transform"), HasSubstr("model.layers.1.mlp_mid.transform"));
  EXPECT_THAT(with("blocks[1].mlp_mid = learned-clip"), HasSubstr("model.layers.1.mlp_mid.clip.min"));
  EXPECT_THAT(with("key = k4-head-asym dynamic"), HasSubstr("key.static"));
  EXPECT_THAT(with("blocks[1].mlp_mid = kronecker3x8"), HasSubstr("rows of 40"));  // fits no model of this shape
}

// What the form of version 1 cannot say is no checkpoint of version 1, and no later form is guessed at.
TEST(Native, NamesTheVersionItCannotRead) {
  const ScratchFolder scratch;
  write_model(scratch.path(), rich_plan());
  const fs::path path = scratch.path() / "config.json";
  Json json = parse_json(read_text_file(path), path.string());
  json["quantization_config"]["version"] = 1;
  write_file_atomic(path, json.dump());
  EXPECT_THAT(failure_of(scratch.path()), HasSubstr("version 1 with a plan of version 2"));
}

TEST(Native, SurvivesEveryDamageToItsConfig) {
  const ScratchFolder scratch;
  write_model(scratch.path(), "w4g8-asym");
  const MemoryLimit limit(64);
  std::string config = read_bytes(scratch.path() / "config.json");
  for (std::size_t at = config.find("quantization_config"); at < config.size(); ++at) {
    config[at] = static_cast<char>(config[at] ^ 1);
    error_of([&] { open_native(scratch.path(), parse_json(config, "config.json")); });
    config[at] = static_cast<char>(config[at] ^ 1);
  }
}

TEST(Native, SurvivesEveryDamageToTheHeaderOfAPart) {
  const ScratchFolder scratch;
  NativeWriter writer(scratch.path());
  writer.add_linear("lm_head", {.matrix = random_matrix(3, 16, "w4g8-asym", 1)});
  writer.finish_part("p");
  const std::string bytes = read_bytes(scratch.path() / "model-p.safetensors");
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const MemoryLimit limit(64);
  try_every_damage(bytes, 8 + header, [](const fs::path& damaged) {
    const SafetensorsFile file(damaged);
    if (is_quantized(file, "lm_head")) read_native_linear(file, "lm_head").dense_float32();
  });
}

// A part with one quantized linear, written by hand so that its metadata and shapes can lie.
struct HandMade {
  std::string layout = R"({"format": "w4g8-asym", "columns": 16, "groups": 2, "group_size": 8})";
  std::vector<std::int64_t> codes{3, 8}, scales{3, 2}, zeros{3, 2};
  std::vector<std::int32_t> group_index;
  float scale = 1;
  std::uint8_t zero = 0;
};

std::string failure_of(const HandMade& made) {
  const ScratchFolder scratch;
  const auto count = [](const std::vector<std::int64_t>& shape) {
    return static_cast<std::size_t>(shape[0] * shape[1]);
  };
  const std::vector<std::uint8_t> codes(count(made.codes)), zeros(count(made.zeros), made.zero);
  const std::vector<float> scales(count(made.scales), made.scale);
  std::vector<SafetensorsTensor> tensors{
      {"lm_head.weight.codes", SafetensorsType::kU8, made.codes, std::as_bytes(std::span(codes))},
      {"lm_head.weight.scales", SafetensorsType::kF32, made.scales, std::as_bytes(std::span(scales))},
      {"lm_head.weight.zeros", SafetensorsType::kU8, made.zeros, std::as_bytes(std::span(zeros))}};
  if (!made.group_index.empty()) {
    tensors.push_back({"lm_head.weight.group_index",
                       SafetensorsType::kI32,
                       {static_cast<std::int64_t>(made.group_index.size())},
                       std::as_bytes(std::span(made.group_index))});
  }
  std::map<std::string, std::string> metadata{{"qreason", "1"}};
  if (!made.layout.empty()) metadata["lm_head.weight"] = made.layout;
  write_safetensors(scratch.path() / "model-p.safetensors", tensors, metadata);
  try {
    read_native_linear(scratch.path(), "p", "lm_head");
  } catch (const Error& failure) {
    return failure.what();
  }
  return "no error";
}

TEST(Native, RefusesLinearsThatContradictThemselves) {
  EXPECT_EQ(failure_of(HandMade{}), "no error");
  EXPECT_THAT(failure_of({.layout = ""}), HasSubstr("__metadata__"));
  EXPECT_THAT(failure_of({.layout = "w4"}), HasSubstr("JSON"));
  const auto layout = [](const char* format, const char* columns, const char* groups, const char* size) {
    return HandMade{.layout = std::string(R"({"format": ")") + format + R"(", "columns": )" + columns +
                              R"(, "groups": )" + groups + R"(, "group_size": )" + size + "}"};
  };
  EXPECT_THAT(failure_of(layout("fp8e4m3", "16", "2", "8")), HasSubstr("tensor lm_head.weight"));
  EXPECT_THAT(failure_of(layout("a8-token-asym", "16", "2", "8")), HasSubstr("the format a8-token-asym"));
  EXPECT_THAT(failure_of(layout("w3g8-asym", "16", "2", "8")), HasSubstr("codes"));
  EXPECT_THAT(failure_of(layout("w4g8-asym", "18", "3", "8")), HasSubstr("codes"));
  EXPECT_THAT(failure_of(layout("w4g8-asym", "16", "4", "4")), HasSubstr("scales"));
  EXPECT_THAT(failure_of(layout("w4g8-asym", "16", "2", "0")), HasSubstr("groups of 0"));
  EXPECT_THAT(failure_of(layout("w4g8-asym", "16", "2", "4")), HasSubstr("groups"));
  EXPECT_THAT(failure_of(layout("w4g8-asym", "9223372036854775807", "1", "8")), HasSubstr("columns"));
  EXPECT_THAT(failure_of(layout("w4g8-asym", "-1", "1", "8")), HasSubstr("columns"));
  EXPECT_THAT(failure_of({.zeros = {3, 1}}), HasSubstr("zeros"));
  EXPECT_THAT(failure_of({.zero = 16}), HasSubstr("lm_head.weight"));
  EXPECT_THAT(failure_of({.scale = std::numeric_limits<float>::infinity()}), HasSubstr("scale"));
  EXPECT_THAT(failure_of({.group_index = std::vector<std::int32_t>(16, 2)}), HasSubstr("group index 2"));
  EXPECT_THAT(failure_of({.group_index = std::vector<std::int32_t>(15, 0)}), HasSubstr("group_index"));
}

}  // namespace
}  // namespace qreason
