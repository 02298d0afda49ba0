#include <algorithm>
#include <cmath>

#include "kernels/cpu_backend.h"

namespace qreason {
namespace {

constexpr std::int64_t kRowsPerTask = 16;

// y += a x
void add_multiple(float a, const float* x, std::int64_t count, float* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] += a * x[i];
}

// x [size] becomes x H / sqrt(size): size log(size) sums and differences.
void hadamard_in_place(float* x, std::int64_t size) {
  for (std::int64_t half = 1; half < size; half *= 2) {
    for (std::int64_t begin = 0; begin < size; begin += 2 * half) {
      for (std::int64_t i = begin; i < begin + half; ++i) {
        const float a = x[i], b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
    }
  }
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(size)));
  for (std::int64_t i = 0; i < size; ++i) x[i] *= scale;
}

// `space` is a second run.
void transform_run(const RunTransform& t, std::int64_t index, float* run, float* space) {
  const std::int64_t left = t.left, right = t.right, size = left * right;
  if (t.kind == RunTransform::Right::kHadamard) {
    for (std::int64_t i = 0; i < left; ++i) hadamard_in_place(run + i * right, right);
  } else if (t.right_matrix != nullptr) {
    const float* matrix = t.right_matrix + index * t.right_step;
    std::fill_n(space, size, 0.0f);
    for (std::int64_t i = 0; i < left; ++i) {
      for (std::int64_t k = 0; k < right; ++k) {
        add_multiple(run[i * right + k], matrix + k * right, right, space + i * right);
      }
    }
    std::copy_n(space, size, run);
  }
  if (t.left_matrix == nullptr) return;
  const float* matrix = t.left_matrix + index * t.left_step;
  std::fill_n(space, size, 0.0f);
  for (std::int64_t i = 0; i < left; ++i) {
    for (std::int64_t k = 0; k < left; ++k) {
      add_multiple(matrix[k * left + i], run + k * right, right, space + i * right);
    }
  }
  std::copy_n(space, size, run);
}

}  // namespace

void CpuBackend::transform_rows(float* x, std::int64_t rows, std::int64_t width, const RunTransform& transform,
                                Executor& executor) const {
  const std::int64_t run = transform.left * transform.right, runs = width / run;
  executor.run((rows + kRowsPerTask - 1) / kRowsPerTask, [&](std::int64_t task) {
    float* space = executor.workspace().need(WorkspaceSlot::kTransform, static_cast<std::size_t>(run));
    const std::int64_t end = std::min(rows, (task + 1) * kRowsPerTask);
    for (std::int64_t row = task * kRowsPerTask; row < end; ++row) {
      for (std::int64_t i = 0; i < runs; ++i) transform_run(transform, i, x + row * width + i * run, space);
    }
  });
}

}  // namespace qreason
