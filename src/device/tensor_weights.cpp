#include "device/tensor_weights.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/error.h"
#include "device/tensor_codes.h"

namespace qreason {
namespace {

void check_size(std::size_t got, std::int64_t rows, std::int64_t columns) {
  if (rows >= 1 && columns >= 1 && got == static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns)) return;
  throw Error("weight", fmt::format("{} values", got), fmt::format("{} x {}", rows, columns));
}

// A copy on the device of what the host has.
template <class T>
at::Tensor placed(const T* values, at::IntArrayRef sizes, at::ScalarType type, at::Device device) {
  return at::from_blob(const_cast<T*>(values), sizes, type).to(device, type, /*non_blocking=*/false, /*copy=*/true);
}

at::Tensor expand(const TensorWeight& weight, const at::Tensor& packed, const at::Tensor& scales,
                  const at::Tensor& zeros) {
  const at::Tensor codes = unpack_codes(packed, weight.columns, weight.bits);
  if (weight.group_index.defined()) {
    return decode_runs(codes, scales.index_select(1, weight.group_index), zeros.index_select(1, weight.group_index),
                       weight.number);
  }
  const at::Tensor runs = codes.unflatten(1, {scales.size(1), weight.group_size});
  return decode_runs(runs, scales.unsqueeze(-1), zeros.unsqueeze(-1), weight.number).flatten(1);
}

}  // namespace

std::uint64_t TensorWeight::bytes() const {
  std::uint64_t sum = 0;
  for (const at::Tensor& part : {values, codes, scales, zeros, group_index}) {
    if (part.defined()) sum += part.nbytes();
  }
  return sum;
}

PackedMatrix place_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns, at::Device device) {
  check_size(values.size(), rows, columns);
  auto weight = std::make_unique<TensorWeight>(WeightKind::kFloat32, rows, columns);
  weight->values = placed(values.data(), {rows, columns}, at::kFloat, device);
  return PackedMatrix(std::move(weight));
}

PackedMatrix place_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                            at::Device device) {
  check_size(values.size(), rows, columns);
  auto weight = std::make_unique<TensorWeight>(WeightKind::kBFloat16, rows, columns);
  weight->values = placed(values.data(), {rows, columns}, at::kBFloat16, device);
  return PackedMatrix(std::move(weight));
}

PackedMatrix place_quantized(const QuantizedMatrix& matrix, at::Device device) {
  validate_layout(matrix, "weight");
  check_size(matrix.codes.size(), matrix.rows, matrix.columns);
  const int highest = (1 << matrix.format.bits) - 1;
  if (std::any_of(matrix.codes.begin(), matrix.codes.end(), [&](std::uint8_t code) { return code > highest; })) {
    throw Error("weight", fmt::format("codes of more than {} bits", matrix.format.bits), to_string(matrix.format));
  }
  auto weight = std::make_unique<TensorWeight>(WeightKind::kQuantized, matrix.rows, matrix.columns);
  weight->number = matrix.format.kind;
  weight->bits = matrix.format.bits;
  weight->group_size = matrix.group_size;
  weight->codes =
      pack_codes(placed(matrix.codes.data(), {matrix.rows, matrix.columns}, at::kByte, device), weight->bits);
  std::vector<float> scales, zeros;
  for (std::int64_t slot = 0; slot < matrix.rows * matrix.groups; ++slot) {
    scales.push_back(matrix.scale_of(slot));
    zeros.push_back(matrix.zero_of(slot));
  }
  weight->scales = placed(scales.data(), {matrix.rows, matrix.groups}, at::kFloat, device);
  weight->zeros = placed(zeros.data(), {matrix.rows, matrix.groups}, at::kFloat, device);
  if (!matrix.group_index.empty() || matrix.groups * matrix.group_size != matrix.columns) {
    std::vector<std::int64_t> groups;
    for (std::int64_t column = 0; column < matrix.columns; ++column) groups.push_back(matrix.group_of(column));
    weight->group_index = placed(groups.data(), {matrix.columns}, at::kLong, device);
  }
  return PackedMatrix(std::move(weight));
}

const TensorWeight& tensor_weight(const PackedMatrix& matrix) {
  if (matrix.empty()) throw Error("weight", "an empty one", "one with rows");
  const auto* weight = dynamic_cast<const TensorWeight*>(&matrix.storage());
  if (weight == nullptr) throw Error("weight", "one of another backend", "one placed on the device");
  return *weight;
}

at::Tensor expanded(const TensorWeight& weight) {
  if (weight.values.defined()) return weight.values.to(at::kFloat);
  return expand(weight, weight.codes, weight.scales, weight.zeros);
}

at::Tensor expanded_rows(const TensorWeight& weight, const at::Tensor& rows) {
  if (weight.values.defined()) return weight.values.index_select(0, rows).to(at::kFloat);
  return expand(weight, weight.codes.index_select(0, rows), weight.scales.index_select(0, rows),
                weight.zeros.index_select(0, rows));
}

}  // namespace qreason
