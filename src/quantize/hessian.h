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

}  // namespace qreason
