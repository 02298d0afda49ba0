// compressed-tensors beyond packed integers: rounded inputs, float formats, several formats in one model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "checkpoint/export/export_fixtures.h"
#include "formats/float_codecs.h"

namespace qreason {
namespace {
using testing::code_at;
using testing::config_of;
using testing::exportable_config;
using testing::exported;
using ::testing::HasSubstr;
using testing::plan_with;
using testing::ScratchFolder;
using testing::write_native;

TEST(CompressedTensorsExport, WritesEightBitWeightsWithRoundedInputs) {
  for (const char* inputs : {"a8-token-sym", "a8-token-asym"}) {
    const ScratchFolder scratch;
    const ModelConfig config = exportable_config(Architecture::kQwen2);
    ModelPlan plan = plan_with(config, "w8c-sym-sbf16");
    for (const Site site : kActivationSites) plan.set_format(site, parse_quant_format(inputs));
    write_native(scratch.path() / "in", config, plan);
    const auto model = open_checkpoint(scratch.path() / "in");
    exported(*model, "compressed-tensors", scratch.path() / "out");
    const OrderedJson quantization = config_of(scratch.path() / "out").at("quantization_config");
    EXPECT_EQ(quantization.at("format"), "int-quantized");
    const OrderedJson scheme = quantization.at("config_groups").at("group_0");
    EXPECT_EQ(scheme.at("weights").dump(),
              R"({"num_bits":8,"type":"int","symmetric":true,"strategy":"channel","dynamic":false})");
    EXPECT_EQ(scheme.at("input_activations").at("symmetric"), std::string(inputs) == "a8-token-sym");
    EXPECT_EQ(scheme.at("input_activations").at("strategy"), "token");
    EXPECT_EQ(scheme.at("input_activations").at("dynamic"), true);
    const SafetensorsFile file(scratch.path() / "out/model.safetensors");
    const std::string name = linear_name(1, LinearSlot::kGate);
    EXPECT_EQ(file.entry(name + ".weight").type, SafetensorsType::kI8);
    EXPECT_EQ(file.entry(name + ".weight_scale").type, SafetensorsType::kBF16);
    const LinearWeight weight = model->linear(name);
    const auto& matrix = std::get<QuantizedMatrix>(weight.matrix);
    const MappedBytes codes = file.bytes(name + ".weight");
    for (std::size_t i = 0; i < matrix.codes.size(); ++i) {
      ASSERT_EQ(static_cast<std::int8_t>(codes.bytes()[i]), matrix.codes[i] - 128);
    }
  }
}

TEST(CompressedTensorsExport, WritesFloatFormats) {
  struct Case {
    const char *weights, *inputs, *format;
  };
  for (const Case& c : {Case{"fp8e4m3-sbf16", "a:fp8e4m3", "float-quantized"},
                        Case{"fp8e4m3-sbf16", "", "float-quantized"}, Case{"mxfp4", "a:mxfp4", "mxfp4-pack-quantized"},
                        Case{"nvfp4", "a:nvfp4", "nvfp4-pack-quantized"}, Case{"nvfp4", "", "nvfp4-pack-quantized"}}) {
    const ScratchFolder scratch;
    const ModelConfig config = exportable_config(Architecture::kQwen2);
    ModelPlan plan = plan_with(config, c.weights);
    if (*c.inputs != 0) {
      for (const Site site : kActivationSites) plan.set_format(site, parse_quant_format(c.inputs));
    }
    write_native(scratch.path() / "in", config, plan);
    const auto model = open_checkpoint(scratch.path() / "in");
    exported(*model, "compressed-tensors", scratch.path() / "out");
    EXPECT_EQ(config_of(scratch.path() / "out").at("quantization_config").at("format"), c.format);
    const SafetensorsFile file(scratch.path() / "out/model.safetensors");
    const std::string name = linear_name(0, LinearSlot::kO);
    const LinearWeight weight = model->linear(name);
    const auto& matrix = std::get<QuantizedMatrix>(weight.matrix);
    const bool fp8 = matrix.format.bits == 8;
    const MappedBytes codes = file.bytes(name + (fp8 ? ".weight" : ".weight_packed")),
                      scales = file.bytes(name + ".weight_scale");
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(matrix.codes.size()); ++i) {
      ASSERT_EQ(code_at(codes.bytes(), i, matrix.format.bits), matrix.codes[static_cast<std::size_t>(i)]) << c.weights;
    }
    const auto byte = static_cast<std::uint8_t>(scales.bytes()[0]);
    if (std::string(c.weights) == "mxfp4") {
      EXPECT_EQ(decode_e8m0(byte), matrix.scales[0]);
    }
    if (std::string(c.weights) != "nvfp4") continue;
    EXPECT_EQ(decode_e4m3(byte), matrix.scales[0]);
    EXPECT_EQ(file.read_f32(name + ".weight_global_scale"), std::vector<float>{matrix.global_scale});
    EXPECT_EQ(file.contains(name + ".input_global_scale"), *c.inputs != 0);
  }
}

// checkpoint_formats.md, section 3.4: the only scheme that vLLM takes, and scales of [1] on the attention.
TEST(CompressedTensorsExport, WritesTheScalesOfAnFp8Cache) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kLlama);
  ModelPlan plan = plan_with(config, "fp8e4m3-sbf16");
  testing::set_known_cache_scales(plan);
  write_native(scratch.path() / "in", config, plan);
  exported(*open_checkpoint(scratch.path() / "in"), "compressed-tensors", scratch.path() / "out");
  EXPECT_EQ(config_of(scratch.path() / "out").at("quantization_config").at("kv_cache_scheme").dump(),
            R"({"num_bits":8,"type":"float","symmetric":true,"strategy":"tensor","dynamic":false})");
  const SafetensorsFile file(scratch.path() / "out/model.safetensors");
  for (const auto& [name, bits] : {std::pair{"model.layers.1.self_attn.k_scale", 0x3FA0},     // 1.25
                                   std::pair{"model.layers.1.self_attn.v_scale", 0x3FC0}}) {  // 1.5
    EXPECT_EQ(file.entry(name).type, SafetensorsType::kBF16);
    EXPECT_EQ(file.entry(name).shape, std::vector<std::int64_t>{1});
    const MappedBytes scale = file.bytes(name);
    EXPECT_EQ(static_cast<int>(scale.bytes()[0]) + 256 * static_cast<int>(scale.bytes()[1]), bits);
  }
}

