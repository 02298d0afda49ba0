#include "quantize/gptq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>

#include "base/error.h"
#include "base/json.h"
#include "quantize/rounding_error.h"
#include "quantize/rtn.h"
#include "quantize/upper_cholesky.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Hessian hessian_of(const std::vector<float>& inputs, std::int64_t columns, Executor& executor) {
  Hessian hessian(columns, 1);
  hessian.add(inputs.data(), static_cast<std::int64_t>(inputs.size()) / columns, executor);
  return hessian;
}

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Positive definite by construction: X^T X + I.
std::vector<float> random_definite(std::int64_t n, unsigned seed) {
  const std::vector<float> x = random_values(static_cast<std::size_t>(n * n), seed);
  std::vector<float> a(static_cast<std::size_t>(n * n));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = i == j ? 1 : 0;
      for (std::int64_t k = 0; k < n; ++k) sum += double{x[k * n + i]} * x[k * n + j] / static_cast<double>(n);
      a[i * n + j] = static_cast<float>(sum);
    }
  }
  return a;
}

TEST(UpperCholesky, MultipliesBackToTheMatrixForSizesAroundTheBlocks) {
  Executor executor(2);
  for (const std::int64_t n : {1, 2, 3, 127, 128, 129, 300}) {
    const std::vector<float> a = random_definite(n, static_cast<unsigned>(n));
    std::vector<float> r = a;
    ASSERT_FALSE(factor_upper_cholesky(r.data(), n, executor)) << n;
    double worst = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = i; j < n; ++j) {
        double sum = 0;
        for (std::int64_t k = j; k < n; ++k) sum += double{r[i * n + k]} * r[j * n + k];
        worst = std::max(worst, std::abs(sum - a[i * n + j]));
      }
    }
    // Backward error of a Cholesky factorization: a few n eps times the largest diagonal entry (about 2 here).
    EXPECT_LT(worst, 2.0 * static_cast<double>(n + 8) * 6e-8 * 2) << n;
  }
}

TEST(UpperCholesky, LeavesTheLowerTriangleAloneAndTellsTheColumnThatFails) {
  Executor executor(1);
  // Worked by hand from the last column: r22 = 2, r12 = 4/2 = 2, r11^2 = 5 - 4 = 1, r02 = 2/2 = 1, r01 = (3 - 1*2)/1 =
  // 1, r00^2 = 6 - 1 - 1 = 4.
  std::vector<float> a{6, 3, 2, -7, 5, 4, -7, -7, 4};
  EXPECT_FALSE(factor_upper_cholesky(a.data(), 3, executor));
  EXPECT_THAT(a, ElementsAre(2, 1, 1, -7, 1, 2, -7, -7, 2));
  std::vector<float> indefinite{6, 3, 2, 0, 4, 4, 0, 0, 4};  // r11^2 = 4 - 4 = 0
  EXPECT_EQ(factor_upper_cholesky(indefinite.data(), 3, executor), 1);
}

// Two columns: inputs (h, 0), (0, h), (h, h) with h^2 = 1/2 and the factor 2/n = 2 give H = [[2, 1], [1, 2]]. No
// damping. H = F D F^T from the last column: D_1 = 2, F_01 = 1/2, D_0 = 2 - 1/2. Row w = (1.4, 3), 3-bit symmetric per
// channel: s = 3/3 = 1. q_0 = round(1.4) = 1, error 0.4; w'_1 = 3 + 0.4 * 1/2 = 3.2, q_1 = 3. Loss = ((0.4)^2 * 1.5 +
// (0.2)^2 * 2) / 2 = 0.16.
TEST(Gptq, RoundsTwoColumnsAsWorkedByHand) {
  Executor executor(1);
  const float h = std::sqrt(0.5f);
  const GptqFactor factor = factorize(hessian_of({h, 0, 0, h, h, h}, 2, executor), ColumnOrder::kAsStored,
                                      DampingRule{.ratio = 0}, "test", executor);
  EXPECT_NEAR(factor.feedback[1], 0.5, 1e-6);
  EXPECT_NEAR(factor.pivots[0], 1.5, 1e-6);
  EXPECT_NEAR(factor.pivots[1], 2.0, 1e-6);
  const std::vector<float> weights{1.4f, 3.0f};
  const GptqResult result = round_gptq(weights, 1, factor, parse_quant_format("w3c-sym"), {}, executor);
  EXPECT_THAT(result.matrix.codes, ElementsAre(1 + 4, 3 + 4));
  EXPECT_THAT(result.matrix.scales, ElementsAre(1.0f));
  EXPECT_NEAR(result.loss, 0.16, 1e-6);
  EXPECT_EQ(result.clipped, 0);
}

