// An online transform with its matrices, as the decoder applies it to rows. Sums run in the order of the index that is
// summed, so a row's result depends on no other row.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/executor.h"
#include "model/online_transform.h"

namespace qreason {

class RowTransform {
 public:
  // The factors that are tensors, row-major: [size, size], or [runs, size, size] for RunMatrices::kOwn; the others
  // empty.
  RowTransform(const OnlineTransform& transform, std::vector<float> left, std::vector<float> right);

  // rows [count, width] in place; width is a multiple of the run, and for RunMatrices::kOwn as many runs as there are
  // matrices.
  void apply(float* rows, std::int64_t count, std::int64_t width, Executor& executor) const;
  std::uint64_t bytes() const { return (left_.size() + right_.size()) * sizeof(float); }

 private:
  void apply_to_run(float* run, std::int64_t index, float* space) const;

  OnlineTransform transform_;
  std::vector<float> left_, right_;
};

// x [size] becomes x H / sqrt(size), H Sylvester's matrix of a power of two: size log(size) sums and differences.
void hadamard_in_place(float* x, std::int64_t size);

}  // namespace qreason
