// Our own quantized directories: what is written comes back bit for bit, and a broken one says what is wrong.
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
#include "checkpoint/broken_files.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/native.h"
#include "checkpoint/native_linear.h"
#include "checkpoint/readers.h"
#include "checkpoint/safetensors.h"
#include "model/decoder.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::bits_equal;
using testing::error_of;
using ::testing::HasSubstr;
using testing::MemoryLimit;
using testing::read_bytes;
using testing::ScratchFolder;
using testing::try_every_damage;

ModelConfig tiny_config() {
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

QuantizedMatrix random_matrix(std::int64_t rows, std::int64_t columns, const std::string& format, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(rows * columns));
  for (float& value : values) value = normal(random);
  return round_to_nearest(values, rows, columns, parse_quant_format(format));
}

at::Tensor counted(std::vector<std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return at::arange(count, at::kFloat).reshape(shape).contiguous();
}

ModelPlan plan_of(const std::string& format) {
  ModelPlan plan = uniform_plan(tiny_config().layers);
  for (const LinearSlot slot : kLinearSlots) plan.set_weight(slot, parse_quant_format(format));
  return plan;
}

LinearWeight weight_of(std::int64_t rows, std::int64_t columns, const std::optional<QuantFormat>& format,
                       unsigned seed) {
  if (!format) return {.matrix = counted({rows, columns}), .bias = {}};
  return {.matrix = random_matrix(rows, columns, to_string(*format), seed), .bias = {}};
}

