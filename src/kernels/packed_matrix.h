// Weights W [rows = out, columns = in] laid out for the matrix product of a backend. On the processor: panels of 16
// outputs, inside a panel column by column, so that a product adds up every output in the order of the columns.
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

  // What a backend keeps of a weight.
  struct Storage {
    Storage(WeightKind a_kind, std::int64_t a_rows, std::int64_t a_columns)
        : kind(a_kind), rows(a_rows), columns(a_columns) {}
    virtual ~Storage() = default;
    virtual std::uint64_t bytes() const = 0;
    WeightKind kind;
    std::int64_t rows, columns;
  };

  PackedMatrix();
  explicit PackedMatrix(std::unique_ptr<Storage> storage);
  ~PackedMatrix();
  PackedMatrix(PackedMatrix&&) noexcept;
  PackedMatrix& operator=(PackedMatrix&&) noexcept;

  // For the processor (kernels/backend.h has them for any). Row-major sources [rows, columns]; bfloat16 as its bit
  // patterns. Panels are laid out by `pool`, or by the caller's thread.
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

  // The float32 values of one row of a weight of the processor's, exactly. out [columns].
  void unpack_row(std::int64_t row, std::span<float> out) const;

  const Storage& storage() const { return *storage_; }  // for the backend's kernels

 private:
  std::unique_ptr<Storage> storage_;
};

}  // namespace qreason
