// Weights W [rows = out, columns = in] laid out for the matrix product: panels of 16 outputs, inside a panel column by
// column, so that a product adds up every output in the order of the columns.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/parallel.h"
#include "formats/quantized_matrix.h"

namespace qreason {

enum class WeightKind : std::uint8_t { kFloat32, kBFloat16, kQuantized };

class PackedMatrix {
 public:
  static constexpr int kPanel = 16;

  PackedMatrix();
  ~PackedMatrix();
  PackedMatrix(PackedMatrix&&) noexcept;
  PackedMatrix& operator=(PackedMatrix&&) noexcept;

  // Row-major sources [rows, columns]; bfloat16 as its bit patterns. Panels are laid out by `pool`, or by the caller's
  // thread.
  static PackedMatrix from_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                                   ThreadPool* pool = nullptr);
  static PackedMatrix from_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                                    ThreadPool* pool = nullptr);
  // Any format: codes stay packed at their own width, with scales (float32 here), zeros and group index. `matrix` is
  // one that validate() takes; its codes are not looked at again beyond their width.
  static PackedMatrix from_quantized(const QuantizedMatrix& matrix, ThreadPool* pool = nullptr);

  std::int64_t rows() const;
  std::int64_t columns() const;
  WeightKind kind() const;
  std::uint64_t bytes() const;  // memory held
  bool empty() const { return rows() == 0; }

  // The float32 values of one row, exactly (embedding lookup; tests). out [columns].
  void unpack_row(std::int64_t row, std::span<float> out) const;

  struct Storage;  // src/kernels/cpu/panel_storage.h, for kernels only
  const Storage& storage() const { return *storage_; }

 private:
  std::unique_ptr<Storage> storage_;
};

}  // namespace qreason