// H = [[3, 2], [2, 2]], F_01 = 2/2 = 1. Asymmetric, 2 bits: range 0..3, s = 1, z = 0. q_0 = round(2.5) = 2 (ties to
// even), error 0.5, w'_1 = 3 + 0.5 = 3.5 rounds to 4 and is cut to 3.
TEST(Gptq, CountsCodesThatFeedbackPushesOutOfTheRange) {
  Executor executor(1);
  const GptqFactor factor = factorize(Hessian::from_upper({3, 2, 0, 2}, 2), ColumnOrder::kAsStored,
                                      DampingRule{.ratio = 0}, "test", executor);
  const GptqResult cut =
      round_gptq(std::vector<float>{2.5f, 3.0f}, 1, factor, parse_quant_format("w2c-asym"), {}, executor);
  EXPECT_THAT(cut.matrix.codes, ElementsAre(2, 3));
  EXPECT_EQ(cut.clipped, 1);
}

Json gptq_cases() {
  const auto path = testing::project_path("tests/data/quantize/gptq_cases.json");
  return Json::parse(std::ifstream(path));
}

QuantFormat format_of(const Json& test) {
  return parse_quant_format("w" + std::to_string(test["bits"].get<int>()) +
                            (test["group"] == 0 ? "c" : "g" + std::to_string(test["group"].get<int>())) +
                            (test["symmetric"].get<bool>() ? "-sym" : "-asym"));
}

GptqFactor factor_of(const Json& test, Executor& executor) {
  return factorize(hessian_of(test["inputs"].get<std::vector<float>>(), test["columns"], executor),
                   test["act_order"].get<bool>() ? ColumnOrder::kByActivation : ColumnOrder::kAsStored,
                   DampingRule{.ratio = test["damping"]}, test["name"], executor);
}

GptqOptions options_of(const Json& test) {
  return {.groups = test["static_groups"].get<bool>() ? GroupTiming::kStatic : GroupTiming::kDynamic,
          .block_columns = test["block_size"]};
}

// Expected numbers: tests/data/make_gptq_cases.py, the published loop in float64 NumPy.
TEST(Gptq, AgreesWithAnIndependentFloat64Implementation) {
  Executor executor(2);
  for (const Json& test : gptq_cases()) {
    SCOPED_TRACE(test["name"].get<std::string>());
    const GptqFactor factor = factor_of(test, executor);
    const QuantFormat format = format_of(test);
    const GptqResult result =
        round_gptq(test["weights"].get<std::vector<float>>(), test["rows"], factor, format, options_of(test), executor);
    validate(result.matrix, "result");
    std::vector<int> codes(result.matrix.codes.begin(), result.matrix.codes.end());
    for (int& code : codes) code -= format.code_offset();
    EXPECT_EQ(codes, test["codes"].get<std::vector<int>>());
    EXPECT_TRUE(testing::all_close(std::span<const float>(result.matrix.scales),
                                   test["scales"].get<std::vector<float>>(), {.relative = 2e-6}));
    if (format.symmetry == Symmetry::kAsymmetric) {
      EXPECT_EQ(std::vector<int>(result.matrix.zeros.begin(), result.matrix.zeros.end()),
                test["zeros"].get<std::vector<int>>());
    }
    const auto index = test["group_index"].get<std::vector<std::int64_t>>();
    for (std::size_t j = 0; j < index.size(); ++j) {
      ASSERT_EQ(result.matrix.group_of(static_cast<std::int64_t>(j)), index[j]);
    }
    EXPECT_NEAR(result.loss, test["loss"].get<double>(), 1e-4 * test["loss"].get<double>());
    EXPECT_EQ(factor.dead_columns, static_cast<std::int64_t>(test["dead"].size()));
  }
}

