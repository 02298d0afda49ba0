// The method AWQ and the recipes that its passes may stand in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quantize/recipe_support.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::method;

ModelConfig small_config() {
  ModelConfig config = testing::small_config(Architecture::kQwen2);
  config.hidden_size = 128;
  config.intermediate_size = 384;
  config.head_dim = 32;
  config.max_positions = 4096;
  return config;
}

TEST(Methods, HaveTheStudysAwq) {
  const Recipe awq = method("awq-w3g128");
  EXPECT_EQ(awq.calibration, (CalibrationSpec{.samples = 128, .length = 512, .cut = SampleCut::kShortTexts}));
  ASSERT_EQ(awq.passes.size(), 3u);
  EXPECT_EQ(to_toml(awq), to_toml(parse_recipe(R"(
name = "awq-w3g128"
[calibration]
source = "embedded"
samples = 128
length = 512
cut = "short-texts"
[[pass]]
kind = "scale_awq"
search_steps = 20
duo_scaling = false
groups = ["qkv", "o", "gate_up", "down"]
[[pass]]
kind = "clip_awq"
search_steps = 20
largest_shrink = 0.5
tokens = 512
linears = "v, o, gate, up, down"
[[pass]]
kind = "round_rtn"
format = "w3g128-asym-true"
)",
                                               "test")));
}

TEST(Methods, TakeTheParametersOfAwq) {
  const Recipe recipe = method("awq-w4a8", {"group=32", "symmetric=true", "scale_type=float16", "search_steps=7",
                                            "duo_scaling=true", "clip=false", "samples=4", "length=256"});
  EXPECT_EQ(recipe.name, "awq-w4g32a8");
  ASSERT_EQ(recipe.passes.size(), 3u);
  const ParameterMap scaling = pass_of(recipe.passes[1]).parameters();
  EXPECT_EQ(std::get<std::int64_t>(scaling.at("search_steps")), 7);
  EXPECT_TRUE(std::get<bool>(scaling.at("duo_scaling")));
  EXPECT_EQ(to_string(validate(recipe, small_config()).blocks.back().weights.at(LinearSlot::kUp)),
            "w4g32-sym-true-sf16");
  EXPECT_EQ(recipe.calibration->samples, 4);
  EXPECT_EQ(recipe.calibration->length, 256);
  EXPECT_THAT(message_of([] { method("awq-w4g32", {"mse_search=true"}); }), HasSubstr("unknown parameter mse_search"));
  EXPECT_THAT(message_of([] { method("awq-w4g32", {"search_steps=0"}); }), HasSubstr("search_steps: 0"));
  EXPECT_THAT(message_of([] { method("awq-a8kv8"); }), HasSubstr("no weight bits"));
}

TEST(Recipe, RefusesAwqPassesWithoutMeaning) {
  const auto refuse = [](const std::string& passes) {
    return message_of([&] { validate(parse_recipe("[calibration]\n" + passes, "r"), small_config()); });
  };
  const std::string scale = "[[pass]]\nkind = \"scale_awq\"\n", clip = "[[pass]]\nkind = \"clip_awq\"\n";
  const std::string round = "[[pass]]\nkind = \"round_rtn\"\nformat = \"w4g32-asym\"\n";
  EXPECT_EQ(refuse(scale + clip + round), "no error");
  EXPECT_THAT(refuse(scale), HasSubstr("scale_awq: no linear of its groups that is rounded"));
  EXPECT_THAT(refuse(clip + round + "linears = \"q, k\""), HasSubstr("clip_awq: no linear of its own"));
  EXPECT_THAT(refuse(scale + "groups = [\"o\"]\n" + round), HasSubstr("no linear of its groups"));
  EXPECT_THAT(refuse(scale + "groups = [\"qkv\", \"mlp\"]\n" + round), HasSubstr("qkv, o, gate_up, down"));
  EXPECT_THAT(refuse(clip + "largest_shrink = 1.5\n" + round), HasSubstr("largest_shrink: 1.5"));
  EXPECT_THAT(refuse(clip + "tokens = 0\n" + round), HasSubstr("tokens: 0"));
}

// Scales do not pass an online transform that stands between what is divided and what is multiplied.
TEST(Recipe, RefusesAwqScalesAcrossOnlineTransforms) {
  const ModelConfig config = small_config();
  ModelPlan plan = validate(method("awq-w4g32"), config);
  plan.blocks[1].at(Site::kMlpMiddle).transform =
      OnlineTransform{.kind = TransformKind::kHadamard, .left = 1, .right = 128};
  const auto check = [&](const std::string& groups) {
    const Recipe recipe = parse_recipe("[[pass]]\nkind = \"scale_awq\"\ngroups = " + groups, "r");
    return message_of(
        [&] { std::get<std::shared_ptr<const BlockPass>>(recipe.passes.front())->extend_plan(config, plan); });
  };
  EXPECT_THAT(check("[\"qkv\", \"down\"]"), HasSubstr("down with an online transform at mlp_mid"));
  EXPECT_EQ(check("[\"qkv\", \"gate_up\"]"), "no error");
}

}  // namespace
}  // namespace qreason
