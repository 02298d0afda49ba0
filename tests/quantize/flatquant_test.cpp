// FlatQuant on small random models: sizes, parametrizations, plans, gradients of the quantizers against plain formulas,
// trainings that are cut off or diverge.
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/safetensors.h"
#include "model/decoder.h"
#include "quantize/block_in_work.h"
#include "quantize/flatquant/learned_quantizer.h"
#include "quantize/flatquant/viewed_weights.h"
#include "quantize/flatquant/visited_block.h"
#include "quantize/memory_sink.h"
#include "quantize/passes/correct_biases.h"
#include "quantize/recipe_support.h"
#include "quantize/runner.h"
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

Recipe flat_recipe(const std::string& name, std::vector<std::string> settings = {}) {
  Recipe recipe = make_recipe(name, parse_assignments(settings));
  recipe.calibration->length = 16;
  return recipe;
}

TEST(FlatShape, HasTheFactorsNearestToTheRoot) {
  const auto sizes = [](std::int64_t n) {
    const KroneckerSizes found = kronecker_sizes(n);
    return std::pair(found.left, found.right);
  };
  EXPECT_EQ(sizes(1536), std::pair(32l, 48l));  // the studied models: methods.md, section 10
  EXPECT_EQ(sizes(8960), std::pair(80l, 112l));
  EXPECT_EQ(sizes(18944), std::pair(128l, 148l));
  EXPECT_EQ(sizes(4096), std::pair(64l, 64l));
  EXPECT_EQ(sizes(128), std::pair(8l, 16l));
  EXPECT_EQ(sizes(15), std::pair(3l, 5l));
  EXPECT_EQ(sizes(30), std::pair(5l, 6l));  // no factors of one parity
}

at::Tensor random_matrix(std::int64_t size) {
  return at::randn({size, size}, at::kFloat) + 3 * at::eye(size, at::kFloat);
}

// Whatever was learned, U and V stay orthogonal: the matrix times its inverse is one.
TEST(LearnedMatrix, KeepsItsInverseInBothParametrizations) {
  const at::Tensor start = random_matrix(12), one = at::eye(12, at::kFloat);
  for (const Parametrization how : {Parametrization::kInverse, Parametrization::kSvd}) {
    LearnedMatrix learned(start, how);
    EXPECT_TRUE(at::allclose(learned.matrix(), start, 1e-5, 1e-5));
    learned.visit("t", [](const std::string&, at::Tensor& value) { value = value + 0.05 * at::randn_like(value); });
    EXPECT_FALSE(at::allclose(learned.matrix(), start, 1e-2, 1e-2));
    EXPECT_TRUE(at::allclose(at::matmul(learned.matrix(), learned.inverse_transposed().t()), one, 1e-4, 1e-4));
  }
  std::vector<std::string> names;
  LearnedMatrix(start, Parametrization::kSvd).visit("t", [&](const std::string& name, at::Tensor&) {
    names.push_back(name);
  });
  EXPECT_THAT(names, ::testing::ElementsAre("t.skew_u", "t.skew_v", "t.diagonal"));
}

// d(sum c Q(x)) by hand for one row of four, codes 0..15: x / s = 12.1, -2.9, 5.45, 0.25 with s = (max a - min b) / 15.
TEST(LearnedQuantizer, PassesGradientsThroughScalesAndNotThroughZeroPoints) {
  const LearnedClip clip{at::zeros({1}, at::kDouble).requires_grad_(true),
                         at::zeros({1}, at::kDouble).requires_grad_(true)};  // ratios of one half
  const std::vector<double> numbers{6.0, -1.5, 0.7, 0.1}, c{1.0, 2.0, 3.0, 5.0};
  at::Tensor x = at::tensor(numbers, at::kDouble).requires_grad_(true);
  (quantize_learned(x, parse_quant_format("a4-token-asym"), 4, clip) * at::tensor(c, at::kDouble)).sum().backward();
  const double scale = (3.0 + 0.75) / 15, zero = std::round(0.75 / scale);
  std::vector<double> want(4, 0.0);
  double of_scale = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double code = std::nearbyint(numbers[i] / scale) + zero;
    const bool inside = code >= 0 && code <= 15;
    if (inside) want[i] += c[i];
    const double clamped = std::clamp(code, 0.0, 15.0);
    of_scale += c[i] * (clamped - zero - (inside ? numbers[i] / scale : 0));
  }
  want[0] += of_scale * 0.5 / 15;
  want[1] -= of_scale * 0.5 / 15;
  EXPECT_TRUE(at::allclose(x.grad(), at::tensor(want, at::kDouble), 1e-10, 1e-10));
  EXPECT_NEAR(clip.max.grad().item<double>(), of_scale / 15 * 6.0 * 0.25, 1e-10);
  EXPECT_NEAR(clip.min.grad().item<double>(), -of_scale / 15 * -1.5 * 0.25, 1e-10);
}

