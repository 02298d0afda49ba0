// What block passes see of the calibration: float and rounded propagation, and biases corrected by both.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "quantize/block_visit.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/passes/pass_table.h"
#include "quantize/runner.h"
#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

const CalibrationSet& calibration() {
  static const CalibrationSet kSet{.description = "random",
                                   .samples = {testing::random_tokens(24, 101, 1), testing::random_tokens(36, 101, 2)}};
  return kSet;
}

testing::RandomModel model() {
  return testing::RandomModel(testing::small_config(Architecture::kQwen2), 2);
}

Recipe rtn_with_calibration() {
  Recipe recipe = make_recipe("rtn-w2g16", {});
  recipe.calibration = CalibrationSpec{.samples = 2, .length = 36};
  return recipe;
}

void run(const WeightSource& source, const Recipe& recipe, BlockSink& sink) {
  Executor executor(1);
  const testing::ScratchFolder folder;
  run_recipe({.source = source,
              .recipe = recipe,
              .calibration = &calibration(),
              .sink = sink,
              .folder = folder.path(),
              .model_identity = "random"},
             executor);
}

// Keeps what it sees: the inputs of every block by either propagation, and whether q was rounded before it came.
class Witness : public BlockPass {
 public:
  struct Seen {
    std::vector<float> original, rounded;          // inputs
    std::vector<float> original_outputs, outputs;  // of the block as found and in work, on float inputs
    bool q_rounded = false, original_q_rounded = false;
  };
  Witness(Propagation propagation, std::vector<Seen>& seen) : propagation_(propagation), seen_(&seen) {}
  std::string_view kind() const override { return "witness"; }
  ParameterMap parameters() const override { return {}; }
  Propagation propagation() const override { return propagation_; }
  BlockWork work() const override { return BlockWork::kCorrect; }
  void extend_plan(const ModelConfig&, ModelPlan&) const override {}
  void apply(BlockVisit& block) const override {
    Seen seen;
    if (propagation_ != Propagation::kRounded) seen.original = rows(block.original(), Tap::kBlockInput);
    if (propagation_ != Propagation::kFloat) seen.rounded = rows(block, Tap::kBlockInput);
    if (propagation_ == Propagation::kFloat) {
      EXPECT_EQ(rows(block, Tap::kBlockInput), seen.original);
      seen.outputs = rows(block, Tap::kBlockOutput);
      seen.original_outputs = rows(block.original(), Tap::kBlockOutput);
      EXPECT_EQ(rows(block, Tap::kBlockOutput), seen.outputs);
    }
    if (propagation_ == Propagation::kRounded) {
      EXPECT_THROW(block.original().read(Tap::kBlockInput, 0), Error);
    }
    seen.q_rounded = block.linear(LinearSlot::kQ).quantized();
    seen.original_q_rounded = block.original().linear(LinearSlot::kQ).quantized();
    seen_->push_back(std::move(seen));
  }

 private:
  static std::vector<float> rows(BlockView& block, Tap tap) {
    std::vector<float> values;
    for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
      const ActivationRows rows = block.read(tap, sequence);
      values.insert(values.end(), rows.data, rows.data + rows.count * rows.width);
    }
    return values;
  }
  Propagation propagation_;
  std::vector<Seen>* seen_;
};

// What one block of `weights` makes of the inputs that `source` gives it.
std::vector<float> outputs_on(const WeightSource& source, const WeightSource& weights, std::int64_t layer) {
  Executor executor(1);
  CalibrationWalk walk(source, calibration().samples, {}, executor);
  for (std::int64_t before = 0; before < layer; ++before) {
    walk.enter(source, before);
    walk.leave();
  }
  walk.enter(weights, layer);
  std::vector<float> values;
  for (std::int64_t sequence = 0; sequence < walk.sequences(); ++sequence) {
    const ActivationRows rows = walk.read(Tap::kBlockOutput, sequence);
    values.insert(values.end(), rows.data, rows.data + rows.count * rows.width);
  }
  return values;
}

