// AWQ's searches against the same searched directly, in double by tensor operations; folding against the function that
// must not change; and inputs and weights without meaning.
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "model/tensor_quantizer.h"
#include "quantize/awq_bench.h"
#include "quantize/awq_clips.h"
#include "quantize/awq_scales.h"
#include "quantize/block_in_work.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/module_loss.h"
#include "quantize/runner.h"
#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::Bench;
using ::testing::HasSubstr;
using testing::recipe_of;
using testing::values_of;

ModelConfig with_all_heads(ModelConfig config) {
  config.kv_heads = config.heads;
  return config;
}

at::Tensor rounded(const at::Tensor& weight, const QuantFormat& format) {
  return quantize_dequantize(weight, format, group_size_of(format, weight.size(1)));
}

struct DirectScales {
  std::vector<double> losses;
  std::int64_t best = -1;
  at::Tensor scales;
};

// Every output of every token.
DirectScales search_directly(const at::Tensor& x, const at::Tensor& weight, const QuantFormat& format, int steps) {
  DirectScales found;
  const at::Tensor mean = x.to(at::kDouble).abs().mean(0),
                   outputs = x.to(at::kDouble).matmul(weight.to(at::kDouble).t());
  double least = std::numeric_limits<double>::infinity();
  for (int step = 0; step < steps; ++step) {
    at::Tensor scales = at::clamp_min(at::pow(mean, static_cast<double>(step) / steps), 1e-4);
    scales = (scales / (scales.max() * scales.min()).sqrt()).to(at::kFloat);
    const at::Tensor candidate = rounded(weight * scales, format) / scales;
    const double loss =
        (x.to(at::kDouble).matmul(candidate.to(at::kDouble).t()) - outputs).square().mean().item<double>();
    found.losses.push_back(loss);
    if (loss >= least) continue;
    least = loss;
    found.best = step;
    found.scales = scales;
  }
  return found;
}

// What is shipped and trained, and (the shipped ones share key/value heads) a random one for v and o; so few tokens
// that their rows are kept, and so many that their Gram matrix is.
TEST(AwqScales, OfALinearAreThoseOfTheDirectSearch) {
  const auto trained = open_checkpoint(testing::project_path("models/steps-llama-1m"));
  const testing::RandomModel random(with_all_heads(testing::small_config(Architecture::kQwen2)), 3);
  const auto expect_same = [](const WeightSource& model, const std::string& method, std::int64_t layer, AwqGroup group,
                              std::int64_t tokens) {
    SCOPED_TRACE(fmt::format("{} {} {} tokens", method, name_of(group), tokens));
    const Recipe recipe = recipe_of(method);
    Bench bench(model, recipe, layer, tokens);
    const LinearSlot slot = readers_of(group).front();
    EXPECT_EQ(LinearChange::keeps_rows(bench.block->linear(slot).columns(), tokens / 2 * 3), tokens == 200);
    const GroupScales got = search_scales(*bench.block, group, {.judging = Judging::kToTheEnd});
    const DirectScales want = search_directly(bench.rows(*bench.block, tap_of(inputs_of(group))),
                                              bench.block->weight(slot), bench.block->format(slot), 20);
    EXPECT_EQ(got.best, want.best);
    EXPECT_TRUE(testing::all_close(std::span<const float>(got.scales), values_of(want.scales), {.relative = 1e-6}));
    for (std::size_t i = 0; i < 20; ++i) EXPECT_NEAR(got.losses[i] / want.losses[i], 1, 1e-4) << i;
  };
  for (const std::int64_t layer : {0, 2, 4}) {
    for (const char* method : {"awq-w4g64", "awq-w3c"}) expect_same(*trained, method, layer, AwqGroup::kDown, 200);
  }
  expect_same(*trained, "awq-w3g64", 1, AwqGroup::kDown, 800);
  for (const char* method : {"awq-w4g16", "awq-w3g16"}) expect_same(random, method, 1, AwqGroup::kO, 200);
  expect_same(random, "awq-w3g16", 1, AwqGroup::kO, 800);
}