// Of random inputs and weights, around the blocks of 128 columns, with a dead column and both orders: the energy is the
// trace by its definition, tr(W (H + d I) W^T), d = ratio * mean(diag H), and a matrix of zeros would lose half of it.
TEST(RoundingError, TellsTheEnergyOfTheOutputs) {
  Executor executor(2);
  for (const std::int64_t columns : {5, 128, 300}) {
    std::vector<float> inputs = random_values(static_cast<std::size_t>(400 * columns), 8);
    for (std::int64_t row = 0; row < 400; ++row) inputs[row * columns + 2] = 0;
    const std::vector<float> weights = random_values(static_cast<std::size_t>(3 * columns), 9);
    const Hessian hessian = hessian_of(inputs, columns, executor);
    double mean = 0;
    std::vector<float> diagonal = hessian.diagonal();
    diagonal[2] = 1;
    for (const float value : diagonal) mean += value / static_cast<double>(columns);
    double want = 0;
    for (std::int64_t row = 0; row < 3; ++row) {
      for (std::int64_t i = 0; i < columns; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) {
          if (i == 2 || j == 2) continue;
          const double h = hessian.upper()[std::min(i, j) * columns + std::max(i, j)] + (i == j ? 0.01 * mean : 0);
          want += h * weights[row * columns + i] * weights[row * columns + j];
        }
      }
    }
    for (const ColumnOrder order : {ColumnOrder::kAsStored, ColumnOrder::kByActivation}) {
      const GptqFactor factor = factorize(hessian_of(inputs, columns, executor), order, {}, "test", executor);
      EXPECT_NEAR(output_energy(weights, 3, factor, executor), want, 2e-5 * want) << columns;
    }
  }
}

TEST(Gptq, GivesTheSameBitsWithOneAndTwoThreads) {
  const std::int64_t rows = 40, columns = 300;
  const std::vector<float> weights = random_values(static_cast<std::size_t>(rows * columns), 1);
  const std::vector<float> inputs = random_values(static_cast<std::size_t>(500 * columns), 2);
  std::vector<GptqResult> results;
  for (const int threads : {1, 2}) {
    Executor executor(threads);
    const GptqFactor factor =
        factorize(hessian_of(inputs, columns, executor), ColumnOrder::kByActivation, {}, "test", executor);
    results.push_back(round_gptq(weights, rows, factor, parse_quant_format("w3g20-asym-mse"), {}, executor));
  }
  EXPECT_EQ(results[0].matrix.codes, results[1].matrix.codes);
  EXPECT_TRUE(testing::bits_equal(results[0].matrix.scales, results[1].matrix.scales));
  EXPECT_EQ(results[0].loss, results[1].loss);
}

// The Hessian of uncorrelated inputs is diagonal: nothing feeds back, so GPTQ rounds to nearest.
TEST(Gptq, RoundsToNearestWhereInputsAreUncorrelated) {
  Executor executor(1);
  const std::int64_t columns = 8;
  std::vector<float> inputs(static_cast<std::size_t>(columns * columns), 0.0f);
  for (std::int64_t j = 0; j < columns; ++j) inputs[j * columns + j] = 1.0f + static_cast<float>(j);
  const std::vector<float> weights = random_values(3 * 8, 4);
  const GptqFactor factor =
      factorize(hessian_of(inputs, columns, executor), ColumnOrder::kByActivation, {}, "test", executor);
  const QuantFormat format = parse_quant_format("w4g4-asym");
  const GptqResult result = round_gptq(weights, 3, factor, format, {}, executor);
  EXPECT_EQ(result.matrix.codes, round_to_nearest(weights, 3, columns, format).codes);
}

