// FlatQuant on small random models: sizes, parametrizations, plans, gradients of the quantizers against plain formulas.
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "base/safetensors.h"
#include "model/reference_block.h"
#include "quantize/block_progress.h"
#include "quantize/block_visit.h"
#include "quantize/flatquant/learned_quantizer.h"
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

struct Outcome {
  double before = 0, after = 0;  // losses of the first block
  std::int64_t dead_channels = 0;
  double distance = 0;  // of the logits to the float model's, mean squared
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
          .dead_channels = report.at("totals").at("counts").at("dead_channels"),
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
    for (const char* norm : {kInputNorm, kPostNorm}) {
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

// A neuron that is never active, a norm that silences channels, and a whole MLP of zeros.
TEST(FlatQuant, TakesDeadChannels) {
  RandomModel model(small_config(Architecture::kQwen2), 4);
  const auto clear = [&](const std::string& name, const std::function<at::Tensor(const at::Tensor&)>& part) {
    at::Tensor tensor = model.tensor(name).clone();
    part(tensor).zero_();
    model.set_tensor(name, tensor);
  };
  clear("model.layers.1.mlp.gate_proj.weight", [](const at::Tensor& w) { return w.slice(0, 3, 4); });
  clear("model.layers.1.input_layernorm.weight", [](const at::Tensor& gain) { return gain.slice(0, 5, 7); });
  for (const char* name : {"gate", "up", "down"}) {
    clear(fmt::format("model.layers.2.mlp.{}_proj.weight", name), [](const at::Tensor& w) { return w; });
  }
  const RandomModel alive(small_config(Architecture::kQwen2), 4);
  for (const char* name : {"flatquant-w8a8kv8", "flatquant-w8a8kv8-tp2"}) {
    const Recipe recipe = flat_recipe(name, {"epochs=2"});
    const Outcome found = run_recipe_on(model, recipe);
    EXPECT_EQ(found.dead_channels, 1 + 2 + model.config().intermediate_size);
    EXPECT_LE(found.after, found.before);
    EXPECT_LT(found.distance, 1.2 * run_recipe_on(alive, recipe).distance);
  }
}

}  // namespace
}  // namespace qreason
