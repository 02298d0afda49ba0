#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quantize/recipe_support.h"

namespace qreason {
namespace {

using ::testing::AnyOf;
using testing::format_of;
using ::testing::HasSubstr;
using testing::message_of;
using testing::method;
using testing::small_model;
using testing::split_list;
using ::testing::StartsWith;

// Every parameter that a method's help lists is one that it takes; a calibration only where one is asked for.
TEST(Methods, TakeTheParametersThatTheirHelpLists) {
  for (const Method& row : all_methods()) {
    const std::string example = split_list(row.example).back();
    for (const MethodParameter& parameter : row.parameters) {
      ParameterMap given{{std::string(parameter.name), ParameterValue(TextList{"no such value"})}};
      if (row.name == "fp8") given.emplace("static_cache", true);
      const std::string failure = message_of([&] { make_recipe(example, given); });
      EXPECT_THAT(failure, HasSubstr(std::string(parameter.name))) << row.name;
      if (failure.find("unknown parameter") != std::string::npos) {
        // It belongs to what the example leaves as it is.
        EXPECT_THAT(parameter.name, AnyOf(StartsWith("activation_"), StartsWith("k"), StartsWith("value_")))
            << row.name;
      }
    }
  }
}

TEST(Methods, HaveTheStudysDefaultsOfSmoothQuantAndKvQuant) {
  const Recipe smooth = method("smoothquant-w8a8kv8-tp2");
  EXPECT_EQ(smooth.calibration, (CalibrationSpec{.samples = 128, .length = 2048}));
  const ParameterMap rounding = pass_of(smooth.passes.back()).parameters();
  EXPECT_EQ(std::get<std::string>(rounding.at("format")), "w8c-sym-mse");
  EXPECT_FALSE(std::get<bool>(rounding.at("act_order")));
  EXPECT_FALSE(std::get<bool>(rounding.at("static_groups")));
  EXPECT_FALSE(rounding.contains("asymmetric_calibration"));
  EXPECT_EQ(std::get<double>(pass_of(smooth.passes[3]).parameters().at("alpha")), 0.85);
  const ModelPlan plan = validate(smooth, small_model());
  EXPECT_EQ(format_of(plan, LinearSlot::kDown), "w8g192-sym-mse");
  EXPECT_EQ(to_string(plan.blocks.back().at(Site::kMlpMiddle)), "a8-g192-asym");
  EXPECT_EQ(to_string(plan.blocks.back().at(Site::kKey)), "k8-head-asym");
  EXPECT_EQ(to_string(plan.blocks.back().at(Site::kValue)), "v8-head-asym");

  const Recipe keys = method("kvquant_star-kv4", {"kv_group=16", "value_clip=0.9", "key_clip=0.8"});
  EXPECT_EQ(keys.calibration, (CalibrationSpec{.samples = 512, .length = 512, .cut = SampleCut::kTexts}));
  EXPECT_THAT(to_toml(keys), HasSubstr("length = 512\ncut = \"texts\"\n"));
  const ModelPlan cache = validate(keys, small_model());
  EXPECT_TRUE(cache.blocks.back().weights.empty());
  EXPECT_EQ(to_string(cache.blocks.back().at(Site::kKey)), "k4-channel-asym-clip0.8 static before-rope");
  EXPECT_EQ(to_string(cache.blocks.back().at(Site::kValue)), "v4-g16-asym-clip0.9");
  EXPECT_THAT(message_of([] { method("smoothquant-w8a8kv8", {"alpha=1.5"}); }), HasSubstr("alpha: 1.5"));
  for (const char* name : {"gptq-w4g32", "smoothquant-w8a8kv8"}) {
    const Recipe asymmetric = method(name, {"asymmetric_calibration=true"});
    EXPECT_EQ(propagation_of(asymmetric), Propagation::kBoth) << name;
    EXPECT_EQ(propagation_of(method(name)), Propagation::kRounded) << name;
  }
}

}  // namespace
}  // namespace qreason
