// An online transform with its matrices, as the decoder applies it to rows.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/buffer.h"
#include "kernels/executor.h"
#include "model/online_transform.h"

namespace qreason {

class RowTransform {
 public:
  // The factors that are tensors, row-major: [size, size], or [runs, size, size] for RunMatrices::kOwn; the others
  // empty. They are kept in the backend's memory.
  RowTransform(const OnlineTransform& transform, const std::vector<float>& left, const std::vector<float>& right,
               const Backend& backend = host_backend());

  // rows [count, width] in place; width is a multiple of the run, and for RunMatrices::kOwn as many runs as there are
  // matrices.
  void apply(float* rows, std::int64_t count, std::int64_t width, Executor& executor) const;
  std::uint64_t bytes() const { return left_.bytes() + right_.bytes(); }

 private:
  OnlineTransform transform_;
  Buffer<float> left_, right_;
};

}  // namespace qreason
