#include "kernels/packed_matrix.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>
#include <utility>

#include "base/error.h"
#include "kernels/cpu/panel_storage.h"

namespace qreason {
namespace {

constexpr std::int64_t kLanes = PackedMatrix::kPanel;

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

void check_size(std::size_t got, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 64;
  if (rows < 1 || columns < 1 || rows > kMost / columns || got != static_cast<std::size_t>(rows * columns)) {
    throw Error("packed matrix", std::to_string(got) + " values",
                std::to_string(rows) + " x " + std::to_string(columns));
  }
}

std::unique_ptr<PackedMatrix::Storage> make_storage(WeightKind kind, std::int64_t rows, std::int64_t columns) {
  auto storage = std::make_unique<PackedMatrix::Storage>();
  storage->rows = rows;
  storage->view.kind = kind;
  storage->view.columns = columns;
  storage->view.panels = round_up(rows, kLanes) / kLanes;
  return storage;
}

template <class T>
void fill_panels(std::span<const T> values, std::int64_t rows, std::int64_t columns, T* out) {
  for (std::int64_t row = 0; row < rows; ++row) {
    T* to = out + row / kLanes * kLanes * columns + row % kLanes;
    const T* from = values.data() + row * columns;
    for (std::int64_t k = 0; k < columns; ++k) to[k * kLanes] = from[k];
  }
}

void fill_words(const QuantizedMatrix& matrix, const PanelView& view, std::uint32_t* out) {
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    std::uint32_t* panel = out + row / kLanes * view.units * view.bits * kLanes + row % kLanes;
    const std::uint8_t* codes = matrix.codes.data() + row * matrix.columns;
    for (std::int64_t k = 0; k < matrix.columns; ++k) {
      const std::int64_t bit = k % kUnitColumns * view.bits;
      std::uint32_t* unit = panel + k / kUnitColumns * view.bits * kLanes;
      const std::uint64_t code = static_cast<std::uint64_t>(codes[k]) << (bit % 32);
      unit[bit / 32 * kLanes] |= static_cast<std::uint32_t>(code);
      if (code >> 32 != 0) unit[(bit / 32 + 1) * kLanes] |= static_cast<std::uint32_t>(code >> 32);
    }
  }
}

void fill_parameters(const QuantizedMatrix& matrix, std::int64_t panels, float* scales, std::uint8_t* zeros) {
  std::fill_n(zeros, panels * matrix.groups * kLanes, static_cast<std::uint8_t>(matrix.format.code_offset()));
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t group = 0; group < matrix.groups; ++group) {
      const std::int64_t to = (row / kLanes * matrix.groups + group) * kLanes + row % kLanes;
      const auto from = static_cast<std::size_t>(row * matrix.groups + group);
      scales[to] = matrix.scales[from];
      if (!matrix.zeros.empty()) zeros[to] = matrix.zeros[from];
    }
  }
}

}  // namespace

PackedMatrix::PackedMatrix() : storage_(std::make_unique<Storage>()) {}
PackedMatrix::~PackedMatrix() = default;

// A matrix that was moved from is empty, as a default one.
PackedMatrix::PackedMatrix(PackedMatrix&& other) noexcept : storage_(std::move(other.storage_)) {}
PackedMatrix& PackedMatrix::operator=(PackedMatrix&& other) noexcept {
  std::swap(storage_, other.storage_);
  return *this;
}

PackedMatrix PackedMatrix::from_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns) {
  check_size(values.size(), rows, columns);
  PackedMatrix packed;
  packed.storage_ = make_storage(WeightKind::kFloat32, rows, columns);
  Storage& storage = *packed.storage_;
  storage.values = AlignedBytes(static_cast<std::size_t>(storage.view.panels * kLanes * columns) * sizeof(float));
  fill_panels(values, rows, columns, storage.values.as<float>());
  storage.view.float32 = storage.values.as<float>();
  return packed;
}

PackedMatrix PackedMatrix::from_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows,
                                         std::int64_t columns) {
  check_size(values.size(), rows, columns);
  PackedMatrix packed;
  packed.storage_ = make_storage(WeightKind::kBFloat16, rows, columns);
  Storage& storage = *packed.storage_;
  storage.values = AlignedBytes(static_cast<std::size_t>(storage.view.panels * kLanes * columns) * 2);
  fill_panels(values, rows, columns, storage.values.as<std::uint16_t>());
  storage.view.bfloat16 = storage.values.as<std::uint16_t>();
  return packed;
}

