// Block passes that replace the gains of norms: what the block then computes, what is written, and what a resumed run
// computes with.
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "base/error.h"
#include "cli/native_sink.h"
#include "quantize/block_visit.h"
#include "quantize/memory_sink.h"
#include "quantize/passes/pass_table.h"
#include "quantize/recipe_support.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

struct Killed {};

constexpr std::array kNorms{BlockNorm::kInput, BlockNorm::kPost};

Site site_of(BlockNorm norm) {
  return norm == BlockNorm::kInput ? Site::kAttentionInput : Site::kMlpInput;
}

// Powers of two, so that folding them changes no bit of what the block computes.
at::Tensor scales_of(std::int64_t layer, std::int64_t channels) {
  at::Tensor scales = at::empty({channels}, at::kFloat);
  for (std::int64_t j = 0; j < channels; ++j) {
    scales.data_ptr<float>()[j] = std::exp2(static_cast<float>((j + layer) % 7 - 3));
  }
  return scales;
}

void scale_gain(BlockVisit& block, BlockNorm norm) {
  block.replace_gain(norm, block.gain(norm).to(at::kFloat).mul(scales_of(block.layer(), block.config().hidden_size)));
}

void unscale_readers(BlockVisit& block, BlockNorm norm) {
  for (const LinearSlot slot : kLinearSlots) {
    if (input_site(slot) != site_of(norm)) continue;
    LinearWeight weight = block.linear(slot);
    weight.matrix = block.weight(slot).div(scales_of(block.layer(), block.config().hidden_size));
    block.replace(slot, std::move(weight), {});
  }
}

std::vector<float> rows_of(BlockView& block, Tap tap) {
  std::vector<float> values;
  for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
    const ActivationRows rows = block.read(tap, sequence);
    values.insert(values.end(), rows.data, rows.data + rows.count * rows.width);
  }
  return values;
}

// Does as it is told with a block.
class TestPass : public BlockPass {
 public:
  using Action = std::function<void(BlockVisit&)>;
  explicit TestPass(Action action, BlockWork work = BlockWork::kPrepare) : action_(std::move(action)), work_(work) {}
  std::string_view kind() const override { return "test_pass"; }
  ParameterMap parameters() const override { return {}; }
  Propagation propagation() const override { return Propagation::kBoth; }
  BlockWork work() const override { return work_; }
  void extend_plan(const ModelConfig&, ModelPlan&) const override {}
  void apply(BlockVisit& block) const override { action_(block); }

 private:
  Action action_;
  BlockWork work_;
};

PassPointer test_pass(TestPass::Action action, BlockWork work = BlockWork::kPrepare) {
  return std::make_shared<const TestPass>(std::move(action), work);
}

PassPointer fold_scales() {
  return test_pass([](BlockVisit& block) {
    for (const BlockNorm norm : kNorms) {
      scale_gain(block, norm);
      unscale_readers(block, norm);
    }
  });
}

class NormGain : public ::testing::Test {
 protected:
  static Recipe recipe_of(std::vector<PassPointer> passes) {
    return {.name = "gains", .calibration = CalibrationSpec{.samples = 2, .length = 24}, .passes = std::move(passes)};
  }
  void run(const Recipe& recipe, BlockSink& sink, const std::filesystem::path& folder) const {
    Executor executor(1);
    run_recipe({.source = model_,
                .recipe = recipe,
                .calibration = &calibration_,
                .sink = sink,
                .folder = folder,
                .model_identity = "random"},
               executor);
  }
  void run(const Recipe& recipe) const {
    const testing::ScratchFolder folder;
    testing::MemorySink sink;
    run(recipe, sink, folder.path());
  }

  // bfloat16 norms: the replaced gains are of another type than the model's.
  const testing::RandomModel model_{testing::small_config(Architecture::kQwen2), 4, at::kBFloat16};
  const CalibrationSet calibration_{.description = "random",
                                    .samples = {testing::random_tokens(24, 101, 1), testing::random_tokens(9, 101, 2)}};
};

TEST_F(NormGain, IsWrittenAndTheFunctionIsTheSameBitForBit) {
  const testing::ScratchFolder folder;
  testing::MemorySink sink;
  run(recipe_of({fold_scales()}), sink, folder.path());
  const testing::SinkSource written(sink);
  const std::string name = "model.layers.1.post_attention_layernorm.weight";
  EXPECT_TRUE(written.tensor(name).equal(model_.tensor(name).to(at::kFloat).mul(scales_of(1, 48))));
  Executor executor(1);
  CalibrationWalk got(written, calibration_.samples, {}, executor), want(model_, calibration_.samples, {}, executor);
  for (std::int64_t layer = 0; layer < model_.config().layers; ++layer) {
    got.enter(written, layer);
    want.enter(model_, layer);
    for (std::int64_t sequence = 0; sequence < want.sequences(); ++sequence) {
      const ActivationRows x = got.read(Tap::kBlockOutput, sequence), y = want.read(Tap::kBlockOutput, sequence);
      ASSERT_TRUE(std::equal(x.data, x.data + x.count * x.width, y.data)) << layer;
    }
    got.leave();
    want.leave();
  }
}

