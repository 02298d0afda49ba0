// FlatQuant's trainings of one block of a small model: what they learn from sequences of several lengths and from steps
// in parts, and where they are cut off or diverge.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "model/rope_table.h"
#include "quantize/block_in_work.h"
#include "quantize/flatquant/block_trainer.h"
#include "quantize/flatquant/viewed_weights.h"
#include "quantize/flatquant/visited_block.h"
#include "quantize/recipe_support.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::random_tokens;
using testing::RandomModel;
using testing::ScratchFolder;
using testing::small_config;

ModelPlan plan_of(const ModelConfig& config) {
  Recipe recipe = make_recipe("flatquant-w4a4kv4", {});
  recipe.calibration->length = 16;
  return validate(recipe, config);
}

// One block of a small model on its way through training.
class Training {
 public:
  explicit Training(int threads) : Training(six_samples(), threads) {}
  explicit Training(const std::vector<std::vector<std::int32_t>>& samples = six_samples(), int threads = 1)
      : executor_(threads),
        walk_(model_, samples, {}, executor_),
        found_(model_, 0),
        view_(found_, &walk_, executor_),
        weights_(view_),
        shape_(flat_shape(model_.config(), 1)),
        plan_(plan_of(model_.config())),
        block_(weights_, 0, plan_.block(0), shape_, executor_),
        rope_(model_.config()),
        angles_(reference_angles(rope_, model_.config(), longest_of(samples), {.type = at::kFloat})),
        data(training_data(view_, view_)) {}

  // What was learned, all of it one after the other.
  at::Tensor run(const BlockProgress& progress, TrainingResult& result) {
    FlatState state = published_start(view_, weights_, shape_, Parametrization::kInverse).state;
    std::vector<std::int64_t> sequences(data.lengths.size());
    std::iota(sequences.begin(), sequences.end(), 0);
    std::rotate(sequences.begin(), sequences.begin() + 2 % sequences.size(), sequences.end());
    const BatchOrder order(static_cast<std::size_t>(epochs), sequences);
    result =
        BlockTrainer(block_, data, order, {.epochs = epochs, .batch_size = batch_size, .learning_rate = rate}, angles_)
            .run(state, progress, "block 0");
    std::vector<at::Tensor> all;
    state.visit([&](const std::string&, at::Tensor& value, FlatState::Kind) { all.push_back(value.flatten()); });
    return at::cat(all);
  }
  at::Tensor run(const BlockProgress& progress) {
    TrainingResult ignored;
    return run(progress, ignored);
  }

  // The losses of three steps of all sequences, of one length, each in one piece.
  std::vector<double> losses_of_whole_steps() {
    FlatState state = published_start(view_, weights_, shape_, Parametrization::kInverse).state;
    AdamW optimizer;
    std::vector<double> starts;
    state.visit([&](const std::string&, at::Tensor& value, FlatState::Kind kind) {
      value = value.detach().requires_grad_(true);
      starts.push_back(kind == FlatState::Kind::kClip ? 5e-2 : rate);
      optimizer.add(value, starts.back());
    });
    at::Tensor inputs = at::empty({data.sequences(), data.longest(), data.width}), targets = at::empty_like(inputs);
    for (std::int64_t i = 0; i < data.sequences(); ++i) {
      data.read_input(i, inputs[i]);
      data.read_target(i, targets[i]);
    }
    std::vector<double> losses;
    for (std::int64_t step = 0; step < 3; ++step) {
      for (std::size_t i = 0; i < starts.size(); ++i) {
        optimizer.parameters()[i].learning_rate = cosine_rate(starts[i], 5e-6, step, 3);
      }
      const at::Tensor loss = block_loss(block_, state, inputs, targets, angles_);
      losses.push_back(loss.item<double>());
      optimizer.clear_gradients();
      loss.backward();
      optimizer.step(1 / losses.back());
    }
    return losses;
  }

 private:
  static std::int64_t longest_of(const std::vector<std::vector<std::int32_t>>& samples) {
    std::size_t longest = 0;
    for (const auto& sample : samples) longest = std::max(longest, sample.size());
    return static_cast<std::int64_t>(longest);
  }
  static std::vector<std::vector<std::int32_t>> six_samples() {
    std::vector<std::vector<std::int32_t>> all;
    for (std::uint64_t seed = 0; seed < 6; ++seed) all.push_back(random_tokens(16, 101, seed));
    return all;
  }

  Executor executor_;
  RandomModel model_{small_config(Architecture::kQwen2), 7};
  CalibrationWalk walk_;
  BlockWeights found_;
  FloatBlock view_;
  ViewedWeights weights_;
  FlatShape shape_;
  ModelPlan plan_;
  FlatBlock block_;
  RopeTable rope_;
  ReferenceAngles angles_;

 public:
  TrainingData data;
  double rate = 5e-3;
  std::int64_t batch_size = 4, epochs = 3;
};

