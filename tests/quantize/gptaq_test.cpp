// Asymmetric calibration: rounding by the paper's equations in float64, and the objective that it is for.
#include "quantize/gptaq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"
#include "formats/reference_quantizer.h"
#include "quantize/calibration_walk.h"
#include "quantize/gptq.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using Matrix = std::vector<std::vector<double>>;

// Inputs of the float model with correlated columns, and those of a model that was rounded: each column of them leans
// on the others, as the errors of a linear before would have it.
struct Inputs {
  std::int64_t tokens, columns;
  std::vector<float> original, rounded;  // [tokens, columns]
};

Inputs correlated_inputs(std::int64_t tokens, std::int64_t columns, double drift, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  const double scale = 1 / std::sqrt(static_cast<double>(columns));
  const auto mixed = [&](const std::vector<float>& x, const std::vector<double>& matrix, double own) {
    std::vector<float> y(x.size());
    for (std::int64_t row = 0; row < tokens; ++row) {
      for (std::int64_t j = 0; j < columns; ++j) {
        double sum = own * x[row * columns + j];
        for (std::int64_t i = 0; i < columns; ++i) sum += x[row * columns + i] * matrix[i * columns + j];
        y[row * columns + j] = static_cast<float>(sum);
      }
    }
    return y;
  };
  const auto random_matrix = [&](double size) {
    std::vector<double> matrix(static_cast<std::size_t>(columns * columns));
    for (double& value : matrix) value = size * scale * normal(random);
    return matrix;
  };
  std::vector<float> white(static_cast<std::size_t>(tokens * columns));
  for (float& value : white) value = static_cast<float>(normal(random));
  const std::vector<float> original = mixed(white, random_matrix(1), 1);
  return {tokens, columns, original, mixed(original, random_matrix(drift), 1)};
}

std::vector<float> random_weights(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> weights(static_cast<std::size_t>(count));
  for (float& weight : weights) weight = normal(random);
  return weights;
}

// (2/n) a^T b of one sequence.
Matrix product(const Inputs& inputs, const std::vector<double>& a, const std::vector<float>& b) {
  const std::int64_t n = inputs.columns;
  Matrix out(static_cast<std::size_t>(n), std::vector<double>(static_cast<std::size_t>(n)));
  for (std::int64_t row = 0; row < inputs.tokens; ++row) {
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) out[i][j] += 2 * a[row * n + i] * b[row * n + j];
    }
  }
  return out;
}

// By Gauss and Jordan; the matrix is positive definite.
Matrix inverse(Matrix a) {
  const std::size_t n = a.size();
  Matrix out(n, std::vector<double>(n));
  for (std::size_t i = 0; i < n; ++i) out[i][i] = 1;
  for (std::size_t i = 0; i < n; ++i) {
    const double pivot = a[i][i];
    for (std::size_t j = 0; j < n; ++j) a[i][j] /= pivot, out[i][j] /= pivot;
    for (std::size_t k = 0; k < n; ++k) {
      if (k == i) continue;
      const double factor = a[k][i];
      for (std::size_t j = 0; j < n; ++j) a[k][j] -= factor * a[i][j], out[k][j] -= factor * out[i][j];
    }
  }
  return out;
}

struct PaperInput {
  const Inputs& inputs;
  const std::vector<float>& weights;  // [rows, columns]
  const std::vector<std::int64_t>& order;
  QuantFormat format;
  std::int64_t group;  // columns of a group, found on the weights when its first column is reached; 0: one, before
};

// Codes [rows][columns], stored order. One column after the other, as the paper has it before it is made fast: the
// weights that are left change by
//     -(w_q - quantized) / Hinv_qq Hinv_q,:  +  w_q dX_q X^T Hinv_-q,
// Hinv_-q being the inverse of the Hessian without the column and those before it.
std::vector<std::vector<int>> codes_by_the_paper(const PaperInput& input) {
  const std::int64_t n = input.inputs.columns, rows = static_cast<std::int64_t>(input.weights.size()) / n;
  std::vector<double> x(input.inputs.rounded.begin(), input.inputs.rounded.end()), dx(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) dx[i] = double{input.inputs.original[i]} - input.inputs.rounded[i];
  Matrix h = product(input.inputs, x, input.inputs.rounded);
  const Matrix d = product(input.inputs, dx, input.inputs.rounded);
  double mean = 0;
  for (std::int64_t j = 0; j < n; ++j) mean += h[j][j] / static_cast<double>(n);
  for (std::int64_t j = 0; j < n; ++j) h[j][j] += 0.01 * mean;
  Matrix hinv = inverse(h);

  std::vector<std::vector<double>> w(static_cast<std::size_t>(rows));
  std::vector<GroupParameters> parameters(static_cast<std::size_t>(rows));
  std::vector<std::vector<int>> codes(static_cast<std::size_t>(rows), std::vector<int>(static_cast<std::size_t>(n)));
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* own = input.weights.data() + row * n;
    w[row].assign(own, own + n);
    if (input.group == 0) parameters[row] = find_parameters({own, static_cast<std::size_t>(n)}, input.format);
  }
  for (std::int64_t at = 0; at < n; ++at) {
    const std::int64_t q = input.order[at];
    Matrix without = hinv;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) without[i][j] -= hinv[i][q] * hinv[q][j] / hinv[q][q];
    }
    std::vector<double> shift(static_cast<std::size_t>(n));  // dX_q X^T Hinv_-q
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t k = at + 1; k < n; ++k) shift[j] += d[q][input.order[k]] * without[input.order[k]][j];
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      if (input.group > 0 && at % input.group == 0) {
        std::vector<float> group;
        for (std::int64_t k = at; k < at + input.group; ++k)
          group.push_back(static_cast<float>(w[row][input.order[k]]));
        parameters[row] = find_parameters(group, input.format);
      }
      const int code = encode(static_cast<float>(w[row][q]), parameters[row], input.format);
      const double error = w[row][q] - decode(code, parameters[row], input.format);
      codes[row][q] = code;
      for (std::int64_t k = at + 1; k < n; ++k) {
        const std::int64_t j = input.order[k];
        w[row][j] += -error / hinv[q][q] * hinv[q][j] + input.weights[row * n + q] * shift[j];
      }
    }
    hinv = std::move(without);
  }
  return codes;
}

