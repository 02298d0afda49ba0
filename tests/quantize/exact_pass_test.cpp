// Exact passes: the view computes the function of the model, in double by the tests' own decoder; and what smoothing
// measures and scales is what the published implementation does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "model/naive_decoder.h"
#include "quantize/block_in_work.h"
#include "quantize/exact_views.h"
#include "quantize/oracle_case.h"
#include "quantize/passes/pass_table.h"
#include "quantize/passes/smooth_norms.h"
#include "quantize/recipe.h"
#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::exact;

Statistics measured(const WeightSource& source, const std::vector<std::vector<std::int32_t>>& samples) {
  Executor executor(2);
  CalibrationWalk walk(source, samples, {}, executor);
  ModelBehind behind(source, {}, executor);
  Statistics statistics;
  const auto pass = std::get<std::shared_ptr<const StatisticsPass>>(make_pass("measure_channels", {}, "test"));
  for (std::int64_t layer = 0; layer < source.config().layers; ++layer) {
    const BlockWeights weights(source, layer);
    BlockOnTrial block(weights, walk, behind, executor);
    pass->look(block, statistics);
    block.leave();
  }
  return statistics;
}

// Largest difference of the logits over the largest logit. A view that rounds its weights to float32 moves each by up
// to 2^-24 of itself, which three blocks let grow some times.
double distance(const WeightSource& got, const WeightSource& want, std::int64_t vocabulary) {
  const auto tokens = testing::random_tokens(9, vocabulary, 5);
  const testing::Rows a = testing::NaiveDecoder(got).logits(tokens), b = testing::NaiveDecoder(want).logits(tokens);
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[i].size(); ++j) {
      difference = std::max(difference, std::abs(a[i][j] - b[i][j]));
      largest = std::max(largest, std::abs(b[i][j]));
    }
  }
  return difference / largest;
}

ModelConfig biased_llama() {
  ModelConfig config = testing::small_config(Architecture::kLlama);
  config.qkv_bias = config.output_bias = config.mlp_bias = true;
  return config;
}

// In float64 throughout, models and views, nothing is rounded: what is left is the function itself.
TEST(ExactPass, KeepsTheFunctionInFloat64) {
  ModelConfig untied = testing::small_config(Architecture::kQwen2);
  untied.tied_embeddings = false;
  untied.kv_heads = untied.heads;
  using Views = std::vector<std::pair<std::string, ParameterMap>>;
  const Views fold{{"fold_norms", {}}}, outliers{{"insert_outliers", {{"channels", std::int64_t{2}}}}};
  const Views smooth{{"smooth_norms", {{"alpha", 0.5}}}};
  const Views all{fold[0], outliers[0], smooth[0]};
  for (const ModelConfig& config : {testing::small_config(Architecture::kQwen2), untied, biased_llama(),
                                    testing::small_configs().back(), testing::small_config(Architecture::kMistral)}) {
    const testing::RandomModel model(config, 16, at::kDouble);
    const std::vector<std::vector<std::int32_t>> samples{testing::random_tokens(20, config.vocab_size, 1)};
    const Statistics statistics = measured(testing::RandomModel(config, 16), samples);
    for (const Views& views : {fold, outliers, smooth, all}) {
      const testing::ViewStack stack(model, views, 1, statistics);
      EXPECT_LT(testing::double_distance(stack.source(), model), 1e-12) << views.back().first;
      EXPECT_EQ(stack.source().tensor(kEmbeddingName).scalar_type(), at::kDouble);
    }
  }
}

// Products of 16-bit numbers are exact in float32: folding a bfloat16 model changes nothing at all.
TEST(ExactPass, FoldsNormsWithoutChangingTheFunction) {
  for (const ModelConfig& config :
       {testing::small_config(Architecture::kQwen2), biased_llama(), testing::small_config(Architecture::kQwen3)}) {
    for (const auto& [type, tolerance] : {std::pair(at::kBFloat16, 1e-12), std::pair(at::kFloat, 1e-6)}) {
      const testing::RandomModel model(config, 11, type);
      const Statistics none;
      const auto folded = exact("fold_norms")->view(model, none);
      EXPECT_LT(distance(*folded, model, config.vocab_size), tolerance);
      EXPECT_FALSE(folded->config().tied_embeddings);
      if (config.query_key_norm) {
        const std::string kept = block_tensor_name(1, kKeyNorm);
        EXPECT_TRUE(folded->tensor(kept).equal(model.tensor(kept)));
      }
      for (const char* norm : {"model.norm.weight", "model.layers.2.input_layernorm.weight",
                               "model.layers.0.post_attention_layernorm.weight"}) {
        EXPECT_TRUE(folded->tensor(norm).eq(1).all().item<bool>()) << norm;
        EXPECT_EQ(folded->tensor(norm).scalar_type(), type) << norm;
      }
    }
  }
}

