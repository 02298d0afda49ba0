// Float checkpoints: every number kept unless it is asked for otherwise; what the format cannot say is refused.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/export/export_fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::config_of;
using testing::expect_same_numbers;
using testing::exportable_config;
using testing::exported;
using ::testing::HasSubstr;
using testing::plan_with;
using testing::refusal;
using testing::ScratchFolder;
using testing::write_hf;
using testing::write_native;

TEST(HfExport, PassesAFloatModelThrough) {
  for (const Architecture architecture : kArchitectures) {
    const ScratchFolder scratch;
    write_hf(scratch.path() / "in", exportable_config(architecture));
    const auto model = open_checkpoint(scratch.path() / "in");
    const auto prepared = exported(*model, "hf", scratch.path() / "out");
    EXPECT_EQ(prepared->number_changes().changed, 0);
    EXPECT_EQ(sha256_file(scratch.path() / "in/model.safetensors"),
              sha256_file(scratch.path() / "out/model.safetensors"));
  }
}

TEST(HfExport, WritesWhatCodesStandForInAFloatThatHoldsIt) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kLlama);
  ModelPlan plan = plan_with(config, "w4g32-asym");
  plan.embedding = parse_quant_format("w8g32-asym");
  plan.head = parse_quant_format("w8g32-sym");
  write_native(scratch.path() / "in", config, plan);
  const auto model = open_checkpoint(scratch.path() / "in");
  const auto prepared = exported(*model, "hf", scratch.path() / "out");
  EXPECT_EQ(prepared->written_as(), "float32");
  ASSERT_EQ(prepared->notes().size(), 1u);
  EXPECT_THAT(prepared->notes()[0], HasSubstr("bfloat16 does not hold"));
  EXPECT_EQ(config_of(scratch.path() / "out").at("torch_dtype"), "float32");
  const auto written = open_checkpoint(scratch.path() / "out");
  EXPECT_TRUE(written->plan().is_float());
  expect_same_numbers(*written, *model);
}

TEST(HfExport, KeepsTheSourcesTypeWhereItHoldsEveryNumber) {
  // Scales that are powers of two: a code of 4 bits times one is a bfloat16.
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kQwen2);
  write_native(scratch.path() / "in", config, plan_with(config, "mxfp4"));
  const auto model = open_checkpoint(scratch.path() / "in");
  EXPECT_EQ(exported(*model, "hf", scratch.path() / "out")->written_as(), "bfloat16");
  expect_same_numbers(*open_checkpoint(scratch.path() / "out"), *model);
}

TEST(HfExport, RoundsToATypeThatIsAskedForAndCountsIt) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kQwen2);
  write_native(scratch.path() / "in", config, plan_with(config, "w4g32-asym"));
  const auto model = open_checkpoint(scratch.path() / "in");
  const auto prepared = exported(*model, "hf", scratch.path() / "out", {.type = "bf16"});
  const auto written = open_checkpoint(scratch.path() / "out");
  const std::string name = linear_name(1, LinearSlot::kDown);
  EXPECT_TRUE(
      std::get<at::Tensor>(written->linear(name).matrix).equal(model->linear(name).dense_float32().to(at::kBFloat16)));
  EXPECT_GT(prepared->number_changes().changed, 0);
  // Half a unit in the last of 8 significant bits.
  EXPECT_LE(prepared->number_changes().largest, 1.0 / 256);
  EXPECT_GT(prepared->number_changes().largest, 1.0 / 1024);
  EXPECT_EQ(config_of(scratch.path() / "out").at("torch_dtype"), "bfloat16");
}