TEST(AwqClips, ByTheGramMatrixAreThoseOfTheDirectSearch) {
  const auto model = open_checkpoint(testing::project_path("models/steps-llama-1m"));
  for (const char* method : {"awq-w4g64", "awq-w3g32", "awq-w3c"}) {
    SCOPED_TRACE(method);
    Bench bench(*model, recipe_of(method), 2);
    for (const LinearSlot slot : {LinearSlot::kV, LinearSlot::kO, LinearSlot::kUp, LinearSlot::kDown}) {
      SCOPED_TRACE(name_of(slot));
      const at::Tensor weight = bench.block->weight(slot);
      const QuantFormat& format = bench.block->format(slot);
      // 300 tokens, one in 3.
      const SampledRows inputs = sample_rows(*bench.block, input_site(slot), 100);
      const at::Tensor x = bench.rows(*bench.block, tap_of(input_site(slot))).slice(0, 0, 300, 3);
      ASSERT_EQ(inputs.count, 100);
      const GroupClips got = search_clips(values_of(weight), inputs, format, {}, bench.executor);
      const std::int64_t size = group_size_of(format, weight.size(1));
      const at::Tensor groups = weight.reshape({weight.size(0), -1, size}), largest = groups.abs().amax({-1}, true);
      const at::Tensor parts = x.to(at::kDouble).reshape({100, -1, size});
      at::Tensor least = at::full(largest.sizes(), std::numeric_limits<double>::infinity(), at::kDouble);
      at::Tensor bounds = largest.clone();
      for (int step = 0; step < 10; ++step) {
        const at::Tensor bound = largest * static_cast<float>(1 - step / 20.0);
        const at::Tensor cut = at::minimum(at::maximum(groups, -bound), bound);
        const at::Tensor error = (quantize_dequantize(cut, format, size) - groups).to(at::kDouble);
        const at::Tensor loss = at::einsum("tgj,rgj->rgt", {parts, error}).square().mean({-1}, true);
        const at::Tensor better = loss < least;
        least = at::where(better, loss, least);
        bounds = at::where(better, bound, bounds);
      }
      const at::Tensor same =
          bounds.flatten().eq(at::from_blob(const_cast<float*>(got.bounds.data()), {bounds.numel()}, at::kFloat));
      EXPECT_TRUE(same.all().item<bool>()) << bounds.numel() - same.sum().item<std::int64_t>() << " others";
      EXPECT_GT(got.shrunk, 0);
      EXPECT_EQ(got.shrunk, bounds.lt(largest).sum().item<std::int64_t>());
    }
  }
}

// AutoAWQ's formula, from the weights by tensor operations.
TEST(AwqScales, AreThoseOfActivationsAndWeightsWithDuoScaling) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 5);
  Bench bench(model, recipe_of("awq-w3g16"), 0);
  const GroupScales got =
      search_scales(*bench.block, AwqGroup::kGateUp, {.steps = 8, .rule = ScaleRule::kActivationsAndWeights});
  const at::Tensor both =
      at::cat({bench.block->weight(LinearSlot::kGate), bench.block->weight(LinearSlot::kUp)}).to(at::kDouble);
  const at::Tensor groups = both.abs().reshape({both.size(0), -1, 16});
  const at::Tensor weights = (groups / (groups.amax({-1}, true) + 1e-6)).reshape(both.sizes()).mean(0);
  const at::Tensor mean = bench.rows(*bench.block, Tap::kMlpInput).to(at::kDouble).abs().mean(0);
  const double ratio = static_cast<double>(got.best) / 8;
  at::Tensor want = at::clamp_min(at::pow(mean, ratio) / (at::pow(weights, 1 - ratio) + 1e-4), 1e-4);
  want = (want / (want.max() * want.min()).sqrt()).to(at::kFloat);
  EXPECT_TRUE(testing::all_close(std::span<const float>(got.scales), values_of(want), {.relative = 1e-5}));
  EXPECT_EQ(got.losses.size(), 8u);
}

