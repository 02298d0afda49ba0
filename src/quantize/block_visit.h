// What a pass sees of one block while a recipe walks the model.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "formats/quantized_matrix.h"
#include "kernels/executor.h"
#include "model/config.h"
#include "model/site.h"

namespace qreason {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// What happened to one linear; nothing that was retried, skipped or clipped is left out.
struct LinearReport {
  double loss = 0;                // GPTQ: 1/2 tr((W-Q) H (W-Q)^T); RTN: squared error of the weights
  std::int64_t clipped = 0;       // codes that rounding put outside the range
  std::optional<double> damping;  // the ratio that worked
  int damping_retries = 0;
  std::int64_t dead_columns = 0;
  double seconds = 0;          // rounding alone
  double hessian_seconds = 0;  // shared by the linears with the same inputs, forward passes included
  double factor_seconds = 0;
};

class BlockVisit {
 public:
  virtual ~BlockVisit() = default;
  virtual std::int64_t layer() const = 0;
  virtual const ModelConfig& config() const = 0;
  virtual Executor& executor() = 0;

  // Calibration sequences, and the inputs [count, width] of the linears at a site, one sequence after the other, as the
  // block computes them with everything replaced so far. Sites must be asked for in the order of the block.
  virtual std::int64_t sequences() const = 0;
  using InputVisitor = std::function<void(const float* rows, std::int64_t count)>;
  virtual void for_each_input(Site site, const InputVisitor& visitor) = 0;

  // The original matrix, float32 [out, in] contiguous, and the format that the plan gives it.
  virtual at::Tensor weight(LinearSlot slot) const = 0;
  virtual const QuantFormat& format(LinearSlot slot) const = 0;
  virtual void replace(LinearSlot slot, QuantizedMatrix matrix, const LinearReport& report) = 0;
};

}  // namespace qreason