TEST(CompressedTensorsExport, RefusesOtherRoundedCaches) {
  const ModelConfig config = exportable_config(Architecture::kLlama);
  const auto refusal_of = [&](const std::function<void(ModelPlan&)>& change, const std::string& format) {
    const ScratchFolder scratch;
    ModelPlan plan = plan_with(config, "w4g32-sym-sf16");
    testing::set_known_cache_scales(plan);
    change(plan);
    write_native(scratch.path() / "in", config, plan);
    return testing::refusal(*open_checkpoint(scratch.path() / "in"), format, {.type = "f16"});
  };
  const auto as_it_is = [](ModelPlan&) {};
  EXPECT_EQ(refusal_of(as_it_is, "compressed-tensors"), "");
  EXPECT_THAT(refusal_of(as_it_is, "gptq"), HasSubstr("blocks[0].key has a rounded cache, k:fp8e4m3 static"));
  EXPECT_THAT(refusal_of([](ModelPlan& plan) { plan.blocks[1].at(Site::kValue) = {}; }, "compressed-tensors"),
              HasSubstr("keys and values of all blocks in fp8 with static_cache=true"));
  const auto per_head = [](ModelPlan& plan) {
    plan.blocks[1].at(Site::kKey) = {.format = parse_quant_format("k8-head-sym")};
  };
  EXPECT_THAT(refusal_of(per_head, "compressed-tensors"), HasSubstr("a rounded cache"));
}

TEST(CompressedTensorsExport, GivesEveryWidthAGroupOfItsOwn) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kLlama);
  ModelPlan plan = plan_with(config, "w4g32-asym-sbf16");
  apply_rule(plan, "mlp.down_proj = w8", "test");
  plan.blocks[1].weights.erase(LinearSlot::kO);
  write_native(scratch.path() / "in", config, plan);
  exported(*open_checkpoint(scratch.path() / "in"), "compressed-tensors", scratch.path() / "out");
  const OrderedJson quantization = config_of(scratch.path() / "out").at("quantization_config");
  EXPECT_EQ(quantization.at("config_groups").at("group_1").at("targets").dump(),
            R"(["model.layers.0.mlp.down_proj","model.layers.1.mlp.down_proj"])");
  EXPECT_EQ(quantization.at("config_groups").at("group_1").at("weights").at("num_bits"), 8);
  EXPECT_EQ(quantization.at("ignore").dump(), R"(["model.layers.1.self_attn.o_proj","lm_head"])");
}

}  // namespace
}  // namespace qreason
