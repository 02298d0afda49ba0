// Keys with static ranges: what is measured, what is made of it, when keys lose their bias first, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "model/naive_decoder.h"
#include "quantize/calibration_walk.h"
#include "quantize/measured_ranges.h"
#include "quantize/methods/method_table.h"
#include "quantize/passes/key_ranges.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::calibration;
using testing::failure_of;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using testing::pass;
using testing::recipe_of;
using testing::run;

constexpr std::int64_t kChannels = 24;

testing::RandomModel model_of(Architecture architecture) {
  return testing::RandomModel(testing::small_config(architecture), 4);
}

const std::string kMeasured = pass("measure_keys");

std::vector<float> values_of(const Outcome& result, std::int64_t layer, std::string_view part) {
  const at::Tensor tensor = result.sink.tensors().at(site_tensor_name(layer, Site::kKey, part));
  const float* data = tensor.const_data_ptr<float>();
  return {data, data + tensor.numel()};
}

// 4 bits: s = (max - min) / 15, z = round(-min / s), 0 inside the range; by hand from the keys of the walk. The stage
// before the bias takes the bias from them first.
TEST(StaticKeys, HaveTheRangesOfTheCalibration) {
  const testing::RandomModel model = model_of(Architecture::kQwen2);
  for (const bool before_bias : {false, true}) {
    const Outcome result = run(
        model, recipe_of(kMeasured + pass("set_kv_format", std::string("keys = \"k4-channel-asym\"\n") +
                                                               "pre_bias_keys = " + (before_bias ? "true" : "false"))));
    Executor executor(1);
    CalibrationWalk walk(model, calibration().samples, {}, executor);
    walk.enter(model, 0);
    const at::Tensor bias = *model.linear("model.layers.0.self_attn.k_proj").bias;
    std::vector<double> low(kChannels, 0.0), high(kChannels, 0.0);
    for (std::int64_t sequence = 0; sequence < 2; ++sequence) {
      const ActivationRows rows = walk.read(Tap::kKey, sequence);
      for (std::int64_t i = 0; i < rows.count * rows.width; ++i) {
        const std::int64_t channel = i % rows.width;
        const double key = rows.data[i] - (before_bias ? bias.const_data_ptr<float>()[channel] : 0.0f);
        low[channel] = std::min(low[channel], key);
        high[channel] = std::max(high[channel], key);
      }
    }
    const std::vector<float> scales = values_of(result, 0, kStaticScale), zeros = values_of(result, 0, kStaticZero);
    ASSERT_EQ(scales.size(), static_cast<std::size_t>(kChannels));
    for (std::size_t j = 0; j < scales.size(); ++j) {
      const double scale = (high[j] - low[j]) / 15;
      EXPECT_NEAR(scales[j], scale, 1e-6 * scale);
      EXPECT_EQ(zeros[j], std::nearbyint(-low[j] / scale));
    }
    EXPECT_EQ(to_string(result.sink.plan().block(2).at(Site::kKey)),
              std::string("k4-channel-asym static ") + (before_bias ? "before-bias" : "before-rope"));
  }
}

// The model with its static tensors, run by the decoder written from the formulas, is not far from the float one; with
// the ranges of other blocks it would be.
TEST(StaticKeys, AreThoseOfTheModelAsTheLastExactPassLeavesIt) {
  const testing::RandomModel model = model_of(Architecture::kQwen2);
  const std::string keys = pass("set_kv_format", "keys = \"k8-channel-asym\"\npre_bias_keys = false");
  const Outcome plain = run(model, recipe_of(kMeasured + keys));
  const Outcome folded = run(model, recipe_of(pass("fold_norms") + kMeasured + keys));
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    const std::vector<float> a = values_of(plain, layer, kStaticScale), b = values_of(folded, layer, kStaticScale);
    for (std::size_t j = 0; j < a.size(); ++j) EXPECT_NEAR(b[j], a[j], 1e-5 * a[j]);
  }
  const auto tokens = calibration().samples.front();
  const testing::Rows got = testing::NaiveDecoder(testing::SinkSource(folded.sink)).logits(tokens);
  const testing::Rows want = testing::NaiveDecoder(model).logits(tokens);
  double distance = 0, energy = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    for (std::size_t j = 0; j < want[i].size(); ++j) {
      distance += (got[i][j] - want[i][j]) * (got[i][j] - want[i][j]);
      energy += want[i][j] * want[i][j];
    }
  }
  EXPECT_GT(distance, 0);
  EXPECT_LT(distance, 1e-3 * energy);
}

