#include "quantize/passes/scaled_view.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::int64_t kRows = 1024;

at::Tensor double_tensor(const std::vector<double>& values) {
  return at::from_blob(const_cast<double*>(values.data()), {static_cast<std::int64_t>(values.size())}, at::kDouble);
}

}  // namespace

at::ScalarType view_type(const at::Tensor& stored) {
  return stored.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor with_scaled_columns(const at::Tensor& matrix, const std::vector<double>& scales) {
  if (matrix.dim() != 2 || matrix.size(1) != static_cast<std::int64_t>(scales.size())) {
    throw Error("scaled columns", fmt::format("{} scales", scales.size()), "one for each column of a matrix");
  }
  const at::Tensor factors = double_tensor(scales);
  at::Tensor scaled = at::empty(matrix.sizes(), view_type(matrix));
  for (std::int64_t row = 0; row < matrix.size(0); row += kRows) {
    const std::int64_t end = std::min(row + kRows, matrix.size(0));
    scaled.slice(0, row, end).copy_(matrix.slice(0, row, end).to(at::kDouble).mul(factors));
  }
  return scaled;
}

void require_no_transforms(const ModelPlan& plan, const char* pass) {
  if (plan.has_transforms()) throw Error::usage(pass, "a model with online transforms", "one without");
}

std::vector<double> doubles_of(const at::Tensor& vector) {
  const at::Tensor values = vector.to(at::kDouble).contiguous();
  const double* data = values.const_data_ptr<double>();
  return {data, data + values.numel()};
}

at::Tensor float_tensor(const std::vector<double>& values) {
  return double_tensor(values).to(at::kFloat);
}

at::Tensor vector_tensor(const std::vector<double>& values, const at::Tensor& stored) {
  return double_tensor(values).to(view_type(stored), /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace qreason
