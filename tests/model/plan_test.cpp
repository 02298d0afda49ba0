// Plans and the places they name.
#include "model/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;

ModelPlan full_plan() {
  ModelPlan plan;
  for (const LinearSlot slot : kLinearSlots) plan.weights[slot] = parse_quant_format("w4c-sym");
  plan.weights[LinearSlot::kDown] = parse_quant_format("w4g128-asym-mse");
  for (const Site site : kActivationSites) plan.activations[site] = parse_quant_format("a8-token-asym");
  plan.keys = parse_quant_format("k4-head-asym");
  plan.values = parse_quant_format("v4-head-asym-clip0.95");
  plan.tensor_parallel = 2;
  return plan;
}

std::string failure_of(const char* text) {
  try {
    parse_model_plan(parse_json(text, "text"), "config.json");
  } catch (const Error& failure) {
    return failure.what();
  }
  return "no error";
}

TEST(ModelPlan, ComesBackFromItsJson) {
  const ModelPlan plan = full_plan();
  EXPECT_EQ(parse_model_plan(parse_json(to_json(plan).dump(), "written"), "written"), plan);
  EXPECT_EQ(parse_model_plan(parse_json(to_json(ModelPlan{}).dump(), "written"), "written"), ModelPlan{});
  EXPECT_EQ(to_json(plan)["weights"]["mlp.down_proj"], "w4g128-asym-mse");
}

TEST(ModelPlan, IsNamedByItsBitsAsInTheStudy) {
  EXPECT_EQ(short_name(ModelPlan{}), "BF16");
  EXPECT_EQ(short_name(full_plan()), "W4A8KV4");
  ModelPlan weights;
  weights.weights[LinearSlot::kQ] = parse_quant_format("w3g128-asym");
  EXPECT_EQ(short_name(weights), "W3A16KV16");
  weights.weights[LinearSlot::kK] = parse_quant_format("w8c-sym");
  EXPECT_EQ(short_name(weights), "W3-8A16KV16");
  ModelPlan cache;
  cache.keys = parse_quant_format("k4-head-asym");
  cache.values = parse_quant_format("v3-head-asym");
  EXPECT_EQ(short_name(cache), "W16A16K4V3");
}

TEST(ModelPlan, NamesWhatItCannotRead) {
  EXPECT_THAT(failure_of(R"({"weigths": {}})"), HasSubstr("weigths"));
  EXPECT_THAT(failure_of(R"({"weights": {"self_attn.x_proj": "w4c-sym"}})"), HasSubstr("self_attn.x_proj"));
  EXPECT_THAT(failure_of(R"({"weights": {"self_attn.q_proj": "a8-token-asym"}})"), HasSubstr("a8-token-asym"));
  EXPECT_THAT(failure_of(R"({"weights": {"self_attn.q_proj": "w99"}})"), HasSubstr("w99"));
  EXPECT_THAT(failure_of(R"({"weights": {"self_attn.q_proj": 4}})"), HasSubstr("self_attn.q_proj"));
  EXPECT_THAT(failure_of(R"({"weights": []})"), HasSubstr("weights"));
  EXPECT_THAT(failure_of(R"({"activations": {"key": "a8-token-asym"}})"), HasSubstr("key"));
  EXPECT_THAT(failure_of(R"({"keys": "v4-head-asym"})"), HasSubstr("v4-head-asym"));
  EXPECT_THAT(failure_of(R"({"tensor_parallel": 0})"), HasSubstr("tensor_parallel"));
  EXPECT_THAT(failure_of(R"([])"), HasSubstr("array"));
}

TEST(Site, NamesItsPlacesAsHuggingFaceDoes) {
  EXPECT_EQ(linear_name(3, LinearSlot::kDown), "model.layers.3.mlp.down_proj");
  EXPECT_EQ(linear_name(0, LinearSlot::kQ), "model.layers.0.self_attn.q_proj");
  EXPECT_EQ(input_site(LinearSlot::kV), Site::kAttentionInput);
  EXPECT_EQ(input_site(LinearSlot::kO), Site::kAttentionOutput);
  EXPECT_EQ(input_site(LinearSlot::kUp), Site::kMlpInput);
  EXPECT_EQ(input_site(LinearSlot::kDown), Site::kMlpMiddle);
  for (const LinearSlot slot : kLinearSlots) {
    EXPECT_EQ(is_row_parallel(slot), slot == LinearSlot::kO || slot == LinearSlot::kDown);
  }
}

}  // namespace
}  // namespace qreason