// A channel whose keys are all 0 has the range -1 to 1: s = 2 / 15, which float32 rounds up, so that 1 / s is a little
// below 7.5 and z = 7.
TEST(StaticKeys, DefineAChannelThatIsAlwaysZero) {
  testing::RandomModel model = model_of(Architecture::kLlama);
  at::Tensor keys = model.tensor("model.layers.1.self_attn.k_proj.weight").clone();
  keys.select(0, 5).zero_();
  model.set_tensor("model.layers.1.self_attn.k_proj.weight", keys);
  const std::string parameters = "keys = \"k4-channel-asym\"\npre_bias_keys = false";
  const Outcome result = run(model, recipe_of(kMeasured + pass("set_kv_format", parameters)));
  EXPECT_EQ(values_of(result, 1, kStaticScale)[5], 2.0f / 15.0f);
  EXPECT_EQ(values_of(result, 1, kStaticZero)[5], 7.0f);
}

TEST(StaticKeys, NameTheBlockAndChannelOfAKeyThatIsNotFinite) {
  testing::RandomModel model = model_of(Architecture::kLlama);
  at::Tensor keys = model.tensor("model.layers.1.self_attn.k_proj.weight").clone();
  keys.select(0, 7).select(0, 3).fill_(NAN);
  model.set_tensor("model.layers.1.self_attn.k_proj.weight", keys);
  EXPECT_THAT(failure_of(model, kMeasured + pass("set_kv_format", "keys = \"k4-channel-asym\"")),
              HasSubstr("measure_keys: keys of block 1: nan in channel 7"));
}

testing::RandomModel with_bias_times(double factor) {
  testing::RandomModel model = model_of(Architecture::kQwen2);
  const std::string name = "model.layers.1.self_attn.k_proj.bias";
  model.set_tensor(name, model.tensor(name).mul(factor));
  return model;
}

// Biases of 0.5 where a normed input gives 1.5: 3 times 8 and something above.
TEST(StaticKeys, LoseALargeBiasFirst) {
  EXPECT_FALSE(has_large_key_bias(model_of(Architecture::kLlama)));
  EXPECT_FALSE(has_large_key_bias(with_bias_times(1)));
  EXPECT_FALSE(has_large_key_bias(with_bias_times(16)));
  EXPECT_TRUE(has_large_key_bias(with_bias_times(40)));
}

TEST(StaticKeys, SayInTheRecipeWhatWasDecided) {
  const Recipe recipe = make_recipe("kvquant_star-k4v3", parse_assignments(std::vector<std::string>{"length=31"}));
  EXPECT_THAT(to_toml(recipe), HasSubstr("pre_bias_keys = \"auto\""));
  const auto expect = [&](const WeightSource& model, const std::string& said, const std::string& stage) {
    const Outcome result = run(model, recipe);
    EXPECT_THAT(result.report.at("text").get<std::string>(), HasSubstr("pre_bias_keys = " + said));
    EXPECT_EQ(to_string(result.sink.plan().block(0).at(Site::kKey)), "k4-channel-asym static " + stage);
    EXPECT_EQ(to_string(result.sink.plan().block(0).at(Site::kValue)), "v3-head-asym");
    EXPECT_EQ(result.report.at("text"), to_toml(decided(recipe, model)));
  };
  expect(with_bias_times(40), "true", "before-bias");
  expect(with_bias_times(1), "false", "before-rope");
  expect(model_of(Architecture::kLlama), "false", "before-rope");
}

