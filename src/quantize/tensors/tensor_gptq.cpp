#include "quantize/tensors/tensor_gptq.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "quantize/tensors/host_values.h"
#include "quantize/tensors/tensor_columns.h"

namespace qreason {
namespace {

class TensorGptq : public GptqSolver {
 public:
  TensorGptq(const GptqProblem& problem, at::Device device)
      : GptqSolver(problem.calibration),
        weight_(2.0 / static_cast<double>(problem.sequences)),
        options_(at::TensorOptions().dtype(at::kFloat).device(device)),
        hessian_(at::zeros({problem.columns, problem.columns}, options_)) {
    if (problem.calibration == GptqCalibration::kSymmetric) return;
    drift_ = at::zeros_like(hessian_);
    energies_ = at::zeros({2}, options_.dtype(at::kDouble));
  }

  void add(const at::Tensor& rows) override { hessian_.addmm_(rows.t(), rows, 1, weight_); }
  void add_drift(const at::Tensor& original, const at::Tensor& rows) override {
    const at::Tensor difference = original - rows;
    drift_.addmm_(difference.t(), rows, 1, weight_);
    energies_ += at::stack({difference.square().sum(at::kDouble), original.square().sum(at::kDouble)});
  }

  void factorize(ColumnOrder order, const DampingRule& damping, const std::string& where) override {
    facts_ = begin_factor(host_floats(hessian_.diagonal()), order, where);
    matrices_.order = at::tensor(facts_.order, at::kLong).to(options_.device());
    matrices_.dead = at::tensor(std::vector<float>(facts_.dead.begin(), facts_.dead.end()), at::kFloat)
                         .to(options_.device(), at::kBool);
    hessian_ = in_order(hessian_);
    hessian_.diagonal().copy_(at::tensor(ordered_diagonal(facts_), at::kFloat));
    const CholeskyTries tries{.float32 = [this](double added) { return try_factor(added, at::kFloat); },
                              .float64 = [this](double added) { return try_factor(added, at::kDouble); }};
    factorize_damped(facts_, tries, damping, where);
    hessian_ = at::Tensor();
    const at::Tensor diagonal = matrices_.feedback.diagonal().clone();
    matrices_.pivots = diagonal.square();
    matrices_.feedback *= 1 / diagonal;
    matrices_.feedback.diagonal().fill_(1);
    if (drift_.defined()) solve_drift(where);
  }
  const GptqFactor& factor() const override { return facts_; }
  std::optional<double> input_drift() const override { return relative_drift_; }

  GptqResult round(const at::Tensor& weights, const QuantFormat& format, const GptqOptions& options) override {
    return round_columns_there(weights, facts_, matrices_, format, options);
  }

 private:
  at::Tensor in_order(const at::Tensor& matrix) const {
    return matrix.index_select(0, matrices_.order).index_select(1, matrices_.order);
  }

  // R from the last column up is the lower factor of the matrix turned round, turned back.
  std::optional<std::int64_t> try_factor(double added, at::ScalarType type) {
    at::Tensor turned = hessian_.flip({0, 1}).to(type);
    turned.diagonal().add_(added);
    const auto [lower, failed] = at::linalg_cholesky_ex(turned);
    // Not every library tells of a pivot that is no number.
    const at::Tensor odd = lower.diagonal().isfinite().logical_not().sum();
    const std::vector<double> told = host_doubles(at::stack({failed.to(at::kLong), odd}));
    if (told[0] > 0) return facts_.columns - static_cast<std::int64_t>(told[0]);
    if (told[1] > 0) return facts_.columns - 1;
    matrices_.feedback = lower.flip({0, 1}).to(at::kFloat);
    return std::nullopt;
  }

  // Z F^T = D, and -A = -(Z * M) diag(R)^-2.
  void solve_drift(const std::string& where) {
    const std::vector<float> odd = host_floats(drift_.isfinite().logical_not().any(1));
    if (const auto first = std::find(odd.begin(), odd.end(), 1.0f); first != odd.end()) {
      throw Error(where, fmt::format("a drift of column {} that is not finite", first - odd.begin()),
                  "finite inputs of the float linears");
    }
    const at::Tensor solved = at::linalg_solve_triangular(matrices_.feedback.t(), in_order(drift_), false, false, true);
    matrices_.drift = solved.triu(1).div_(-matrices_.pivots);
    drift_ = at::Tensor();
    const std::vector<double> energy = host_doubles(energies_);
    relative_drift_ = energy[1] > 0 ? energy[0] / energy[1] : 0;
  }

  double output_energy(const at::Tensor& weights) override {
    const at::Tensor ordered = ordered_columns(weights, matrices_);
    const at::Tensor product = at::matmul(ordered, matrices_.feedback);
    return product.square_().mul_(matrices_.pivots).sum(at::kDouble).item<double>();
  }

  double weight_;
  at::TensorOptions options_;
  at::Tensor hessian_, drift_, energies_;  // D and its two sums, under asymmetric calibration
  GptqFactor facts_;                       // without matrices
  GptqMatrices matrices_;
  std::optional<double> relative_drift_;
};

}  // namespace

std::unique_ptr<GptqSolver> tensor_gptq(const GptqProblem& problem, at::Device device) {
  if (problem.columns <= 0 || problem.sequences <= 0) {
    throw Error("Hessian", fmt::format("{} columns and {} sequences", problem.columns, problem.sequences),
                "at least one of each");
  }
  return std::make_unique<TensorGptq>(problem, device);
}

}  // namespace qreason
