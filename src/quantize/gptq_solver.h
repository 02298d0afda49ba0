// GPTQ of the linears that read the same inputs (q, k, v; gate, up), in the order in which it is done: inputs are added
// up, the Hessian is factored, linears are rounded. The executor's kernels do it on the host, or tensor operations on a
// device of libtorch's (quantize/tensors/tensor_gptq.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "kernels/executor.h"
#include "quantize/gptq.h"
#include "quantize/gptq_factor.h"

namespace qreason {

// What a rounded linear is to equal: the float linear on the same inputs; or on those of the float model, which needs a
// second walk and makes up for what was rounded before (GPTAQ, quantize/gptaq.h).
enum class GptqCalibration { kSymmetric, kAsymmetric };

class GptqSolver {
 public:
  virtual ~GptqSolver() = default;

  // The rows of one sequence, [.., columns] where the walk computes; under asymmetric calibration the float model's as
  // well.
  virtual void add(const at::Tensor& rows) = 0;
  virtual void add_drift(const at::Tensor& original, const at::Tensor& rows) = 0;
  // After the last sequence. Errors as qreason::factorize and qreason::add_drift.
  virtual void factorize(ColumnOrder order, const DampingRule& damping, const std::string& where) = 0;

  // What was found on the way; its matrices may lie elsewhere.
  virtual const GptqFactor& factor() const = 0;
  virtual std::optional<double> input_drift() const = 0;  // InputDrift::relative

  // weights: float32 [out, columns] on the host. Errors as round_gptq.
  virtual GptqResult round(const at::Tensor& weights, const QuantFormat& format, const GptqOptions& options) = 0;
  // tr((W - Q) H (W - Q)^T) / tr(W H W^T), H damped. Both parts must be finite, an Error else; 0 where W H W^T is.
  double output_error(const at::Tensor& weights, const GptqResult& rounded);

 protected:
  explicit GptqSolver(GptqCalibration calibration) : calibration_(calibration) {}
  virtual double output_energy(const at::Tensor& weights) = 0;  // tr(W H W^T)

 private:
  GptqCalibration calibration_;
};

struct GptqProblem {
  std::int64_t columns = 0, sequences = 0;
  GptqCalibration calibration = GptqCalibration::kSymmetric;
};
// On the kernels of `executor`, which outlives the solver, where there is no device.
std::unique_ptr<GptqSolver> gptq_solver(const GptqProblem& problem, std::optional<at::Device> device,
                                        Executor& executor);

}  // namespace qreason