// The fused functions in float32 against plain operations in double: values and all gradients, where rows have ties at
// their ends, one sign alone, or nothing but zeros.
class FusedQuantizers : public ::testing::Test {
 protected:
  static at::Tensor rows() {
    at::Tensor x = at::randn({6, 3, 40}, at::kDouble);
    x[0] = x[0].abs() + 0.1;
    x[1] = -x[1].abs() - 0.1;
    x[2] = at::clamp(x[2], -1.3, 1.1);
    x[3][1] = at::zeros({40}, at::kDouble);
    return x.to(at::kFloat).to(at::kDouble);
  }

  template <class Quantize>
  static void expect_equal(const std::vector<std::int64_t>& clip_shape, Quantize quantize) {
    const at::Tensor x = rows(), c = at::randn({6, 3, 40}, at::kDouble);
    const at::Tensor high = at::randn(clip_shape, at::kDouble) + 1, low = at::randn(clip_shape, at::kDouble) + 1;
    std::vector<std::vector<at::Tensor>> found;
    for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
      const auto leaf = [&](const at::Tensor& values) { return values.to(type).clone().requires_grad_(true); };
      const at::Tensor own = leaf(x);
      const LearnedClip clip{leaf(high), leaf(low)};
      const at::Tensor out = quantize(own, clip);
      (out * c.to(type)).sum().backward();
      found.push_back({out.detach(), own.grad(), clip.max.grad(), clip.min.grad()});
    }
    for (std::size_t i = 0; i < found[0].size(); ++i) {
      if (!found[0][i].defined()) continue;
      EXPECT_TRUE(at::allclose(found[1][i].to(at::kDouble), found[0][i], 1e-4, 1e-4)) << "result " << i;
    }
  }
};

TEST_F(FusedQuantizers, EqualPlainOperationsInDouble) {
  for (int seed = 0; seed < 5; ++seed) {
    for (const char* text : {"a4-token-asym", "a4-token-sym", "a8-token-asym"}) {
      SCOPED_TRACE(text);
      const QuantFormat format = parse_quant_format(text);
      expect_equal({3}, [&](const at::Tensor& x, const LearnedClip& clip) {
        return quantize_learned(x.flatten(1), format, 40, clip).view({6, 3, 40});
      });
      expect_equal({1}, [&](const at::Tensor& x, const LearnedClip& clip) {
        return quantize_learned(x.flatten(1), format, 20, clip).view({6, 3, 40});
      });
    }
    expect_equal({6, 3, 1}, [](const at::Tensor& x, const LearnedClip& clip) { return clip_learned(x, clip); });
    expect_equal({6, 3, 1}, [](const at::Tensor& x, const LearnedClip&) {
      return quantize_weights(x, parse_quant_format("w4c-sym"));
    });
  }
}