// What was computed with the old gain is forgotten, from the norm on and no further back.
TEST_F(NormGain, IsWhatTheTapsComputeWith) {
  int blocks = 0;
  run(recipe_of({test_pass([&](BlockVisit& block) {
    ++blocks;
    for (const BlockNorm norm : kNorms) {
      const Tap input = tap_of(site_of(norm)),
                behind = norm == BlockNorm::kInput ? Tap::kAttentionOutput : Tap::kMlpMiddle;
      const std::vector<float> x = rows_of(block, input), y = rows_of(block, behind);
      scale_gain(block, norm);
      const std::vector<float> scaled = rows_of(block, input);
      const at::Tensor scales = scales_of(block.layer(), 48);
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(scaled[i], x[i] * scales.const_data_ptr<float>()[i % 48]);
      }
      EXPECT_NE(rows_of(block, behind), y);
      unscale_readers(block, norm);
      EXPECT_EQ(rows_of(block, behind), y);
      EXPECT_EQ(rows_of(block.original(), input), x);
      EXPECT_TRUE(block.original().gain(norm).equal(model_.tensor(block_tensor_name(block.layer(), name_of(norm)))));
      EXPECT_EQ(block.gain(norm).scalar_type(), at::kFloat);
    }
    EXPECT_EQ(rows_of(block, Tap::kBlockOutput), rows_of(block.original(), Tap::kBlockOutput));
  })}));
  EXPECT_EQ(blocks, 3);
}

std::map<std::string, std::string> files_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    files[entry.path().filename().string()] = std::string(std::istreambuf_iterator<char>(in), {});
  }
  files.erase(kRunJournal);  // holds seconds
  return files;
}

// The blocks before the kill are read from their parts, gains included: with the model's own the inputs of all that
// follows would be others.
TEST_F(NormGain, IsThereAgainAfterAKill) {
  const auto rounding = parse_recipe("[[pass]]\nkind = \"round_gptq\"\nformat = \"w3g16-asym\"", "test").passes[0];
  int left = -1;
  const auto dies = test_pass([&](BlockVisit&) {
    if (left-- == 0) throw Killed{};
  });
  const Recipe recipe = recipe_of({fold_scales(), dies, rounding});
  ThreadPool pool(1);
  const testing::ScratchFolder whole;
  {
    NativeSink sink(whole.path(), pool);
    run(recipe, sink, whole.path());
  }
  const auto want = files_of(whole.path());
  ASSERT_EQ(want.size(), 4u + 2);  // three blocks, what is outside; index and config
  for (const int block : {0, 1, 2}) {
    SCOPED_TRACE(block);
    const testing::ScratchFolder folder;
    left = block;
    {
      NativeSink sink(folder.path(), pool);
      EXPECT_THROW(run(recipe, sink, folder.path()), Killed);
    }
    left = -1;
    NativeSink sink(folder.path(), pool);
    run(recipe, sink, folder.path());
    EXPECT_TRUE(files_of(folder.path()) == want);
  }
}

TEST_F(NormGain, IsRefusedWhereItDoesNotFit) {
  const auto replaced_by = [&](const at::Tensor& gain) {
    return message_of(
        [&] { run(recipe_of({test_pass([&](BlockVisit& block) { block.replace_gain(BlockNorm::kPost, gain); })})); });
  };
  EXPECT_EQ(replaced_by(at::ones({48})), "no error");
  EXPECT_THAT(replaced_by(at::ones({47})), HasSubstr("model.layers.0.post_attention_layernorm.weight"));
  EXPECT_THAT(replaced_by(at::ones({48}, at::kLong)), HasSubstr("post_attention_layernorm"));
}

// Floats are prepared before they are rounded, and nothing but corrections comes after a correction.
TEST_F(NormGain, IsFoldedBeforeItsLinearsAreRounded) {
  const auto rounding = parse_recipe("[[pass]]\nkind = \"round_rtn\"\nformat = \"w8c-sym\"", "test").passes[0];
  EXPECT_EQ(message_of([&] { run(recipe_of({fold_scales(), rounding})); }), "no error");
  EXPECT_THAT(message_of([&] { run(recipe_of({rounding, fold_scales()})); }), HasSubstr("test_pass after round_rtn"));
  // Where only some are rounded before, the block says so.
  const auto some = [](const std::string& linears) {
    return parse_recipe("[[pass]]\nkind = \"round_rtn\"\nformat = \"w8c-sym\"\nlinears = \"" + linears + "\"", "test")
        .passes[0];
  };
  EXPECT_THAT(message_of([&] {
                run(recipe_of({some("q, k, v"), fold_scales(), some("o, gate, up, down")}));
              }),
              HasSubstr("floats where codes are"));
  const auto nothing = test_pass([](BlockVisit&) {}, BlockWork::kCorrect);
  EXPECT_THAT(message_of([&] {
                run(recipe_of({rounding, nothing, fold_scales()}));
              }),
              HasSubstr("test_pass after test_pass"));
  EXPECT_THAT(message_of([&] { run(recipe_of({fold_scales(), nothing})); }), HasSubstr("before anything is rounded"));
}

}  // namespace
}  // namespace qreason