GroupScales some_scales(AwqGroup group, std::int64_t channels) {
  GroupScales scales{.group = group, .losses = {1.0}};
  for (std::int64_t j = 0; j < channels; ++j) scales.scales.push_back(0.3f + 0.17f * static_cast<float>((7 * j) % 23));
  return scales;
}

// Folded, the block computes what it did, and its linears read inputs divided by the scales.
TEST(AwqScales, AreFoldedWithoutChangingTheFunction) {
  ModelConfig config = with_all_heads(testing::small_config(Architecture::kLlama));
  config.qkv_bias = config.output_bias = config.mlp_bias = true;
  const testing::RandomModel model(config, 6);
  Bench bench(model, recipe_of("awq-w4g16"), 1, 20);
  const std::vector<GroupScales> groups{some_scales(AwqGroup::kQkv, 48), some_scales(AwqGroup::kO, 48),
                                        some_scales(AwqGroup::kGateUp, 48), some_scales(AwqGroup::kDown, 80)};
  fold_scales(*bench.block, groups);
  const at::Tensor got = bench.rows(*bench.block, Tap::kBlockOutput),
                   want = bench.rows(bench.block->original(), Tap::kBlockOutput);
  EXPECT_LT((got - want).abs().max().item<double>(), 1e-5 * want.abs().max().item<double>());
  for (const GroupScales& group : groups) {
    const Tap tap = tap_of(inputs_of(group.group));
    const at::Tensor scales = at::tensor(group.scales);
    const at::Tensor scaled = bench.rows(*bench.block, tap), plain = bench.rows(bench.block->original(), tap);
    EXPECT_LT((scaled * scales - plain).abs().max().item<double>(), 1e-5 * plain.abs().max().item<double>())
        << name_of(group.group);
  }
  const at::Tensor weight = bench.block->weight(LinearSlot::kO);
  EXPECT_TRUE(weight.equal(bench.block->original().weight(LinearSlot::kO) * at::tensor(groups[1].scales)));
}

// A trial is what read() computes with and nothing else.
TEST(BlockInWork, ReadsWithATrialUntilItIsWithdrawn) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 7), other(model.config(), 8);
  Bench bench(model, recipe_of("awq-w4g16"), 1, 20);
  const at::Tensor before = bench.rows(*bench.block, Tap::kMlpUpdate);
  const at::Tensor matrix = other.linear(linear_name(1, LinearSlot::kUp)).dense_float32();
  bench.block->try_matrix(LinearSlot::kUp, matrix);
  const at::Tensor tried = bench.rows(*bench.block, Tap::kMlpUpdate);
  EXPECT_FALSE(tried.equal(before));
  EXPECT_TRUE(bench.rows(bench.block->original(), Tap::kMlpUpdate).equal(before));
  EXPECT_TRUE(bench.rows(*bench.block, Tap::kMlpUpdate).equal(tried));
  EXPECT_TRUE(
      bench.block->weight(LinearSlot::kUp).equal(model.linear(linear_name(1, LinearSlot::kUp)).dense_float32()));
  bench.block->withdraw();
  EXPECT_TRUE(bench.rows(*bench.block, Tap::kMlpUpdate).equal(before));
  bench.block->try_matrix(LinearSlot::kUp, matrix);
  bench.block->replace(LinearSlot::kDown, bench.block->linear(LinearSlot::kDown), {});
  EXPECT_TRUE(bench.rows(*bench.block, Tap::kMlpUpdate).equal(before));
}

// The updates are what is added to the hidden states.
TEST(CalibrationWalk, TapsWhatAttentionAndMlpAdd) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 9);
  Bench bench(model, recipe_of("awq-w4g16"), 0, 20);
  BlockView& view = bench.block->original();
  const at::Tensor sum =
      bench.rows(view, Tap::kBlockInput) + bench.rows(view, Tap::kAttentionUpdate) + bench.rows(view, Tap::kMlpUpdate);
  EXPECT_LT((sum - bench.rows(view, Tap::kBlockOutput)).abs().max().item<double>(), 1e-5);
}

