// Calibration in reference blocks, as a device of libtorch's runs it, against packed blocks on the processor's kernels.
#include "quantize/walked_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/error.h"
#include "quantize/all_taps.h"
#include "quantize/calibration_walk.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/runner.h"
#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/guarded_backend.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::kAllTaps;

const std::vector<std::vector<std::int32_t>>& samples() {
  static const std::vector<std::vector<std::int32_t>> kSamples{testing::random_tokens(40, 101, 1),
                                                               testing::random_tokens(17, 101, 2)};
  return kSamples;
}

void expect_close_taps(CalibrationWalk& got, CalibrationWalk& want) {
  for (const Tap tap : kAllTaps) {
    for (std::int64_t sequence = 0; sequence < want.sequences(); ++sequence) {
      const ActivationRows a = got.read(tap, sequence), b = want.read(tap, sequence);
      ASSERT_EQ(a.count, b.count);
      ASSERT_EQ(a.width, b.width);
      const auto size = static_cast<std::size_t>(a.count * a.width);
      EXPECT_TRUE(
          testing::all_close(std::span(a.data, size), std::span(b.data, size), {.absolute = 2e-5, .relative = 2e-5}))
          << static_cast<int>(tap);
    }
  }
}

// Every tap of every block, and again with a linear and a gain replaced.
TEST(ReferenceBlocks, TellWhatPackedBlocksTell) {
  for (const ModelConfig& config : testing::small_configs()) {
    SCOPED_TRACE(hf_class_name(config.architecture));
    const testing::RandomModel model(config, 3), other(config, 4);
    Executor executor(2);
    CalibrationWalk packed(model, samples(), {}, executor);
    CalibrationWalk reference(model, samples(), {.device = at::Device(at::kCPU)}, executor);
    for (std::int64_t layer = 0; layer < model.config().layers; ++layer) {
      for (CalibrationWalk* walk : {&packed, &reference}) walk->enter(model, layer);
      expect_close_taps(reference, packed);
      for (CalibrationWalk* walk : {&packed, &reference}) {
        walk->replace(LinearSlot::kK, other.linear(linear_name(layer, LinearSlot::kK)));
        for (const BlockNorm norm : block_norms(config)) {
          if (norm != BlockNorm::kInput)
            walk->replace_gain(norm, other.tensor(block_tensor_name(layer, name_of(norm))));
        }
      }
      expect_close_taps(reference, packed);
      for (CalibrationWalk* walk : {&packed, &reference}) walk->leave();
    }
  }
}

// A walk sees activations and cache as they are, whatever the plan says of them.
TEST(ReferenceBlocks, QuantizeNothing) {
  testing::RandomModel model(testing::small_config(Architecture::kQwen2), 3);
  ModelPlan plan = uniform_plan(model.config().layers);
  for (const char* rule : {"attn_in, mlp_mid = a4-token-sym", "key = k2-head-asym", "value = v2-head-asym"})
    apply_rule(plan, rule, "test");
  const testing::RandomModel plain(model.config(), 3);
  model.set_plan(plan);
  Executor executor(1);
  CalibrationWalk got(model, samples(), {.device = at::Device(at::kCPU)}, executor),
      want(plain, samples(), {}, executor);
  got.enter(model, 0);
  want.enter(plain, 0);
  expect_close_taps(got, want);
}

TEST(ReferenceBlocks, MakeTheCheckpointThatPackedOnesMakeUpToRounding) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 5);
  const CalibrationSet calibration{.description = "random", .samples = samples()};
  Executor executor(2);
  Recipe recipe = make_recipe("gptq-w4c", {});
  recipe.calibration = CalibrationSpec{.source = "random", .samples = 2, .length = 40};
  const auto run = [&](testing::MemorySink& sink, std::optional<at::Device> device) {
    const testing::ScratchFolder folder;
    return run_recipe({.source = model,
                       .recipe = recipe,
                       .calibration = &calibration,
                       .sink = sink,
                       .folder = folder.path(),
                       .model_identity = "random",
                       .device = device},
                      executor);
  };
  testing::MemorySink packed, reference;
  const OrderedJson want = run(packed, std::nullopt), got = run(reference, at::Device(at::kCPU));
  EXPECT_FALSE(want.contains("device"));
  EXPECT_EQ(got.at("device"), "cpu");
  const testing::SinkSource a(reference), b(packed);
  std::int64_t codes = 0, other = 0;
  for (std::int64_t layer = 0; layer < model.config().layers; ++layer) {
    for (const LinearSlot slot : kLinearSlots) {
      const LinearWeight mine = a.linear(linear_name(layer, slot)), theirs = b.linear(linear_name(layer, slot));
      const auto& x = std::get<QuantizedMatrix>(mine.matrix).codes;
      const auto& y = std::get<QuantizedMatrix>(theirs.matrix).codes;
      ASSERT_EQ(x.size(), y.size());
      for (std::size_t i = 0; i < x.size(); ++i) other += x[i] != y[i] ? 1 : 0;
      codes += static_cast<std::int64_t>(x.size());
    }
  }
  EXPECT_LT(other, codes / 200);  // codes at a border, and those behind them in their row
}

// Finite numbers whose squares are not: what fails inside of a linear is told by its name.
TEST(RoundingPasses, NameTheLinearThatTheyCannotRound) {
  for (const char* method : {"gptq-w4c", "gptq-w4g4", "rtn-w4c"}) {
    testing::RandomModel model(testing::small_config(Architecture::kQwen2), 5);
    const std::string name = linear_name(1, LinearSlot::kO);
    model.set_tensor(name + ".weight", model.tensor(name + ".weight").mul(3e37));
    Recipe recipe = make_recipe(method, {});
    const CalibrationSet calibration{.description = "random", .samples = samples()};
    if (recipe.calibration) recipe.calibration = CalibrationSpec{.source = "random", .samples = 2, .length = 40};
    const testing::ScratchFolder folder;
    testing::MemorySink sink;
    Executor executor(1);
    const QuantizeJob job{.source = model,
                          .recipe = recipe,
                          .calibration = recipe.calibration ? &calibration : nullptr,
                          .sink = sink,
                          .folder = folder.path(),
                          .model_identity = "random"};
    try {
      run_recipe(job, executor);
      EXPECT_FALSE(recipe.calibration) << method;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::StartsWith("model.layers.1.self_attn.o_proj: ")) << method;
    }
  }
}

TEST(PackedBlocks, NeedMemoryOfTheHost) {
  const testing::GuardedBackend backend;
  Executor executor(1, backend);
  EXPECT_THAT([&] { packed_blocks(testing::small_config(Architecture::kLlama), 4, executor); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("guarded, expected a backend whose memory")));
}

}  // namespace
}  // namespace qreason