enum class Calibration { kSymmetric, kAsymmetric };

GptqFactor factor_of(const Inputs& inputs, ColumnOrder order, Calibration calibration, Executor& executor) {
  Hessian hessian(inputs.columns, 1);
  hessian.add(inputs.rounded.data(), inputs.tokens, executor);
  GptqFactor factor = factorize(std::move(hessian), order, {}, "test", executor);
  if (calibration == Calibration::kSymmetric) return factor;
  InputDrift drift(inputs.columns, 1);
  drift.add(inputs.original.data(), inputs.rounded.data(), inputs.tokens, executor);
  add_drift(factor, std::move(drift), "test", executor);
  return factor;
}

void expect_codes(const GptqResult& result, const std::vector<std::vector<int>>& want) {
  const std::int64_t n = result.matrix.columns;
  int differing = 0;
  for (std::int64_t row = 0; row < result.matrix.rows; ++row) {
    for (std::int64_t j = 0; j < n; ++j) {
      differing += result.matrix.codes[row * n + j] - result.matrix.format.code_offset() != want[row][j];
    }
  }
  EXPECT_EQ(differing, 0);
}

TEST(Gptaq, AgreesWithThePapersEquationsInFloat64) {
  Executor executor(2);
  const std::int64_t columns = 150, rows = 5;
  const Inputs inputs = correlated_inputs(400, columns, 0.2, 3);
  const std::vector<float> weights = random_weights(rows * columns, 4);
  for (const ColumnOrder order : {ColumnOrder::kAsStored, ColumnOrder::kByActivation}) {
    const GptqFactor factor = factor_of(inputs, order, Calibration::kAsymmetric, executor);
    for (const std::int64_t block : {16, 128, 1000}) {
      SCOPED_TRACE(block);
      const QuantFormat format = parse_quant_format("w4c-sym");
      const GptqResult result = round_gptq(weights, rows, factor, format, {.block_columns = block}, executor);
      expect_codes(result, codes_by_the_paper({inputs, weights, factor.order, format, 0}));
    }
  }
}

// The scales of a group that is found on the way are those of the weights as the paper's loop holds them there.
TEST(Gptaq, FindsGroupsOnTheWayAsThePaperDoes) {
  Executor executor(2);
  const std::int64_t columns = 48, rows = 6;
  const Inputs inputs = correlated_inputs(300, columns, 0.2, 5);
  const std::vector<float> weights = random_weights(rows * columns, 6);
  const GptqFactor factor = factor_of(inputs, ColumnOrder::kAsStored, Calibration::kAsymmetric, executor);
  const QuantFormat format = parse_quant_format("w4g8-asym");
  const GptqOptions options{.groups = GroupTiming::kDynamic, .block_columns = 8};
  const GptqResult result = round_gptq(weights, rows, factor, format, options, executor);
  expect_codes(result, codes_by_the_paper({inputs, weights, factor.order, format, 8}));
}

// |Q X - W X~|^2 over |W X~|^2.
double objective(const Inputs& inputs, const std::vector<float>& weights, const QuantizedMatrix& matrix) {
  const std::int64_t n = inputs.columns;
  double error = 0, energy = 0;
  std::vector<float> q(static_cast<std::size_t>(n));
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    dequantize_row(matrix, row, q);
    for (std::int64_t token = 0; token < inputs.tokens; ++token) {
      double got = 0, want = 0;
      for (std::int64_t j = 0; j < n; ++j) {
        got += double{q[j]} * inputs.rounded[token * n + j];
        want += double{weights[row * n + j]} * inputs.original[token * n + j];
      }
      error += (got - want) * (got - want);
      energy += want * want;
    }
  }
  return error / energy;
}

