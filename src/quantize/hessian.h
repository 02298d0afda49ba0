// The layer-wise Hessian of GPTQ (Frantar et al. 2022, equation 1): H = (2/n) sum x x^T over all tokens x of n
// sequences, in float32.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/executor.h"

namespace qreason {

class Hessian {
 public:
  // `columns`: width of the inputs; `sequences`: n, how many times add() will be called.
  Hessian(std::int64_t columns, std::int64_t sequences);
  // A matrix made elsewhere: `upper` [columns, columns], all sequences already in it.
  static Hessian from_upper(std::vector<float> upper, std::int64_t columns);

  // The rows of one sequence, x [rows, columns].
  void add(const float* x, std::int64_t rows, Executor& executor);

  std::int64_t columns() const { return columns_; }
  std::vector<float> diagonal() const;
  // [columns, columns] row-major; only the upper triangle has meaning.
  const std::vector<float>& upper() const { return upper_; }
  // Gives the memory away; the object is empty afterwards.
  std::vector<float> take_upper() { return std::move(upper_); }

 private:
  std::int64_t columns_;
  float weight_;
  std::vector<float> upper_;
};

// How far inputs have moved from those of the float model (GPTAQ, quantize/gptaq.h): D = (2/n) sum (x~ - x) x^T over
// all tokens of n sequences, x the inputs as they are and x~ the float model's, in float32.
class InputDrift {
 public:
  InputDrift(std::int64_t columns, std::int64_t sequences);  // as Hessian's

  // The rows of one sequence, both [rows, columns].
  void add(const float* original, const float* x, std::int64_t rows, Executor& executor);

  std::int64_t columns() const { return columns_; }
  // D [columns, columns] row-major. Gives the memory away; the object is empty afterwards.
  std::vector<float> take() { return std::move(values_); }
  // sum |x~ - x|^2 / sum |x~|^2 over all tokens; 0 where all x~ are 0.
  double relative() const { return original_energy_ > 0 ? energy_ / original_energy_ : 0; }

 private:
  std::int64_t columns_;
  float weight_;
  std::vector<float> values_, difference_;
  double energy_ = 0, original_energy_ = 0;
};

}  // namespace qreason
