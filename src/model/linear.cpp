#include "model/linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.h"
#include "kernels/backend.h"
#include "model/column_range.h"

namespace qreason {
namespace {

void require_dense_type(const at::Tensor& tensor, const std::string& where) {
  const auto type = tensor.scalar_type();
  if (type != at::kFloat && type != at::kBFloat16 && type != at::kHalf) {
    throw Error(where, fmt::format("element type {}", c10::toString(type)), "float32, bfloat16 or float16");
  }
}

}  // namespace

PackedMatrix pack_dense(const at::Tensor& matrix, ComputeType type, const std::string& where,
                        const WeightPlace& place) {
  require_dense_type(matrix, where);
  if (matrix.dim() != 2) throw Error(where, fmt::format("{} dimensions", matrix.dim()), "a matrix");
  const std::int64_t rows = matrix.size(0), columns = matrix.size(1);
  const auto count = static_cast<std::size_t>(rows * columns);
  const bool bfloat16 =
      type == ComputeType::kBFloat16 || (type == ComputeType::kAuto && matrix.scalar_type() == at::kBFloat16);
  if (bfloat16) {
    const at::Tensor values = matrix.to(at::kBFloat16).contiguous();
    const auto* bits = static_cast<const std::uint16_t*>(values.const_data_ptr());
    return place.backend.pack_bfloat16({bits, count}, rows, columns, place.pool);
  }
  const at::Tensor values = matrix.to(at::kFloat).contiguous();
  return place.backend.pack_float32({values.const_data_ptr<float>(), count}, rows, columns, place.pool);
}

PackedMatrix pack_weight(const LinearWeight& weight, ComputeType type, const std::string& where,
                         const WeightPlace& place) {
  if (weight.quantized()) return place.backend.pack_quantized(std::get<QuantizedMatrix>(weight.matrix), place.pool);
  return pack_dense(std::get<at::Tensor>(weight.matrix), type, where, place);
}

std::uint64_t Linear::bytes() const {
  std::uint64_t sum = bias.bytes();
  for (const PackedMatrix& shard : shards) sum += shard.bytes();
  return sum;
}

std::vector<PackedMatrix> pack_shards(const LinearWeight& weight, ComputeType type, int degree,
                                      const std::string& where, const WeightPlace& place) {
  std::vector<PackedMatrix> shards;
  if (degree == 1) {
    shards.push_back(pack_weight(weight, type, where, place));
    return shards;
  }
  if (weight.columns() % degree != 0) {
    throw Error(where, fmt::format("{} columns in {} shards", weight.columns(), degree), "equally wide shards");
  }
  const std::int64_t width = weight.columns() / degree;
  for (int rank = 0; rank < degree; ++rank) {
    LinearWeight shard;
    if (const auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix)) {
      shard.matrix = column_range(*codes, rank * width, width);
    } else {
      shard.matrix = std::get<at::Tensor>(weight.matrix).narrow(1, rank * width, width).contiguous();
    }
    shards.push_back(pack_weight(shard, type, where, place));
  }
  return shards;
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

std::vector<float> plan_values(const WeightSource& source, const PlanTensor& tensor) {
  const at::Tensor stored = source.tensor(tensor.name);
  if (stored.scalar_type() != at::kFloat || stored.sizes() != at::IntArrayRef(tensor.shape)) {
    throw Error(tensor.name,
                fmt::format("{} [{}]", c10::toString(stored.scalar_type()), fmt::join(stored.sizes(), ", ")),
                fmt::format("Float [{}]", fmt::join(tensor.shape, ", ")));
  }
  const at::Tensor values = stored.contiguous();
  const float* data = values.const_data_ptr<float>();
  std::vector<float> copied(data, data + values.numel());
  const auto bad = std::find_if(copied.begin(), copied.end(), [](float value) { return !std::isfinite(value); });
  if (bad != copied.end()) {
    throw Error(tensor.name, fmt::format("{} at {}", *bad, bad - copied.begin()), "finite numbers");
  }
  return copied;
}

}  // namespace qreason