TEST(HfExport, CutsShardsThatAnIndexNames) {
  const ScratchFolder scratch;
  write_hf(scratch.path() / "in", exportable_config(Architecture::kLlama));
  const auto model = open_checkpoint(scratch.path() / "in");
  exported(*model, "hf", scratch.path() / "out", {.shard_bytes = 40'000});
  EXPECT_FALSE(fs::exists(scratch.path() / "out/model.safetensors"));
  std::uint64_t total = 0, files = 0;
  for (const auto& file : fs::directory_iterator(scratch.path() / "out")) {
    if (file.path().extension() != ".safetensors") continue;
    std::uint64_t bytes = 0;
    const SafetensorsFile shard(file.path());
    for (const auto& [name, entry] : shard.entries()) bytes += entry.size;
    EXPECT_LE(bytes, 40'000u) << file.path();
    total += bytes;
    ++files;
  }
  EXPECT_GT(files, 3u);
  EXPECT_TRUE(fs::exists(scratch.path() / fmt::format("out/model-00001-of-{:05}.safetensors", files)));
  const auto index = OrderedJson::parse(read_text_file(scratch.path() / "out/model.safetensors.index.json"));
  EXPECT_EQ(index.at("metadata").at("total_size"), total);
  expect_same_numbers(*open_checkpoint(scratch.path() / "out"), *model);
}

TEST(HfExport, WritesTheKeysOfOlderAndNewerTransformers) {
  // A config as transformers 5 writes it, with a word that no decoder reads.
  const ScratchFolder scratch;
  ModelConfig config = exportable_config(Architecture::kLlama);
  write_hf(scratch.path() / "in", config);
  OrderedJson json = to_hf_json(config);
  for (const char* key : {"rope_theta", "rope_scaling", "torch_dtype"}) json.erase(key);
  json["rope_parameters"] = {{"rope_theta", 500000.0}, {"rope_type", "linear"}, {"factor", 2.0}};
  json["dtype"] = "bfloat16";
  json["pad_token_id"] = 7;
  write_file_atomic(scratch.path() / "in/config.json", json.dump());
  const auto model = open_checkpoint(scratch.path() / "in");
  exported(*model, "hf", scratch.path() / "out", {.type = "f16"});
  const OrderedJson got = config_of(scratch.path() / "out");
  EXPECT_EQ(got.at("rope_theta"), 500000.0);
  EXPECT_EQ(got.at("rope_scaling").at("rope_type"), "linear");
  EXPECT_EQ(got.at("rope_parameters"), json.at("rope_parameters"));
  EXPECT_EQ(got.at("torch_dtype"), "float16");
  EXPECT_EQ(got.at("dtype"), "float16");
  EXPECT_EQ(got.at("pad_token_id"), 7);
}

TEST(HfExport, RefusesWhatRunsOnlineByNameAndPlace) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kQwen2);
  const auto refusal_of = [&](const std::string& rule, const std::string& format = "hf") {
    ModelPlan plan = plan_with(config, "w8c-sym");
    apply_rule(plan, rule, "test");
    write_native(scratch.path() / "in", config, plan);
    const std::string text = refusal(*open_checkpoint(scratch.path() / "in"), format);
    fs::remove_all(scratch.path() / "in");
    return text;
  };
  EXPECT_THAT(refusal_of("blocks[1].mlp_mid = hadamard32"),
              HasSubstr("blocks[1].mlp_mid has an online transform, float hadamard32"));
  EXPECT_THAT(refusal_of("key = k4-channel-asym static before-rope"),
              HasSubstr("blocks[0].key has a rounded cache, k4-channel-asym static before-rope (and 1 more blocks)"));
  EXPECT_THAT(refusal_of("value = v8-head-asym", "gguf"), HasSubstr("blocks[0].value has a rounded cache"));
  EXPECT_THAT(refusal_of("attn_in = a8-token-asym"), HasSubstr("blocks[0].attn_in has rounded inputs, a8-token-asym"));
  EXPECT_THAT(refusal_of("attn_in = a8-token-asym", "awq"), HasSubstr("weights alone in AWQ"));
}

TEST(HfExport, RefusesRotaryFrequenciesThatNoConfigSays) {
  QREASON_REQUIRE_SHARED(file, "oracle/checkpoints/gguf/llama-tiny-bf16.gguf");
  EXPECT_THAT(refusal(*open_checkpoint(file), "hf"), HasSubstr("rotary frequencies of its own"));
}

}  // namespace
}  // namespace qreason
