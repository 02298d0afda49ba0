#include "model/linear.h"

#include <fmt/format.h>

#include <span>

#include "base/error.h"

namespace qreason {
namespace {

void require_dense_type(const at::Tensor& tensor, const std::string& where) {
  const auto type = tensor.scalar_type();
  if (type != at::kFloat && type != at::kBFloat16 && type != at::kHalf) {
    throw Error(where, fmt::format("element type {}", c10::toString(type)), "float32, bfloat16 or float16");
  }
}

}  // namespace

PackedMatrix pack_dense(const at::Tensor& matrix, ComputeType type, const std::string& where, ThreadPool* pool) {
  require_dense_type(matrix, where);
  if (matrix.dim() != 2) throw Error(where, fmt::format("{} dimensions", matrix.dim()), "a matrix");
  const std::int64_t rows = matrix.size(0), columns = matrix.size(1);
  const auto count = static_cast<std::size_t>(rows * columns);
  const bool bfloat16 =
      type == ComputeType::kBFloat16 || (type == ComputeType::kAuto && matrix.scalar_type() == at::kBFloat16);
  if (bfloat16) {
    const at::Tensor values = matrix.to(at::kBFloat16).contiguous();
    const auto* bits = static_cast<const std::uint16_t*>(values.const_data_ptr());
    return PackedMatrix::from_bfloat16({bits, count}, rows, columns, pool);
  }
  const at::Tensor values = matrix.to(at::kFloat).contiguous();
  return PackedMatrix::from_float32({values.const_data_ptr<float>(), count}, rows, columns, pool);
}

PackedMatrix pack_weight(const LinearWeight& weight, ComputeType type, const std::string& where, ThreadPool* pool) {
  if (weight.quantized()) return PackedMatrix::from_quantized(std::get<QuantizedMatrix>(weight.matrix), pool);
  return pack_dense(std::get<at::Tensor>(weight.matrix), type, where, pool);
}

std::vector<float> float_vector(const at::Tensor& tensor, std::int64_t size, const std::string& where) {
  require_dense_type(tensor, where);
  if (tensor.dim() != 1 || tensor.numel() != size) {
    throw Error(where, fmt::format("{} values in {} dimensions", tensor.numel(), tensor.dim()),
                fmt::format("a vector of {}", size));
  }
  const at::Tensor values = tensor.to(at::kFloat).contiguous();
  const float* data = values.const_data_ptr<float>();
  return {data, data + size};
}

}  // namespace qreason
