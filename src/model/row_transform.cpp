#include "model/row_transform.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace qreason {
namespace {

constexpr std::int64_t kRowsPerTask = 16;

// y += a x
void add_multiple(float a, const float* x, std::int64_t count, float* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] += a * x[i];
}

const float* matrix_of(const std::vector<float>& matrices, std::int64_t size, std::int64_t index, RunMatrices kind) {
  return matrices.data() + (kind == RunMatrices::kOwn ? index * size * size : 0);
}

}  // namespace

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

RowTransform::RowTransform(const OnlineTransform& transform, std::vector<float> left, std::vector<float> right)
    : transform_(transform), left_(std::move(left)), right_(std::move(right)) {}

void RowTransform::apply(float* rows, std::int64_t count, std::int64_t width, Executor& executor) const {
  const std::int64_t run = transform_.run(), runs = width / run;
  executor.run((count + kRowsPerTask - 1) / kRowsPerTask, [&](std::int64_t task) {
    std::vector<float> space(static_cast<std::size_t>(run));
    const std::int64_t end = std::min(count, (task + 1) * kRowsPerTask);
    for (std::int64_t row = task * kRowsPerTask; row < end; ++row) {
      for (std::int64_t i = 0; i < runs; ++i) apply_to_run(rows + row * width + i * run, i, space.data());
    }
  });
}

void RowTransform::apply_to_run(float* run, std::int64_t index, float* space) const {
  const std::int64_t left = transform_.left, right = transform_.right, size = left * right;
  if (transform_.kind == TransformKind::kHadamard) {
    for (std::int64_t i = 0; i < left; ++i) hadamard_in_place(run + i * right, right);
  } else if (!right_.empty()) {
    const float* matrix = matrix_of(right_, right, index, transform_.matrices);
    std::fill_n(space, size, 0.0f);
    for (std::int64_t i = 0; i < left; ++i) {
      for (std::int64_t k = 0; k < right; ++k) {
        add_multiple(run[i * right + k], matrix + k * right, right, space + i * right);
      }
    }
    std::copy_n(space, size, run);
  }
  if (left_.empty()) return;
  const float* matrix = matrix_of(left_, left, index, transform_.matrices);
  std::fill_n(space, size, 0.0f);
  for (std::int64_t i = 0; i < left; ++i) {
    for (std::int64_t k = 0; k < left; ++k) {
      add_multiple(matrix[k * left + i], run + k * right, right, space + i * right);
    }
  }
  std::copy_n(space, size, run);
}

}  // namespace qreason