TEST(FlatQuantPlan, SaysWhatEverySiteDoes) {
  const ModelConfig config = small_config(Architecture::kQwen2);
  const ModelPlan plan = validate(flat_recipe("flatquant-w4a4k4v3-tp2", {"skip_blocks=last"}), config);
  const auto text = [&](Site site) { return to_string(plan.block(0).at(site)); };
  EXPECT_EQ(text(Site::kAttentionInput), "a4-token-asym kronecker6x8 learned-clip");
  EXPECT_EQ(text(Site::kAttentionOutput), "a4-g24-asym across2x12-each learned-clip");
  EXPECT_EQ(text(Site::kMlpInput), "a4-token-asym kronecker6x8 learned-clip");
  EXPECT_EQ(text(Site::kMlpMiddle), "a4-g40-asym kronecker4x10-each learned-clip");
  EXPECT_EQ(text(Site::kKey), "k4-head-asym dense12 learned-clip");
  EXPECT_EQ(text(Site::kValue), "v3-head-asym learned-clip");
  EXPECT_EQ(to_string(plan.block(0).weights.at(LinearSlot::kO)), "w4g24-sym");
  EXPECT_EQ(plan.block(2), BlockPlan{});
  EXPECT_EQ(validate(flat_recipe("flatquant-w4a4kv4", {"skip_blocks=0,2"}), config).block(0), BlockPlan{});
  EXPECT_EQ(validate(flat_recipe("flatquant-w4a4kv4", {"skip_blocks=1"}), config).block(1), BlockPlan{});
  EXPECT_THAT(message_of([&] { validate(flat_recipe("flatquant-w4a4kv4", {"skip_blocks=3"}), config); }),
              HasSubstr("blocks[3]"));
  EXPECT_THAT(message_of([&] { flat_recipe("flatquant-w4g32"); }), HasSubstr("per channel"));
  EXPECT_THAT(message_of([&] { flat_recipe("flatquant-w4a4kv4", {"epochs=0"}); }), HasSubstr("initial_state"));
  EXPECT_THAT(message_of([&] { flat_recipe("flatquant-w4a4kv4", {"parametrization=qr"}); }), HasSubstr("svd"));
  Recipe twice = flat_recipe("flatquant-w4a4kv4");
  twice.passes.insert(twice.passes.begin(), parse_recipe(R"([[pass]]
kind = "set_kv_format"
keys = "k8-head-asym")",
                                                         "test")
                                                .passes.front());
  EXPECT_THAT(message_of([&] { validate(twice, config); }), HasSubstr("key of block 0"));
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
        plan_(validate(flat_recipe("flatquant-w4a4kv4"), model_.config())),
        block_(weights_, 0, plan_.block(0), shape_, executor_),
        rope_(model_.config()),
        angles_(reference_angles(rope_, model_.config(), 16, {.type = at::kFloat})),
        data(training_data(view_, view_)) {}

  // What was learned, all of it one after the other.
  at::Tensor run(const BlockProgress& progress, TrainingResult& result) {
    FlatState state = published_start(view_, weights_, shape_, Parametrization::kInverse);
    std::vector<std::int64_t> sequences(data.lengths.size());
    std::iota(sequences.begin(), sequences.end(), 0);
    std::rotate(sequences.begin(), sequences.begin() + 2 % sequences.size(), sequences.end());
    const BatchOrder order(3, sequences);
    result = BlockTrainer(block_, data, order, {.epochs = 3, .learning_rate = rate}, angles_)
                 .run(state, progress, "block 0");
    std::vector<at::Tensor> all;
    state.visit([&](const std::string&, at::Tensor& value, FlatState::Kind) { all.push_back(value.flatten()); });
    return at::cat(all);
  }
  at::Tensor run(const BlockProgress& progress) {
    TrainingResult ignored;
    return run(progress, ignored);
  }

 private:
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
        *read = [alone, all = *read](std::int64_t, float* rows) { all(static_cast<std::int64_t>(alone), rows); };
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
  // 6 sequences are read to know the loss before, then 6 an epoch.
  for (const int reads : {3, 8, 13, 16, 20, 23}) {
    SCOPED_TRACE(reads);
    const ScratchFolder folder;
    const BlockProgress progress(folder.path() / "state", "a run");
    Training cut;
    int left = reads;
    cut.data.read_target = [&left, read = cut.data.read_target](std::int64_t sequence, float* rows) {
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
  broken.data.read_target = [&reads, read = broken.data.read_target](std::int64_t sequence, float* rows) {
    read(sequence, rows);
    if (++reads == 15) rows[0] = std::numeric_limits<float>::quiet_NaN();
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
  broken.data.read_target = [](std::int64_t, float* rows) { rows[0] = std::numeric_limits<float>::infinity(); };
  EXPECT_THAT(message_of([&] { broken.run(progress); }), HasSubstr("diverged 4 times"));
  Training wild;
  wild.rate = 1e30;
  EXPECT_THAT(message_of([&] { wild.run(BlockProgress({}, {})); }), HasSubstr("block 0: "));
}

struct Outcome {
  double before = 0, after = 0;  // losses of the first block
  double distance = 0;           // of the logits to the float model's, mean squared
};

Outcome run_recipe_on(const RandomModel& model, const Recipe& recipe) {
  CalibrationSet calibration{.description = "random", .samples = {}};
  for (std::uint64_t seed = 0; seed < 8; ++seed) calibration.samples.push_back(random_tokens(16, 101, seed));
  Executor executor(1);
  testing::MemorySink sink;
  const ScratchFolder folder;
  const OrderedJson report = run_recipe({.source = model,
                                         .recipe = recipe,
                                         .calibration = &calibration,
                                         .sink = sink,
                                         .folder = folder.path(),
                                         .model_identity = "random"},
                                        executor);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / kBlockProgress));
  const testing::SinkSource quantized(sink);
  const at::Tensor tokens =
      at::tensor(std::vector<std::int64_t>(calibration.samples[0].begin(), calibration.samples[0].end()), at::kLong)
          .unsqueeze(0);
  const auto logits = [&](const WeightSource& source) {
    return reference_logits(source, tokens, {.type = at::kFloat});
  };
  const OrderedJson& first = report.at("blocks").at(0).at("linears").at(0);
  return {.before = first.at("block_loss_before"),
          .after = first.at("block_loss_after"),
          .distance = (logits(quantized) - logits(model)).pow(2).mean().item<double>()};
}