TEST(StaticKeys, AreRefusedWhereTheyHaveNoMeaning) {
  const testing::RandomModel llama = model_of(Architecture::kLlama), qwen = model_of(Architecture::kQwen2);
  const std::string keys = pass("set_kv_format", "keys = \"k4-channel-asym\"");
  EXPECT_EQ(failure_of(qwen, kMeasured + keys), "no error");
  EXPECT_THAT(failure_of(llama, kMeasured + pass("set_kv_format", "keys = \"k4-channel-asym\"\npre_bias_keys = true")),
              HasSubstr("pre_bias_keys: true for a model without key biases"));
  EXPECT_THAT(failure_of(qwen, keys), HasSubstr("set_kv_format without measure_keys"));
  EXPECT_THAT(failure_of(qwen, keys + kMeasured), HasSubstr("set_kv_format without measure_keys"));
  EXPECT_THAT(failure_of(qwen, kMeasured + pass("fold_norms") + keys),
              HasSubstr("fold_norms between measure_keys and set_kv_format"));
  EXPECT_THAT(failure_of(qwen, kMeasured + keys + pass("fold_norms")), HasSubstr("fold_norms after set_kv_format"));
  EXPECT_THAT(failure_of(qwen, kMeasured + pass("set_kv_format", "keys = \"k4-head-asym\"")),
              HasSubstr("measure_keys that no pass reads"));
  EXPECT_THAT(failure_of(qwen, pass("set_kv_format", "keys = \"k4-head-asym\"\npre_bias_keys = true")),
              HasSubstr("unknown parameter pre_bias_keys"));
  EXPECT_THAT(failure_of(qwen, kMeasured + pass("set_kv_format", "keys = \"k4-channel-asym\"\npre_bias_keys = 1")),
              HasSubstr("auto, true, false"));
  for (const char* name : {"kvquant_star-w4a8kv4", "kvquant_star-w4c", "kvquant_star-k16v4"}) {
    EXPECT_THROW(make_recipe(name, {}), Error) << name;
  }
}

testing::RandomModel normed_with_keys_times(double factor) {
  ModelConfig config = model_of(Architecture::kQwen3).config();
  config.qkv_bias = config.output_bias = true;
  testing::RandomModel model(config, 7);
  for (const char* part : {"weight", "bias"}) {
    const std::string name = std::string("model.layers.1.self_attn.k_proj.") + part;
    model.set_tensor(name, model.tensor(name).mul(factor));
  }
  return model;
}

// Behind a norm of heads lie what RoPE turns: the size of what the norm reads tells nothing of them, nor does its bias.
TEST(StaticKeys, AreThoseBehindANormOfHeads) {
  const std::string keys = "keys = \"k4-channel-asym\"\npre_bias_keys = ";
  const auto scales = [&](double factor) {
    return values_of(
        run(normed_with_keys_times(factor), recipe_of(kMeasured + pass("set_kv_format", keys + "\"auto\""))), 1,
        kStaticScale);
  };
  const std::vector<float> one = scales(1), many = scales(64);
  ASSERT_EQ(one.size(), many.size());
  for (std::size_t j = 0; j < one.size(); ++j) EXPECT_NEAR(many[j] / one[j], 1, 1e-3) << j;
  EXPECT_FALSE(has_large_key_bias(normed_with_keys_times(4096)));
  EXPECT_THAT(failure_of(normed_with_keys_times(1), kMeasured + pass("set_kv_format", keys + "true")),
              HasSubstr("a model whose keys pass a norm behind their bias"));
}

TEST(StaticKeys, FollowRules) {
  const testing::RandomModel model = model_of(Architecture::kQwen2);
  const Outcome result = run(
      model, recipe_of(kMeasured + pass("set_kv_format",
                                        "keys = \"k4-channel-asym\"\nvalues = \"v4-head-asym\"\npre_bias_keys = false\n"
                                        "rules = [\"blocks[0] = float\", \"blocks[1].key = k8\", "
                                        "\"blocks[2].key = k6-head-asym after-rope\"]")));
  const ModelPlan& plan = result.sink.plan();
  EXPECT_EQ(to_string(plan.block(0).at(Site::kKey)), "float");
  EXPECT_EQ(to_string(plan.block(1).at(Site::kKey)), "k8-channel-asym static before-rope");
  EXPECT_EQ(to_string(plan.block(2).at(Site::kKey)), "k6-head-asym");
  EXPECT_EQ(result.sink.tensors().count(site_tensor_name(1, Site::kKey, kStaticScale)), 1u);
  EXPECT_EQ(result.sink.tensors().count(site_tensor_name(0, Site::kKey, kStaticScale)), 0u);
  EXPECT_EQ(result.sink.tensors().count(site_tensor_name(2, Site::kKey, kStaticScale)), 0u);
}

}  // namespace
}  // namespace qreason