TEST(Gptaq, ComesCloserToTheFloatOutputsThanGptq) {
  Executor executor(2);
  for (const unsigned seed : {1u, 2u, 3u, 4u}) {
    for (const double drift : {0.05, 0.2}) {
      const Inputs inputs = correlated_inputs(500, 64, drift, seed);
      const std::vector<float> weights = random_weights(8 * 64, seed + 100);
      const auto error = [&](Calibration calibration) {
        const GptqFactor factor = factor_of(inputs, ColumnOrder::kByActivation, calibration, executor);
        return objective(inputs, weights,
                         round_gptq(weights, 8, factor, parse_quant_format("w4g16-asym"), {}, executor).matrix);
      };
      EXPECT_LT(error(Calibration::kAsymmetric), (drift > 0.1 ? 0.8 : 0.98) * error(Calibration::kSymmetric)) << seed;
    }
  }
}

// Where the inputs have not moved there is nothing to make up for.
TEST(Gptaq, IsGptqWhereInputsAreThoseOfTheFloatModel) {
  Executor executor(1);
  Inputs inputs = correlated_inputs(200, 40, 0.2, 7);
  inputs.original = inputs.rounded;
  const std::vector<float> weights = random_weights(4 * 40, 8);
  const auto codes = [&](Calibration calibration) {
    const GptqFactor factor = factor_of(inputs, ColumnOrder::kByActivation, calibration, executor);
    return round_gptq(weights, 4, factor, parse_quant_format("w3g8-asym"), {}, executor).matrix.codes;
  };
  EXPECT_EQ(codes(Calibration::kAsymmetric), codes(Calibration::kSymmetric));
}

TEST(Gptaq, NamesTheColumnOfAFloatInputThatIsNotFinite) {
  Executor executor(1);
  Inputs inputs = correlated_inputs(20, 6, 0.2, 9);
  inputs.original[3 * 6 + 4] = NAN;
  try {
    factor_of(inputs, ColumnOrder::kAsStored, Calibration::kAsymmetric, executor);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("test: a drift of column 4"));
  }
}

// Inputs of every linear of the model as it is now.
std::vector<float> inputs_of(CalibrationWalk& walk, Site site) {
  std::vector<float> all;
  for (std::int64_t sequence = 0; sequence < walk.sequences(); ++sequence) {
    const ActivationRows rows = walk.read(tap_of(site), sequence);
    all.insert(all.end(), rows.data, rows.data + rows.count * rows.width);
  }
  return all;
}

// Mean over all linears of |Q X - W X~|^2 / |W X~|^2, X as the rounded model gives it.
double mean_objective(const WeightSource& model, const testing::MemorySink& sink, const CalibrationSet& calibration) {
  Executor executor(2);
  const testing::SinkSource quantized(sink);
  CalibrationWalk original(model, calibration.samples, {}, executor),
      rounded(quantized, calibration.samples, {}, executor);
  double sum = 0;
  for (std::int64_t layer = 0; layer < model.config().layers; ++layer) {
    original.enter(model, layer);
    rounded.enter(quantized, layer);
    for (const LinearSlot slot : kLinearSlots) {
      const std::string name = linear_name(layer, slot);
      const at::Tensor weight = model.linear(name).dense_float32().contiguous();
      const float* data = weight.const_data_ptr<float>();
      const Inputs inputs{.tokens = calibration.tokens(),
                          .columns = weight.size(1),
                          .original = inputs_of(original, input_site(slot)),
                          .rounded = inputs_of(rounded, input_site(slot))};
      sum +=
          objective(inputs, {data, data + weight.numel()}, std::get<QuantizedMatrix>(sink.linears().at(name).matrix));
    }
    original.leave();
    rounded.leave();
  }
  return sum / static_cast<double>(7 * model.config().layers);
}

TEST(Gptaq, BringsAWholeModelCloserToTheFloatOne) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 5);
  CalibrationSet calibration{.description = "random", .samples = {}};
  for (std::uint64_t i = 0; i < 8; ++i) calibration.samples.push_back(testing::random_tokens(60, 101, i));
  std::map<std::string, double> errors;
  for (const char* setting : {"asymmetric_calibration=false", "asymmetric_calibration=true"}) {
    const std::vector<std::string> settings{setting, "samples=8", "length=60"};
    const Recipe recipe = make_recipe("gptq-w3g16", parse_assignments(settings));
    Executor executor(2);
    const testing::ScratchFolder folder;
    testing::MemorySink sink;
    const OrderedJson report = run_recipe({.source = model,
                                           .recipe = recipe,
                                           .calibration = &calibration,
                                           .sink = sink,
                                           .folder = folder.path(),
                                           .model_identity = "random"},
                                          executor);
    errors[setting] = mean_objective(model, sink, calibration);
    const OrderedJson& linear = report.at("blocks").at(1).at("linears").at(0);
    EXPECT_EQ(linear.contains("input_drift"), std::string(setting).ends_with("true"));
  }
  EXPECT_LT(errors.at("asymmetric_calibration=true"), 0.9 * errors.at("asymmetric_calibration=false"));
  RecordProperty("gptq", std::to_string(errors.at("asymmetric_calibration=false")));
  RecordProperty("gptaq", std::to_string(errors.at("asymmetric_calibration=true")));
}

}  // namespace
}  // namespace qreason
