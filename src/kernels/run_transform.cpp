#include <algorithm>
#include <cmath>

#include "kernels/cpu/row_kernels.h"
#include "kernels/cpu_backend.h"

namespace qreason {
namespace {

constexpr std::int64_t kRowsPerTask = 16;
constexpr std::int64_t kFewestLanes = 16;  // below, a call costs more than it saves

// x [size, lanes] becomes H x, H being Sylvester's matrix: log2(size) sums and differences a number.
void hadamard_in_place(float* x, std::int64_t size, std::int64_t lanes, const RowKernels& kernels) {
  for (std::int64_t half = lanes; half < size * lanes; half *= 2) {
    for (std::int64_t begin = 0; begin < size * lanes; begin += 2 * half) {
      if (half >= kFewestLanes) {
        kernels.sum_and_difference(x + begin, x + begin + half, half);
        continue;
      }
      for (std::int64_t i = begin; i < begin + half; ++i) {
        const float a = x[i], b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
    }
  }
}

// X [left, width] becomes L^T X; `space` is a second run.
void multiply_left(const float* matrix, std::int64_t left, std::int64_t width, float* run, float* space,
                   const RowKernels& kernels) {
  std::fill_n(space, left * width, 0.0f);
  for (std::int64_t i = 0; i < left; ++i) {
    for (std::int64_t k = 0; k < left; ++k) {
      kernels.add_multiple(matrix[k * left + i], run + k * width, width, space + i * width);
    }
  }
  std::copy_n(space, left * width, run);
}

// X [left, right] becomes X R.
void multiply_right(const float* matrix, std::int64_t left, std::int64_t right, float* run, float* space,
                    const RowKernels& kernels) {
  std::fill_n(space, left * right, 0.0f);
  for (std::int64_t i = 0; i < left; ++i) {
    for (std::int64_t k = 0; k < right; ++k) {
      kernels.add_multiple(run[i * right + k], matrix + k * right, right, space + i * right);
    }
  }
  std::copy_n(space, left * right, run);
}

void transform_run(const RunTransform& t, std::int64_t index, float* run, float* space, const RowKernels& kernels) {
  const std::int64_t width = t.right * t.lanes;
  if (t.kind == RunTransform::Right::kHadamard) {
    for (std::int64_t i = 0; i < t.left; ++i) {
      hadamard_in_place(run + i * width, t.right, t.lanes, kernels);
    }
  } else if (t.right_matrix != nullptr) {
    multiply_right(t.right_matrix + index * t.right_step, t.left, t.right, run, space, kernels);
  }
  if (t.left_matrix != nullptr) {
    multiply_left(t.left_matrix + index * t.left_step, t.left, width, run, space, kernels);
  }
  if (t.kind == RunTransform::Right::kHadamard) {
    const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(t.left * t.right)));
    for (std::int64_t i = 0; i < t.left * width; ++i) run[i] *= scale;
  }
}

}  // namespace

void CpuBackend::transform_rows(float* x, std::int64_t rows, std::int64_t width, const RunTransform& transform,
                                Executor& executor) const {
  const std::int64_t run = transform.left * transform.right * transform.lanes, runs = width / run;
  const RowKernels& kernels = row_kernels();
  executor.run((rows + kRowsPerTask - 1) / kRowsPerTask, [&](std::int64_t task) {
    float* space = executor.workspace().need(WorkspaceSlot::kTransform, static_cast<std::size_t>(run));
    const std::int64_t end = std::min(rows, (task + 1) * kRowsPerTask);
    for (std::int64_t row = task * kRowsPerTask; row < end; ++row) {
      for (std::int64_t i = 0; i < runs; ++i) transform_run(transform, i, x + row * width + i * run, space, kernels);
    }
  });
}

}  // namespace qreason