PackedMatrix PackedMatrix::from_quantized(const QuantizedMatrix& matrix) {
  validate(matrix, "packed matrix");
  check_size(matrix.codes.size(), matrix.rows, matrix.columns);
  PackedMatrix packed;
  packed.storage_ = make_storage(WeightKind::kQuantized, matrix.rows, matrix.columns);
  Storage& storage = *packed.storage_;
  PanelView& view = storage.view;
  view.bits = matrix.format.bits;
  view.units = round_up(matrix.columns, kUnitColumns) / kUnitColumns;
  view.groups = matrix.groups;
  view.group_size = matrix.groups == 1 ? round_up(matrix.columns, kUnitColumns) : matrix.group_size;
  storage.values = AlignedBytes(static_cast<std::size_t>(view.panels * view.units * view.bits * kLanes) * 4);
  storage.scales = AlignedBytes(static_cast<std::size_t>(view.panels * view.groups * kLanes) * sizeof(float));
  storage.zeros = AlignedBytes(static_cast<std::size_t>(view.panels * view.groups * kLanes));
  fill_words(matrix, view, storage.values.as<std::uint32_t>());
  fill_parameters(matrix, view.panels, storage.scales.as<float>(), storage.zeros.as<std::uint8_t>());
  if (matrix.groups > 1) storage.group_index = matrix.group_index;
  view.words = storage.values.as<std::uint32_t>();
  view.scales = storage.scales.as<float>();
  view.zeros = storage.zeros.as<std::uint8_t>();
  view.group_index = storage.group_index.empty() ? nullptr : storage.group_index.data();
  return packed;
}

std::int64_t PackedMatrix::rows() const {
  return storage_ ? storage_->rows : 0;
}
std::int64_t PackedMatrix::columns() const {
  return storage_ ? storage_->view.columns : 0;
}
WeightKind PackedMatrix::kind() const {
  return storage_ ? storage_->view.kind : WeightKind::kFloat32;
}

std::uint64_t PackedMatrix::bytes() const {
  if (!storage_) return 0;
  return storage_->values.size() + storage_->scales.size() + storage_->zeros.size() +
         storage_->group_index.size() * sizeof(std::int32_t);
}

void PackedMatrix::unpack_row(std::int64_t row, std::span<float> out) const {
  if (row < 0 || row >= rows() || out.size() != static_cast<std::size_t>(columns())) {
    throw Error(
        "packed matrix row",
        std::to_string(row) + " of " + std::to_string(rows()) + " into " + std::to_string(out.size()) + " values",
        std::to_string(columns()) + " values of a row that exists");
  }
  const PanelView& view = storage_->view;
  const std::int64_t panel = row / kLanes, lane = row % kLanes;
  for (std::int64_t k = 0; k < view.columns; ++k) {
    const std::int64_t element = (panel * view.columns + k) * kLanes + lane;
    float& to = out[static_cast<std::size_t>(k)];
    if (view.kind == WeightKind::kFloat32) {
      to = view.float32[element];
    } else if (view.kind == WeightKind::kBFloat16) {
      to = std::bit_cast<float>(static_cast<std::uint32_t>(view.bfloat16[element]) << 16);
    } else {
      const std::int64_t bit = k % kUnitColumns * view.bits;
      const std::uint32_t* words =
          view.words + ((panel * view.units + k / kUnitColumns) * view.bits + bit / 32) * kLanes + lane;
      std::uint64_t two = words[0];
      if (bit % 32 + view.bits > 32) two |= static_cast<std::uint64_t>(words[kLanes]) << 32;
      const int code = static_cast<int>((two >> (bit % 32)) & ((1u << view.bits) - 1u));
      const std::int64_t group = view.group_index != nullptr ? view.group_index[k] : k / view.group_size;
      const std::int64_t parameter = (panel * view.groups + group) * kLanes + lane;
      to = view.scales[parameter] * static_cast<float>(code - static_cast<int>(view.zeros[parameter]));
    }
  }
}

}  // namespace qreason