// The inputs of every block when `source` runs as it is.
std::vector<std::vector<float>> block_inputs(const WeightSource& source) {
  Executor executor(1);
  CalibrationWalk walk(source, calibration().samples, {}, executor);
  std::vector<std::vector<float>> inputs;
  for (std::int64_t layer = 0; layer < source.config().layers; ++layer) {
    walk.enter(source, layer);
    auto& values = inputs.emplace_back();
    for (std::int64_t sequence = 0; sequence < walk.sequences(); ++sequence) {
      const ActivationRows rows = walk.read(Tap::kBlockInput, sequence);
      values.insert(values.end(), rows.data, rows.data + rows.count * rows.width);
    }
    walk.leave();
  }
  return inputs;
}

TEST(Propagation, HandsOnFloatOrRoundedOutputsAsThePassSays) {
  const testing::RandomModel source = model();
  for (const Propagation propagation : {Propagation::kFloat, Propagation::kRounded, Propagation::kBoth}) {
    std::vector<Witness::Seen> seen;
    Recipe recipe = rtn_with_calibration();
    recipe.passes.push_back(std::make_shared<const Witness>(propagation, seen));
    testing::MemorySink sink;
    run(source, recipe, sink);
    const auto original = block_inputs(source), rounded = block_inputs(testing::SinkSource(sink));
    ASSERT_EQ(seen.size(), 3u);
    for (std::size_t layer = 0; layer < 3; ++layer) {
      if (propagation != Propagation::kRounded) {
        EXPECT_TRUE(testing::bits_equal(seen[layer].original, original[layer]));
      }
      if (propagation == Propagation::kFloat) {
        const auto block = static_cast<std::int64_t>(layer);
        EXPECT_TRUE(testing::bits_equal(seen[layer].outputs, outputs_on(source, testing::SinkSource(sink), block)));
        EXPECT_TRUE(testing::bits_equal(seen[layer].original_outputs, outputs_on(source, source, block)));
        EXPECT_FALSE(testing::bits_equal(seen[layer].original_outputs, seen[layer].outputs));
      }
      if (propagation != Propagation::kFloat) {
        EXPECT_TRUE(testing::bits_equal(seen[layer].rounded, rounded[layer]));
      }
      EXPECT_TRUE(seen[layer].q_rounded);
      EXPECT_FALSE(seen[layer].original_q_rounded);
    }
    EXPECT_FALSE(testing::bits_equal(original[2], rounded[2]));
  }
}

// The mean over all tokens of what q computes in the first block.
std::vector<double> mean_query(const WeightSource& source) {
  Executor executor(1);
  CalibrationWalk walk(source, calibration().samples, {}, executor);
  walk.enter(source, 0);
  std::vector<double> means;
  for (std::int64_t sequence = 0; sequence < walk.sequences(); ++sequence) {
    const ActivationRows rows = walk.read(Tap::kQuery, sequence);
    means.resize(static_cast<std::size_t>(rows.width));
    for (std::int64_t i = 0; i < rows.count * rows.width; ++i) {
      means[static_cast<std::size_t>(i % rows.width)] += rows.data[i] / static_cast<double>(calibration().tokens());
    }
  }
  return means;
}

double distance(const std::vector<double>& x, const std::vector<double>& y) {
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i] - y[i]));
  return largest;
}

// Where the inputs are the same, in the first block, the means are those of the float model again.
TEST(CorrectBiases, PutsTheMeansBack) {
  const testing::RandomModel source = model();
  const Recipe plain = rtn_with_calibration();
  Recipe corrected = plain;
  corrected.passes.push_back(make_pass("correct_biases", {}, "test"));
  testing::MemorySink before, after;
  run(source, plain, before);
  run(source, corrected, after);
  const std::vector<double> want = mean_query(source);
  EXPECT_GT(distance(mean_query(testing::SinkSource(before)), want), 1e-2);
  EXPECT_LT(distance(mean_query(testing::SinkSource(after)), want), 1e-5);
}

}  // namespace
}  // namespace qreason