TEST(ExactPass, InsertsOutliersWithoutChangingTheFunction) {
  const testing::RandomModel model(biased_llama(), 12);
  const Statistics none;
  const auto view = exact("insert_outliers", {{"channels", std::int64_t{2}}})->view(model, none);
  EXPECT_LT(distance(*view, model, 101), 1e-12);
}

TEST(ExactPass, SmoothsWithoutChangingTheFunction) {
  for (const ModelConfig& config : {testing::small_config(Architecture::kQwen2), biased_llama()}) {
    const testing::RandomModel model(config, 13);
    const Statistics statistics = measured(model, {testing::random_tokens(20, config.vocab_size, 1)});
    const auto view = exact("smooth_norms", {{"alpha", 0.5}})->view(model, statistics);
    EXPECT_LT(distance(*view, model, config.vocab_size), 1e-6);
    EXPECT_FALSE(view->tensor("model.layers.1.input_layernorm.weight")
                     .equal(model.tensor("model.layers.1.input_layernorm.weight")));
  }
}

// Views lie over one another, as a recipe lays them.
TEST(ExactPass, LiesOverAnotherView) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 14);
  const Statistics none;
  const auto folded = exact("fold_norms")->view(model, none);
  const auto outliers = exact("insert_outliers")->view(*folded, none);
  const Statistics statistics = measured(*outliers, {testing::random_tokens(20, 101, 1)});
  const auto smoothed = exact("smooth_norms")->view(*outliers, statistics);
  EXPECT_LT(distance(*smoothed, model, 101), 2e-6);
}

// The largest |x| over all tokens, found here by hand from the walk's rows; and a NaN is told by name.
TEST(MeasureChannels, FindsTheLargestOfEveryChannel) {
  const testing::RandomModel model(testing::small_config(Architecture::kLlama), 15);
  const std::vector<std::vector<std::int32_t>> samples{testing::random_tokens(7, 101, 1),
                                                       testing::random_tokens(5, 101, 2)};
  const Statistics statistics = measured(model, samples);
  Executor executor(1);
  CalibrationWalk walk(model, samples, {}, executor);
  walk.enter(model, 0);
  std::vector<float> want(80, 0.0f);
  for (std::int64_t sequence = 0; sequence < 2; ++sequence) {
    const ActivationRows rows = walk.read(Tap::kMlpMiddle, sequence);
    for (std::int64_t i = 0; i < rows.count * rows.width; ++i) {
      want[i % 80] = std::max(want[i % 80], std::abs(rows.data[i]));
    }
  }
  EXPECT_EQ(statistics.at("layers.0.mlp_mid.absmax"), want);
  Statistics found;
  EXPECT_THROW(found.put("x", {1, NAN}), Error);
}

// tests/data/quantize/smoothquant_qwen2_tiny.json: the published implementation; tolerance of the oracle's README.
TEST(Oracle, SmoothQuantMeasuresAndScalesAsPublished) {
  QREASON_REQUIRE_ORACLE(model, "qwen2-tiny");
  const Json golden =
      Json::parse(std::ifstream(testing::project_path("tests/data/quantize/smoothquant_qwen2_tiny.json")))
          .at("tensors");
  const auto expect_close = [&](std::span<const float> got, const std::string& name) {
    EXPECT_TRUE(testing::all_close(got, golden.at(name).get<std::vector<float>>(), {.relative = 2e-6})) << name;
  };
  const auto source = open_checkpoint(model);
  const Statistics statistics = measured(*source, testing::golden_tokens(model, "calib"));
  const auto view = exact("smooth_norms", {{"alpha", 0.85}})->view(*source, statistics);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    const std::string prefix = "layers." + std::to_string(layer) + ".";
    for (const auto& [site, inputs] :
         {std::pair(Site::kAttentionInput, "qkv"), std::pair(Site::kMlpInput, "gate_up")}) {
      const std::vector<float>& maxima = statistics.at(channel_maxima_name(layer, name_of(site)));
      expect_close(maxima, prefix + "act_max." + inputs);
      const std::vector<double> scales = smoothing_scales(*source, layer, site, maxima, 0.85);
      expect_close(std::vector<float>(scales.begin(), scales.end()), prefix + "smooth." + inputs);
      const char* norm = site == Site::kAttentionInput ? kInputNorm : kPostNorm;
      const at::Tensor gain = view->tensor(block_tensor_name(layer, norm));
      expect_close({gain.const_data_ptr<float>(), static_cast<std::size_t>(gain.numel())}, prefix + norm);
    }
  }
}

}  // namespace
}  // namespace qreason