// Writes the tiny model as a plan says it: a part a block and one with the rest.
void write_model(const fs::path& folder, const ModelPlan& plan) {
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

void write_model(const fs::path& folder, const std::string& format) {
  write_model(folder, plan_of(format));
}

void expect_equal(const QuantizedMatrix& got, const QuantizedMatrix& want) {
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

std::string failure_of(const fs::path& folder) {
  try {
    open_checkpoint(folder);
  } catch (const Error& failure) {
    return failure.what();
  }
  return "no error";
}

class NativeFormats : public ::testing::TestWithParam<const char*> {};

TEST_P(NativeFormats, ComeBackBitForBit) {
  // 21 columns: neither the groups of 8 nor the bytes of a row are full at the end.
  const ScratchFolder scratch;
  const QuantizedMatrix matrix = random_matrix(5, 21, GetParam(), 7);
  NativeWriter writer(scratch.path());
  writer.add_linear("model.layers.0.mlp.up_proj", {.matrix = matrix, .bias = counted({5})});
  writer.finish_part("block-0000");
  const LinearWeight read = read_native_linear(scratch.path(), "block-0000", "model.layers.0.mlp.up_proj");
  expect_equal(std::get<QuantizedMatrix>(read.matrix), matrix);
  EXPECT_TRUE(read.bias->equal(counted({5})));
}

INSTANTIATE_TEST_SUITE_P(All, NativeFormats,
                         ::testing::Values("w2g8-asym", "w3g8-asym", "w4g8-asym-mse", "w5g8-sym", "w6c-asym", "w7c-sym",
                                           "w8c-sym", "w8g8-asym", "w4g8-asym-true", "w4g8-asym-sf16",
                                           "w3g8-asym-mse-sbf16", "fp8e4m3", "fp8e5m2-g8", "fp8e4m3-g8-sbf16",
                                           "fp4e2m1-sf16", "mxfp8e4m3", "mxfp8e5m2", "mxfp4", "nvfp4"),
                         [](const auto& item) {
                           std::string name = item.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(Native, KeepsAnActOrderedGroupIndex) {
  const ScratchFolder scratch;
  QuantizedMatrix matrix = random_matrix(3, 16, "w4g8-asym", 1);
  matrix.group_index = {1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1};
  NativeWriter writer(scratch.path());
  writer.add_linear("lm_head", {.matrix = matrix});
  writer.finish_part("p");
  expect_equal(std::get<QuantizedMatrix>(read_native_linear(scratch.path(), "p", "lm_head").matrix), matrix);
}

TEST(Native, StoresTheRealBits) {
  const ScratchFolder scratch;
  write_model(scratch.path(), "w3g8-asym");
  const auto checkpoint = open_checkpoint(scratch.path());
  for (const TensorSummary& summary : checkpoint->tensors()) {
    if (summary.name != "model.layers.1.mlp.gate_proj.weight") continue;
    EXPECT_EQ(summary.type, "w3g8-asym");
    EXPECT_EQ(summary.shape, (std::vector<std::int64_t>{40, 24}));
    // 24 columns: 9 bytes of codes, 3 float32 scales and 3 zeros a row.
    EXPECT_EQ(summary.bytes, 40u * (9 + 12 + 3));
    return;
  }
  FAIL() << "no such tensor";
}

TEST(Native, OpensWhatItWrote) {
  const ScratchFolder scratch;
  write_model(scratch.path(), "w4g8-asym");
  const auto checkpoint = open_checkpoint(scratch.path());
  EXPECT_EQ(checkpoint->format(), "qreason");
  EXPECT_EQ(checkpoint->plan(), plan_of("w4g8-asym"));
  EXPECT_EQ(parameter_count(checkpoint->config()), parameter_count(tiny_config()));
  const LinearWeight k = checkpoint->linear("model.layers.1.self_attn.k_proj");
  expect_equal(std::get<QuantizedMatrix>(k.matrix), random_matrix(8, 24, "w4g8-asym", 1));
  EXPECT_TRUE(k.bias->equal(at::full({8}, 0.25f, at::kFloat)));
  EXPECT_FALSE(checkpoint->linear("lm_head").quantized());
  EXPECT_EQ(checkpoint->tensor("model.embed_tokens.weight").scalar_type(), at::kBFloat16);
}

TEST(Native, GivesTheSameBytesForTheSameTensors) {
  const ScratchFolder first, second;
  write_model(first.path(), "w4g8-asym");
  write_model(second.path(), "w4g8-asym");
  int files = 0;
  for (const auto& item : fs::directory_iterator(first.path())) {
    EXPECT_EQ(sha256_file(item.path()), sha256_file(second.path() / item.path().filename())) << item.path();
    ++files;
  }
  EXPECT_EQ(files, 5);  // three parts, index, config
  EXPECT_EQ(open_checkpoint(first.path())->content_hash(), open_checkpoint(second.path())->content_hash());
}

TEST(Native, TellsFinishedPartsFromBrokenOnes) {
  const ScratchFolder scratch;
  NativeWriter writer(scratch.path());
  EXPECT_FALSE(writer.has_part("block-0000"));
  writer.add_tensor("model.norm.weight", counted({24}));
  writer.finish_part("block-0000");
  EXPECT_TRUE(writer.has_part("block-0000"));
  EXPECT_TRUE(NativeWriter(scratch.path()).has_part("block-0000"));
  const fs::path file = scratch.path() / "model-block-0000.safetensors";
  fs::resize_file(file, fs::file_size(file) - 1);
  EXPECT_FALSE(writer.has_part("block-0000"));
  writer.remove_part("block-0000");
  EXPECT_FALSE(fs::exists(file));
  EXPECT_THROW(writer.finish_part("../elsewhere"), Error);
}

TEST(Native, FinishesAgainAfterAKillInTheLastSteps) {
  const ScratchFolder scratch;
  write_model(scratch.path(), "w4g8-asym");
  const std::string hash = open_checkpoint(scratch.path())->content_hash();
  fs::remove(scratch.path() / "config.json");
  NativeWriter(scratch.path()).finish(tiny_config(), plan_of("w4g8-asym"));
  EXPECT_EQ(open_checkpoint(scratch.path())->content_hash(), hash);
}

TEST(Native, RefusesToFinishAnIncompleteModel) {
  const ScratchFolder scratch;
  NativeWriter writer(scratch.path());
  writer.add_tensor("model.norm.weight", counted({24}));
  EXPECT_THROW(writer.finish(tiny_config(), plan_of("w4g8-asym")), Error);
  writer.finish_part("outside");
  EXPECT_THROW(writer.finish(tiny_config(), plan_of("w4g8-asym")), Error);
}

TEST(Native, RefusesTheSameTensorInTwoParts) {
  const ScratchFolder scratch;
  write_model(scratch.path(), "w4g8-asym");
  NativeWriter writer(scratch.path());
  writer.add_tensor("model.norm.weight", counted({24}));
  writer.finish_part("again");
  EXPECT_THROW(writer.finish(tiny_config(), plan_of("w4g8-asym")), Error);
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