// Compares what the block in work computes with the float block on the same inputs.
class CompareOutputs : public BlockPass {
 public:
  explicit CompareOutputs(std::vector<double>& shares) : shares_(shares) {}
  std::string_view kind() const override { return "compare_outputs"; }
  ParameterMap parameters() const override { return {}; }
  Propagation propagation() const override { return Propagation::kBoth; }
  BlockWork work() const override { return BlockWork::kRound; }  // nothing: it looks
  void extend_plan(const ModelConfig&, ModelPlan&) const override {}
  void apply(BlockVisit& block) const override {
    double error = 0, energy = 0;
    const ActivationRows got = block.read(Tap::kBlockOutput, 0), want = block.original().read(Tap::kBlockOutput, 0);
    for (std::int64_t i = 0; i < want.count * want.width; ++i) {
      error += std::pow(double{got.data[i]} - want.data[i], 2);
      energy += std::pow(double{want.data[i]}, 2);
    }
    shares_.push_back(error / energy);
  }

 private:
  std::vector<double>& shares_;
};

// In eight bits the transformed block computes nearly what the float block does; without its transforms it could not.
TEST(FlatQuant, ShowsItsTransformsToThePassesBehind) {
  const RandomModel model(small_config(Architecture::kQwen2), 4);
  for (const char* name : {"flatquant-w8c", "flatquant-w8c-tp2"}) {
    Recipe recipe = flat_recipe(name, {"epochs=1"});
    std::vector<double> shares;
    recipe.passes.push_back(std::make_shared<const CompareOutputs>(shares));
    run_recipe_on(model, recipe);
    ASSERT_EQ(shares.size(), 3u);
    for (const double share : shares) EXPECT_LT(share, 1e-2);
    recipe.passes.back() = correct_biases();  // v's rows are other rows now
    EXPECT_THAT(message_of([&] { validate(recipe, model.config()); }),
                HasSubstr("correct_biases after round_flatquant"));
  }
}

// Learning helps where channels differ, by either parametrization and on either inputs.
TEST(FlatQuant, ComesNearerToTheFloatModelByLearning) {
  RandomModel model(small_config(Architecture::kLlama), 4);
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    for (const char* norm : kBlockNorms) {
      const std::string name = block_tensor_name(layer, norm);
      at::Tensor gain = model.tensor(name).clone();
      gain.narrow(0, 5, 2).mul_(12);
      model.set_tensor(name, gain);
    }
  }
  const std::vector<std::vector<std::string>> settings{
      {"epochs=20"}, {"epochs=20", "parametrization=svd"}, {"epochs=20", "learn_on=rounded"}};
  std::vector<Outcome> found;
  for (const std::vector<std::string>& one : settings) {
    found.push_back(run_recipe_on(model, flat_recipe("flatquant-w4a4kv4", one)));
    EXPECT_LT(found.back().after, 0.9 * found.back().before) << one.back();
  }
  const Outcome fine = run_recipe_on(model, flat_recipe("flatquant-w8a8kv8-tp2", {"epochs=2"}));
  EXPECT_LT(fine.distance, 0.1 * found.front().distance);
}

}  // namespace
}  // namespace qreason
