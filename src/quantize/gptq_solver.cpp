#include "quantize/gptq_solver.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <cmath>
#include <span>
#include <utility>

#include "base/error.h"
#include "model/weights.h"
#include "quantize/gptaq.h"
#include "quantize/rounding_error.h"
#include "quantize/tensors/tensor_gptq.h"

namespace qreason {
namespace {

std::span<const float> values_of(const at::Tensor& matrix) {
  return {matrix.const_data_ptr<float>(), static_cast<std::size_t>(matrix.numel())};
}

class KernelGptq : public GptqSolver {
 public:
  KernelGptq(const GptqProblem& problem, Executor& executor)
      : GptqSolver(problem.calibration), executor_(executor), hessian_(problem.columns, problem.sequences) {
    if (problem.calibration == GptqCalibration::kAsymmetric) drift_.emplace(problem.columns, problem.sequences);
  }

  void add(const at::Tensor& rows) override { hessian_.add(rows.const_data_ptr<float>(), rows.size(0), executor_); }
  void add_drift(const at::Tensor& original, const at::Tensor& rows) override {
    drift_.value().add(original.const_data_ptr<float>(), rows.const_data_ptr<float>(), rows.size(0), executor_);
  }
  void factorize(ColumnOrder order, const DampingRule& damping, const std::string& where) override {
    factor_ = qreason::factorize(std::move(hessian_), order, damping, where, executor_);
    if (!drift_) return;
    relative_drift_ = drift_->relative();
    qreason::add_drift(factor_, *std::exchange(drift_, std::nullopt), where, executor_);
  }
  const GptqFactor& factor() const override { return factor_; }
  std::optional<double> input_drift() const override { return relative_drift_; }

  GptqResult round(const at::Tensor& weights, const QuantFormat& format, const GptqOptions& options) override {
    return round_gptq(values_of(weights), weights.size(0), factor_, format, options, executor_);
  }

 private:
  double output_energy(const at::Tensor& weights) override {
    return qreason::output_energy(values_of(weights), weights.size(0), factor_, executor_);
  }

  Executor& executor_;
  Hessian hessian_;
  std::optional<InputDrift> drift_;
  GptqFactor factor_;
  std::optional<double> relative_drift_;
};

}  // namespace

// GPTQ's own loss is half of the error, except under asymmetric calibration, which aims beside W.
double GptqSolver::output_error(const at::Tensor& weights, const GptqResult& rounded) {
  const double energy = output_energy(weights);
  const double error =
      calibration_ == GptqCalibration::kAsymmetric
          ? output_energy((weights - LinearWeight{.matrix = rounded.matrix}.dense_float32()).contiguous())
          : 2 * rounded.loss;
  if (!std::isfinite(error) || !std::isfinite(energy)) {
    throw Error("GPTQ", fmt::format("outputs of energy {} with errors of {}", energy, error), "finite ones");
  }
  return energy > 0 ? error / energy : 0;
}

std::unique_ptr<GptqSolver> gptq_solver(const GptqProblem& problem, std::optional<at::Device> device,
                                        Executor& executor) {
  if (device) return tensor_gptq(problem, *device);
  return std::make_unique<KernelGptq>(problem, executor);
}

}  // namespace qreason
