// What can go wrong while GPTQ rounds, injected: every failure has a recovery that is told of, or a message that names
// the place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"
#include "quantize/gptq.h"
#include "quantize/memory_sink.h"
#include "quantize/recipe_support.h"
#include "quantize/runner.h"
#include "quantize/upper_cholesky.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

// Whole numbers with a factor of 2/64: every sum is exact in float32, so that H is positive semi-definite to the last
// bit, of rank 64 in 600 columns.
std::vector<float> exact_inputs() {
  std::mt19937 random(1);
  std::vector<float> inputs(64 * 600);
  for (float& value : inputs) value = static_cast<float>(static_cast<int>(random() % 3) - 1);
  return inputs;
}

Hessian exact_hessian(Executor& executor) {
  const std::vector<float> inputs = exact_inputs();
  Hessian hessian(600, 64);
  for (std::int64_t row = 0; row < 64; ++row) hessian.add(inputs.data() + row * 600, 1, executor);
  return hessian;
}

UpperTriangle triangle_of(const std::vector<double>& matrix, std::int64_t n) {
  UpperTriangle triangle(n);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i; j < n; ++j) triangle.row(i)[j] = matrix[i * n + j];
  }
  return triangle;
}

TEST(UpperCholesky, MultipliesBackInDoubleAndTellsTheColumnThatFails) {
  Executor executor(2);
  for (const std::int64_t n : {1, 2, 63, 64, 65, 200}) {
    std::mt19937 random(static_cast<unsigned>(n));
    std::normal_distribution<double> normal;
    std::vector<double> x(static_cast<std::size_t>(n * n)), a(x.size());
    for (double& value : x) value = normal(random);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        a[i * n + j] = i == j;
        for (std::int64_t k = 0; k < n; ++k) a[i * n + j] += x[i * n + k] * x[j * n + k];
      }
    }
    UpperTriangle r = triangle_of(a, n);
    ASSERT_FALSE(factor_upper_cholesky(r, executor)) << n;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = i; j < n; ++j) {
        double sum = 0;
        for (std::int64_t k = j; k < n; ++k) sum += r.row(i)[k] * r.row(j)[k];
        EXPECT_NEAR(sum, a[i * n + j], 1e-12 * a[j * n + j] * static_cast<double>(n + 8)) << n;
      }
    }
  }
  UpperTriangle indefinite = triangle_of({6, 3, 2, 0, 4, 4, 0, 0, 4}, 3);  // r11^2 = 4 - 4 = 0
  EXPECT_EQ(factor_upper_cholesky(indefinite, executor), 1);
}

// A damping of 1e-7 is lost in float32, and in float64 it is not: R R^T = H + damping again.
TEST(GptqRecovery, FactorsInFloat64BeforeItDampsMore) {
  Executor executor(2);
  const Hessian hessian = exact_hessian(executor);
  const std::vector<float> upper = hessian.upper();
  std::vector<float> narrow = upper;
  double mean = 0;
  for (std::int64_t j = 0; j < 600; ++j) mean += upper[j * 600 + j] / 600;
  for (std::int64_t j = 0; j < 600; ++j) narrow[j * 600 + j] += static_cast<float>(1e-7 * mean);
  ASSERT_TRUE(factor_upper_cholesky(narrow.data(), 600, executor)) << "float32 is enough: the test tests nothing";

  const GptqFactor factor = factorize(exact_hessian(executor), ColumnOrder::kAsStored, {.ratio = 1e-7}, "t", executor);
  EXPECT_EQ(factor.float64_retries, 1);
  EXPECT_EQ(factor.retries, 0);
  EXPECT_EQ(factor.damping, 1e-7);
  double worst = 0;
  for (std::int64_t i = 0; i < 600; i += 7) {
    for (std::int64_t j = i; j < 600; j += 5) {
      double sum = 0;
      for (std::int64_t k = j; k < 600; ++k) {
        const double left = k == i ? 1.0 : factor.feedback[i * 600 + k];
        const double right = k == j ? 1.0 : factor.feedback[j * 600 + k];
        sum += left * right * factor.pivots[k];
      }
      worst = std::max(worst, std::abs(sum - upper[i * 600 + j]) / mean);
    }
  }
  EXPECT_LT(worst, 1e-5);
}

// The undamped H is there again after float64 has failed, too (gptq_test.cpp has the rule's steps).
TEST(GptqRecovery, CountsBothKindsOfTries) {
  Executor executor(1);
  const GptqFactor factor =
      factorize(Hessian::from_upper({1, 1.02f, 0, 1}, 2), ColumnOrder::kAsStored, {}, "test", executor);
  EXPECT_EQ(factor.float64_retries, 1);
  EXPECT_EQ(factor.retries, 7);
  EXPECT_NEAR(factor.feedback[1], 1.02 / 1.0205, 1e-6);
  EXPECT_EQ(
      factorize(Hessian::from_upper({1, 0.5f, 0, 1}, 2), ColumnOrder::kAsStored, {}, "test", executor).float64_retries,
      0);
}