// The loss before training of sequences alone, and of all of them as one batch.
TEST(BlockTrainer, GivesEveryTokenTheSameWeightWhereLengthsDiffer) {
  const BlockProgress nowhere({}, {});
  const std::vector<std::vector<std::int32_t>> samples{random_tokens(16, 101, 0), random_tokens(3, 101, 1),
                                                       random_tokens(9, 101, 2)};
  // The start is made from the largest inputs of all sequences: the same ones are there in each of the trainings.
  const auto start_loss = [&](std::size_t alone) {
    Training training(samples);
    if (alone < samples.size()) {
      training.data.lengths = {training.data.lengths[alone]};
      for (auto* read : {&training.data.read_input, &training.data.read_target}) {
        *read = [alone, all = *read](std::int64_t, const at::Tensor& rows) {
          all(static_cast<std::int64_t>(alone), rows);
        };
      }
    }
    TrainingResult result;
    training.run(nowhere, result);
    EXPECT_LT(result.mean_loss(2), result.start_loss);
    return result.start_loss;
  };
  EXPECT_NEAR(start_loss(9), (16 * start_loss(0) + 3 * start_loss(1) + 9 * start_loss(2)) / 28, 1e-6 * start_loss(9));
}

struct Killed {};

TEST(BlockTrainer, EndsWithTheSameBitsWhereverItWasCutOff) {
  const BlockProgress nowhere({}, {});
  const at::Tensor whole = Training().run(nowhere);
  // 6 sequences are read to know the loss before, then 6 an epoch, then 6 to know the loss behind.
  for (const int reads : {3, 8, 13, 16, 20, 23, 26}) {
    SCOPED_TRACE(reads);
    const ScratchFolder folder;
    const BlockProgress progress(folder.path() / "state", "a run");
    Training cut;
    int left = reads;
    cut.data.read_target = [&left, read = cut.data.read_target](std::int64_t sequence, const at::Tensor& rows) {
      if (left-- == 0) throw Killed();
      read(sequence, rows);
    };
    EXPECT_THROW(cut.run(progress), Killed);
    EXPECT_EQ(progress.load().has_value(), reads > 12);
    EXPECT_EQ(BlockProgress(folder.path() / "state", "another run").load(), std::nullopt);
    TrainingResult result;
    EXPECT_TRUE(at::equal(Training().run(progress, result), whole));
    EXPECT_EQ(result.step_losses.size(), 3u);
  }
}

TEST(BlockTrainer, EndsWithTheSameBitsWithAnyThreads) {
  const BlockProgress nowhere({}, {});
  EXPECT_TRUE(at::equal(Training(3).run(nowhere), Training().run(nowhere)));
}

// A number that is not finite begins the block again with half the rates, from the start.
TEST(BlockTrainer, BeginsAgainWithHalfTheRateWhereItDiverges) {
  const BlockProgress nowhere({}, {});
  Training slower;
  slower.rate /= 2;
  Training broken;
  int reads = 0;
  broken.data.read_target = [&reads, read = broken.data.read_target](std::int64_t sequence, const at::Tensor& rows) {
    read(sequence, rows);
    if (++reads == 15) rows.data_ptr<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  };
  TrainingResult result;
  const at::Tensor again = broken.run(nowhere, result);
  EXPECT_EQ(result.restarts, 1);
  EXPECT_EQ(result.step_losses.size(), 3u);
  // Clips learn at half their rate too, which `slower` leaves: the transforms of the first step alone are the same.
  EXPECT_FALSE(at::equal(again, Training().run(nowhere)));
}

TEST(BlockTrainer, SaysSoWhereNoRateHelps) {
  const ScratchFolder folder;
  const BlockProgress progress(folder.path() / "state", "a run");
  Training broken;
  broken.data.read_target = [](std::int64_t, const at::Tensor& rows) {
    rows.data_ptr<float>()[0] = std::numeric_limits<float>::infinity();
  };
  EXPECT_THAT(message_of([&] { broken.run(progress); }), HasSubstr("diverged 4 times"));
  Training wild;
  wild.rate = 1e30;
  EXPECT_THAT(message_of([&] { wild.run(BlockProgress({}, {})); }), HasSubstr("block 0: "));
}

// What the only step learned is seen by no other step: it is judged all the same.
TEST(BlockTrainer, JudgesTheLastStep) {
  Training wild;
  wild.rate = 1e30;
  wild.epochs = 1;
  wild.batch_size = 6;
  EXPECT_THAT(message_of([&] { wild.run(BlockProgress({}, {})); }), HasSubstr("diverged 4 times"));
  Training tame;
  tame.epochs = 1;
  tame.batch_size = 6;
  TrainingResult result;
  tame.run(BlockProgress({}, {}), result);
  EXPECT_EQ(result.step_losses, std::vector({std::vector({result.start_loss})}));
  EXPECT_LT(result.end_loss, result.start_loss);
}

// Ten sequences at a time, then two: as if they were together.
TEST(BlockTrainer, AddsUpTheGradientsOfTheParts) {
  std::vector<std::vector<std::int32_t>> samples;
  for (std::uint64_t seed = 0; seed < 12; ++seed) samples.push_back(random_tokens(250, 101, seed));
  ASSERT_LT(kTokensAtOnce, 12 * 250);
  Training training(samples);
  training.batch_size = 12;
  TrainingResult result;
  training.run(BlockProgress({}, {}), result);
  const std::vector<double> want = Training(samples).losses_of_whole_steps();
  ASSERT_EQ(result.step_losses.size(), want.size());
  for (std::size_t step = 0; step < want.size(); ++step) {
    EXPECT_NEAR(result.step_losses[step].front(), want[step], 1e-3 * want[step]) << step;
  }
  EXPECT_LT(want[2], 0.98 * want[0]);
}

}  // namespace
}  // namespace qreason