class AwqRun : public ::testing::Test {
 protected:
  OrderedJson run(const Recipe& recipe, int threads = 1) {
    Executor executor(threads);
    const testing::ScratchFolder folder;
    const CalibrationSet calibration{
        .description = "random", .samples = {testing::random_tokens(24, 101, 1), testing::random_tokens(9, 101, 2)}};
    return run_recipe({.source = model_,
                       .recipe = recipe,
                       .calibration = &calibration,
                       .sink = sink_,
                       .folder = folder.path(),
                       .model_identity = "random"},
                      executor);
  }
  std::string failure(const Recipe& recipe) {
    try {
      run(recipe);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  at::Tensor changed(const std::string& name, const std::function<void(at::Tensor&)>& change) {
    at::Tensor tensor = model_.tensor(name).clone();
    change(tensor);
    model_.set_tensor(name, tensor);
    return tensor;
  }
  static const OrderedJson& linear(const OrderedJson& report, std::int64_t block, const std::string& pass,
                                   LinearSlot slot) {
    for (const OrderedJson& entry : report.at("blocks").at(static_cast<std::size_t>(block)).at("linears")) {
      if (entry.at("pass") == pass && entry.at("name") == linear_name(block, slot)) return entry;
    }
    throw Error("test", pass, "a line of the report");
  }

  testing::RandomModel model_{testing::small_config(Architecture::kQwen2), 10};
  testing::MemorySink sink_;
};

TEST_F(AwqRun, ReportsRatiosLossesAndClippedGroups) {
  const OrderedJson report = run(recipe_of("awq-w3g16"));
  const OrderedJson& scaled = linear(report, 1, "scale_awq", LinearSlot::kUp);
  EXPECT_GE(scaled.at("ratio"), 0);
  EXPECT_LT(scaled.at("ratio"), 1);
  EXPECT_GT(scaled.at("scale_loss"), 0);
  EXPECT_LE(scaled.at("scale_loss"), scaled.at("scale_loss_unscaled"));
  EXPECT_EQ(scaled.at("counts").at("dead_channels"), 0);
  const OrderedJson& clipped = linear(report, 1, "clip_awq", LinearSlot::kUp);
  EXPECT_GT(clipped.at("clipped_groups"), 0);
  EXPECT_LT(clipped.at("clipped_groups"), 1);
  EXPECT_THROW(linear(report, 1, "clip_awq", LinearSlot::kQ), Error);
  EXPECT_EQ(linear(report, 1, "round_rtn", LinearSlot::kQ).at("format"), "w3g16-asym-true");
  EXPECT_EQ(report.at("totals").at("linears"), 21);
}

// Channels that nothing activates, groups and whole linears of zeros: searched like all others, counted.
TEST_F(AwqRun, TakesDeadChannelsAndZeros) {
  changed("model.layers.1.input_layernorm.weight", [](at::Tensor& gain) { gain.slice(0, 5, 8).zero_(); });
  changed("model.layers.1.mlp.up_proj.weight", [](at::Tensor& w) { w.slice(0, 0, 3).slice(1, 16, 32).zero_(); });
  changed("model.layers.2.self_attn.o_proj.weight", [](at::Tensor& w) { w.zero_(); });
  changed("model.layers.2.post_attention_layernorm.weight", [](at::Tensor& gain) { gain.zero_(); });
  const OrderedJson report = run(recipe_of("awq-w4g16"));
  EXPECT_EQ(linear(report, 1, "scale_awq", LinearSlot::kQ).at("counts").at("dead_channels"), 3);
  EXPECT_EQ(linear(report, 1, "clip_awq", LinearSlot::kUp).at("counts").at("zero_groups"), 3);
  EXPECT_EQ(linear(report, 2, "clip_awq", LinearSlot::kO).at("counts").at("zero_groups"), 48 * 3);
  EXPECT_EQ(linear(report, 2, "clip_awq", LinearSlot::kO).at("clipped_groups"), 0);
  EXPECT_EQ(linear(report, 2, "scale_awq", LinearSlot::kGate).at("counts").at("dead_channels"), 48);
  EXPECT_EQ(linear(report, 2, "scale_awq", LinearSlot::kGate).at("ratio"), 0);
  EXPECT_EQ(report.at("totals").at("counts").at("failed_ratios"), 0);
  for (const auto& [name, tensor] : sink_.tensors()) EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  for (const auto& [name, weight] : sink_.linears()) {
    EXPECT_TRUE(weight.dense_float32().isfinite().all().item<bool>()) << name;
  }
}

TEST_F(AwqRun, NamesTheLinearWhoseNumbersAreNone) {
  const Recipe recipe = recipe_of("awq-w4g16");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor gain = model_.tensor("model.layers.1.post_attention_layernorm.weight");
  changed("model.layers.1.post_attention_layernorm.weight",
          [&](at::Tensor& values) { values.select(0, 4).fill_(nan); });
  EXPECT_THAT(failure(recipe),
              HasSubstr("model.layers.1.mlp.gate_proj: calibration inputs that are not finite, in channel 4"));
  model_.set_tensor("model.layers.1.post_attention_layernorm.weight", gain);
  const at::Tensor down = model_.tensor("model.layers.1.mlp.down_proj.weight");
  // Outputs beyond float32: no loss is a number.
  changed("model.layers.1.mlp.down_proj.weight", [](at::Tensor& w) { w.mul_(3e38f / w.abs().max()); });
  EXPECT_THAT(failure(recipe), HasSubstr("model.layers.1.mlp.gate_proj: no finite loss at any of 20 ratios"));
  model_.set_tensor("model.layers.1.mlp.down_proj.weight", down);
  changed("model.layers.0.self_attn.k_proj.weight", [&](at::Tensor& w) { w.select(0, 0).fill_(nan); });
  EXPECT_THAT(failure(recipe), HasSubstr("model.layers.0.self_attn.k_proj"));
}

// What the plan leaves float is neither searched for nor clamped; a group of which it leaves a part is searched for the
// rest.
TEST_F(AwqRun, LeavesWhatIsNotRounded) {
  Recipe recipe = parse_recipe(R"(
[calibration]
length = 32
[[pass]]
kind = "scale_awq"
groups = ["qkv", "gate_up", "down"]
[[pass]]
kind = "clip_awq"
[[pass]]
kind = "round_rtn"
format = "w4g16-asym-true"
rules = ["blocks[1], self_attn.q_proj = float"]
)",
                               "test");
  const OrderedJson report = run(recipe);
  EXPECT_TRUE(report.at("blocks").at(1).at("linears").empty());
  EXPECT_TRUE(sink_.linears()
                  .at(linear_name(1, LinearSlot::kUp))
                  .dense_float32()
                  .equal(model_.linear(linear_name(1, LinearSlot::kUp)).dense_float32()));
  const at::Tensor q = sink_.linears().at(linear_name(0, LinearSlot::kQ)).dense_float32();
  EXPECT_FALSE(sink_.linears().at(linear_name(0, LinearSlot::kQ)).quantized());
  EXPECT_FALSE(q.equal(model_.linear(linear_name(0, LinearSlot::kQ)).dense_float32())) << "scaled with k and v";
}

// AWQ's scales under GPTQ's rounding: float inputs for the one, rounded ones for the other.
TEST_F(AwqRun, PreparesForOtherRounding) {
  const OrderedJson report = run(parse_recipe(R"(
[calibration]
length = 32
[[pass]]
kind = "scale_awq"
[[pass]]
kind = "round_gptq"
format = "w3g16-asym-mse"
)",
                                              "test"));
  EXPECT_GT(linear(report, 2, "scale_awq", LinearSlot::kDown).at("scale_loss_unscaled"), 0);
  EXPECT_EQ(linear(report, 2, "round_gptq", LinearSlot::kDown).at("loss_of"), "outputs");
}

}  // namespace
}  // namespace qreason
