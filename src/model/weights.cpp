#include "model/weights.h"

#include <ATen/ops/empty.h>

namespace qreason {

std::int64_t LinearWeight::rows() const {
  if (const auto* codes = std::get_if<QuantizedMatrix>(&matrix)) return codes->rows;
  return std::get<at::Tensor>(matrix).size(0);
}

std::int64_t LinearWeight::columns() const {
  if (const auto* codes = std::get_if<QuantizedMatrix>(&matrix)) return codes->columns;
  return std::get<at::Tensor>(matrix).size(1);
}

at::Tensor LinearWeight::dense_float32() const {
  const auto* codes = std::get_if<QuantizedMatrix>(&matrix);
  if (codes == nullptr) return std::get<at::Tensor>(matrix).to(at::kFloat).contiguous();
  const at::Tensor dense = at::empty({codes->rows, codes->columns}, at::kFloat);
  float* values = dense.data_ptr<float>();
  const auto columns = static_cast<std::size_t>(codes->columns);
  for (std::int64_t row = 0; row < codes->rows; ++row) {
    dequantize_row(*codes, row, {values + row * codes->columns, columns});
  }
  return dense;
}

}  // namespace qreason