// Diagonal 1, so damping d gives 1 + d there; the factorization works when 1 + d passes the off-diagonal entry.
TEST(GptqFactor, RaisesTheDampingStepByStepAndGivesUpAtTheLimit) {
  Executor executor(1);
  const auto indefinite = [](float off_diagonal) { return Hessian::from_upper({1, off_diagonal, 0, 1}, 2); };
  // |off-diagonal| = 1.02: fails for damping 0.01 to 0.02, works when (1 + d)^2 > 1.02^2, d > 0.02: steps at 0.01,
  // 0.0115, 0.013, 0.0145, 0.016, 0.0175, 0.019, 0.0205: seven retries.
  const GptqFactor factor = factorize(indefinite(1.02f), ColumnOrder::kAsStored, {}, "attn_in of block 3", executor);
  EXPECT_EQ(factor.retries, 7);
  EXPECT_NEAR(factor.damping, 0.0205, 1e-9);
  // The retry starts from the undamped H: pivot of the last column = 1 + 0.0205, not the sum of all dampings tried.
  EXPECT_NEAR(factor.pivots[1], 1.0205, 1e-5);
  try {
    factorize(indefinite(2.5f), ColumnOrder::kAsStored, {}, "attn_in of block 3", executor);
    FAIL() << "an indefinite Hessian was factorized";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("attn_in of block 3"));
    EXPECT_THAT(error.what(), HasSubstr("Cholesky"));
  }
}

TEST(GptqFactor, RefusesInputsThatAreNotFinite) {
  Executor executor(1);
  EXPECT_THROW(factorize(hessian_of({1, 2, NAN, 3}, 2, executor), ColumnOrder::kAsStored, {}, "test", executor), Error);
  EXPECT_THROW(factorize(hessian_of({1, 2, 3e30f, 3}, 2, executor), ColumnOrder::kAsStored, {}, "test", executor),
               Error);
}

TEST(GptqFactor, OrdersColumnsByDescendingDiagonalAndKeepsTies) {
  Executor executor(1);
  const GptqFactor factor = factorize(hessian_of({1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2}, 4, executor),
                                      ColumnOrder::kByActivation, {}, "test", executor);
  EXPECT_THAT(factor.order, ElementsAre(1, 3, 0, 2));
}

TEST(Gptq, RefusesGroupsThatDoNotDivideTheColumns) {
  Executor executor(1);
  const GptqFactor factor =
      factorize(hessian_of(random_values(60, 1), 6, executor), ColumnOrder::kAsStored, {}, "t", executor);
  EXPECT_THROW(round_gptq(random_values(12, 2), 2, factor, parse_quant_format("w4g4-asym"), {}, executor), Error);
}

TEST(Rtn, EqualsTheReferenceRoundingWithTheErrorThatItMakes) {
  Executor executor(2);
  const std::vector<float> weights = random_values(7 * 24, 5);
  for (const char* text : {"w4g8-asym", "w3c-sym", "w2g6-asym-mse", "w8c-asym"}) {
    const QuantFormat format = parse_quant_format(text);
    const RtnResult result = round_rtn_parallel(weights, 7, 24, format, executor);
    const QuantizedMatrix want = round_to_nearest(weights, 7, 24, format);
    EXPECT_EQ(result.matrix.codes, want.codes) << text;
    EXPECT_EQ(result.matrix.scales, want.scales) << text;
    EXPECT_EQ(result.matrix.zeros, want.zeros) << text;
    double error = 0, energy = 0;
    std::vector<float> row(24);
    for (std::int64_t r = 0; r < 7; ++r) {
      dequantize_row(want, r, row);
      for (std::int64_t j = 0; j < 24; ++j) error += std::pow(double{weights[r * 24 + j]} - row[j], 2);
      for (std::int64_t j = 0; j < 24; ++j) energy += std::pow(double{weights[r * 24 + j]}, 2);
    }
    EXPECT_NEAR(relative_weight_error(weights, result.matrix, executor), error / energy, 1e-12) << text;
  }
}

}  // namespace
}  // namespace qreason