TEST(GptqRecovery, NamesTheInputThatIsNotFiniteAndTheInputsThatAreAllZero) {
  Executor executor(1);
  const auto failure = [&](std::vector<float> inputs) {
    Hessian hessian(2, 1);
    hessian.add(inputs.data(), 2, executor);
    return message_of(
        [&] { factorize(std::move(hessian), ColumnOrder::kAsStored, {}, "mlp_mid of block 3", executor); });
  };
  EXPECT_THAT(failure({1, 2, 3, NAN}), HasSubstr("mlp_mid of block 3: H[1,1] = nan"));
  EXPECT_THAT(failure({1, INFINITY, 3, 1}), HasSubstr("mlp_mid of block 3: H[1,1] = inf"));
  EXPECT_THAT(failure({0, 0, 0, 0}), HasSubstr("mlp_mid of block 3: inputs that are all 0"));
  EXPECT_EQ(failure({1, 0, 3, 0}), "no error");
}

// 1.4 s is rounded to s, and what is left over overflows when it is squared.
TEST(GptqRecovery, NamesTheWeightOrTheRowsOfALossThatIsNotFinite) {
  Executor executor(1);
  const GptqFactor factor =
      factorize(Hessian::from_upper({2, 1, 0, 2}, 2), ColumnOrder::kAsStored, {}, "test", executor);
  std::vector<float> weights(40, 1.0f);
  const auto failure = [&] {
    return message_of([&] { round_gptq(weights, 20, factor, parse_quant_format("w3c-sym"), {}, executor); });
  };
  EXPECT_EQ(failure(), "no error");
  weights[2 * 17] = 1.4e30f;
  weights[2 * 17 + 1] = 3e30f;
  EXPECT_THAT(failure(), HasSubstr("a loss that is not finite in rows 16 to 19"));
}

CalibrationSet calibration() {
  return {.description = "random", .samples = {testing::random_tokens(60, 101, 1), testing::random_tokens(60, 101, 2)}};
}

OrderedJson run(const WeightSource& model, testing::MemorySink& sink) {
  const Recipe recipe = make_recipe("gptq-w4g16", {{"length", std::int64_t{60}}});
  const CalibrationSet set = calibration();
  Executor executor(1);
  const testing::ScratchFolder folder;
  return run_recipe({.source = model,
                     .recipe = recipe,
                     .calibration = &set,
                     .sink = sink,
                     .folder = folder.path(),
                     .model_identity = "random"},
                    executor);
}

// A gain of 0 kills a channel of the first norm: q, k and v are rounded to 0 there, and the report says which column.
TEST(GptqRecovery, LeavesADeadChannelOutByName) {
  testing::RandomModel model(testing::small_config(Architecture::kQwen2), 2);
  at::Tensor gain = model.tensor("model.layers.1.input_layernorm.weight").clone();
  gain.select(0, 5).zero_();
  model.set_tensor("model.layers.1.input_layernorm.weight", gain);
  testing::MemorySink sink;
  const OrderedJson report = run(model, sink);
  int told = 0;
  for (const OrderedJson& linear : report.at("blocks").at(1).at("linears")) {
    const auto name = linear.at("name").get<std::string>();
    const bool dead = name.ends_with("q_proj") || name.ends_with("k_proj") || name.ends_with("v_proj");
    EXPECT_EQ(linear.at("counts").at("dead_columns"), dead ? 1 : 0) << name;
    EXPECT_EQ(linear.contains("dead_column_list"), dead) << name;
    if (!dead) continue;
    ++told;
    EXPECT_THAT(linear.at("dead_column_list").get<std::vector<int>>(), ElementsAre(5));
    EXPECT_TRUE(sink.linears().at(name).dense_float32().select(1, 5).eq(0).all().item<bool>()) << name;
  }
  EXPECT_EQ(told, 3);
  EXPECT_EQ(report.at("totals").at("counts").at("dead_columns"), 3);
  EXPECT_EQ(report.at("totals").at("counts").at("float64_retries"), 0);
}

TEST(GptqRecovery, StopsWhereNothingReachesALinear) {
  testing::RandomModel model(testing::small_config(Architecture::kQwen2), 2);
  const std::string gain = "model.layers.2.post_attention_layernorm.weight";
  model.set_tensor(gain, model.tensor(gain).clone().zero_());
  testing::MemorySink sink;
  EXPECT_THAT(message_of([&] { run(model, sink); }), HasSubstr("mlp_in of block 2: inputs that are all 0"));
}

TEST(GptqRecovery, NamesTheLinearWhoseWeightIsNotFinite) {
  testing::RandomModel model(testing::small_config(Architecture::kQwen2), 2);
  at::Tensor weight = model.tensor("model.layers.1.mlp.down_proj.weight").clone();
  weight.select(0, 3).select(0, 7).fill_(NAN);
  model.set_tensor("model.layers.1.mlp.down_proj.weight", weight);
  testing::MemorySink sink;
  EXPECT_THAT(message_of([&] { run(model, sink); }), HasSubstr("model.layers.1.mlp.down_proj"));
}

}  // namespace
}  // namespace qreason
