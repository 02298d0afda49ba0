#include "kernels/packed_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "base/error.h"
#include "formats/float_codecs.h"
#include "kernels/code_sums.h"
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

std::unique_ptr<PanelStorage> make_storage(WeightKind kind, std::int64_t rows, std::int64_t columns) {
  auto storage = std::make_unique<PanelStorage>(kind, rows, columns);
  storage->view.kind = kind;
  storage->view.columns = columns;
  storage->view.panels = round_up(rows, kLanes) / kLanes;
  return storage;
}

template <class T>
void fill_panel(std::span<const T> values, std::int64_t rows, std::int64_t columns, std::int64_t panel, T* out) {
  const std::int64_t first = panel * kLanes, lanes = std::min(kLanes, rows - first);
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    const T* from = values.data() + (first + lane) * columns;
    T* to = out + first * columns + lane;
    for (std::int64_t k = 0; k < columns; ++k) to[k * kLanes] = from[k];
  }
}

// Four codes, a byte each, side by side at their own width.
std::uint32_t pressed(std::uint32_t codes, int bits) {
  constexpr std::uint32_t kEven = 0x00FF00FF;
  const std::uint32_t pairs = (codes & kEven) | ((codes >> 8 & kEven) << bits);
  return (pairs & 0xFFFF) | (pairs >> 16 << 2 * bits);
}

// The codes of one lane in one unit, as its words. All the codes, or-ed, in four bytes.
std::uint32_t fill_unit(const std::uint8_t* codes, std::int64_t count, int bits, std::uint32_t* words) {
  std::uint64_t window = 0;
  int held = 0;
  std::uint32_t all = 0;
  const auto take = [&](std::uint32_t value, int width) {
    window |= static_cast<std::uint64_t>(value) << held;
    held += width;
    if (held < 32) return;
    *words = static_cast<std::uint32_t>(window);
    words += kLanes;
    window >>= 32;
    held -= 32;
  };
  std::int64_t k = 0;
  for (; k + 4 <= count; k += 4) {
    std::uint32_t four = 0;
    std::memcpy(&four, codes + k, sizeof four);
    all |= four;
    take(pressed(four, bits), 4 * bits);
  }
  for (; k < count; ++k) {
    all |= codes[k];
    take(codes[k], bits);
  }
  if (held > 0) *words = static_cast<std::uint32_t>(window);
  return all;
}

void fill_words(const QuantizedMatrix& matrix, const PanelView& view, std::int64_t panel, std::uint32_t* out) {
  const std::int64_t first = panel * kLanes, lanes = std::min(kLanes, matrix.rows - first);
  std::uint32_t all = 0;
  for (std::int64_t unit = 0; unit < view.units; ++unit) {
    const std::int64_t column = unit * kUnitColumns, count = std::min(kUnitColumns, matrix.columns - column);
    std::uint32_t* words = out + (panel * view.units + unit) * view.bits * kLanes;
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      all |= fill_unit(matrix.codes.data() + (first + lane) * matrix.columns + column, count, view.bits, words + lane);
    }
  }
  const std::uint32_t wider = (0xFFu << view.bits & 0xFFu) * 0x01010101u;
  if ((all & wider) != 0) {
    throw Error("packed matrix", fmt::format("codes of more than {} bits", view.bits), to_string(matrix.format));
  }
}

void fill_parameters(const QuantizedMatrix& matrix, std::int64_t panel, float* scales, std::uint8_t* zeros) {
  const std::int64_t first = panel * kLanes, lanes = std::min(kLanes, matrix.rows - first);
  for (std::int64_t group = 0; group < matrix.groups; ++group) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const std::int64_t to = (panel * matrix.groups + group) * kLanes + lane;
      const std::int64_t slot = (first + lane) * matrix.groups + group;
      scales[to] = matrix.scale_of(slot);
      if (zeros != nullptr) zeros[to] = static_cast<std::uint8_t>(matrix.zero_of(slot));
    }
  }
}

}  // namespace

const PanelView& panel_view(const PackedMatrix& matrix) {
  if (matrix.empty()) throw Error("packed matrix", "an empty weight", "one with rows");
  const auto* panels = dynamic_cast<const PanelStorage*>(&matrix.storage());
  if (panels == nullptr) throw Error("packed matrix", "a weight of another backend", "one packed for the processor");
  return panels->view;
}

PackedMatrix::PackedMatrix() = default;
PackedMatrix::PackedMatrix(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}
PackedMatrix::~PackedMatrix() = default;

// A matrix that was moved from is empty, as a default one.
PackedMatrix::PackedMatrix(PackedMatrix&& other) noexcept : storage_(std::move(other.storage_)) {}
PackedMatrix& PackedMatrix::operator=(PackedMatrix&& other) noexcept {
  std::swap(storage_, other.storage_);
  return *this;
}

PackedMatrix PackedMatrix::from_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                                        ThreadPool* pool) {
  check_size(values.size(), rows, columns);
  auto kept = make_storage(WeightKind::kFloat32, rows, columns);
  PanelStorage& storage = *kept;
  storage.values = AlignedBytes(static_cast<std::size_t>(storage.view.panels * kLanes * columns) * sizeof(float));
  run_on(pool, storage.view.panels,
         [&](std::int64_t panel) { fill_panel(values, rows, columns, panel, storage.values.as<float>()); });
  storage.view.float32 = storage.values.as<float>();
  return PackedMatrix(std::move(kept));
}

PackedMatrix PackedMatrix::from_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                                         ThreadPool* pool) {
  check_size(values.size(), rows, columns);
  auto kept = make_storage(WeightKind::kBFloat16, rows, columns);
  PanelStorage& storage = *kept;
  storage.values = AlignedBytes(static_cast<std::size_t>(storage.view.panels * kLanes * columns) * 2);
  run_on(pool, storage.view.panels,
         [&](std::int64_t panel) { fill_panel(values, rows, columns, panel, storage.values.as<std::uint16_t>()); });
  storage.view.bfloat16 = storage.values.as<std::uint16_t>();
  return PackedMatrix(std::move(kept));
}

PackedMatrix PackedMatrix::from_quantized(const QuantizedMatrix& matrix, ThreadPool* pool) {
  validate_layout(matrix, "packed matrix");
  check_size(matrix.codes.size(), matrix.rows, matrix.columns);
  auto kept = make_storage(WeightKind::kQuantized, matrix.rows, matrix.columns);
  PanelStorage& storage = *kept;
  PanelView& view = storage.view;
  view.number = matrix.format.kind;
  view.bits = matrix.format.bits;
  view.units = round_up(matrix.columns, kUnitColumns) / kUnitColumns;
  view.groups = matrix.groups;
  view.group_size = matrix.groups == 1 ? round_up(matrix.columns, kUnitColumns) : matrix.group_size;
  storage.values = AlignedBytes(static_cast<std::size_t>(view.panels * view.units * view.bits * kLanes) * 4);
  storage.scales = AlignedBytes(static_cast<std::size_t>(view.panels * view.groups * kLanes) * sizeof(float));
  const bool integers = view.number == NumberKind::kInteger;
  if (integers) storage.zeros = AlignedBytes(static_cast<std::size_t>(view.panels * view.groups * kLanes));
  std::uint8_t* zeros = integers ? storage.zeros.as<std::uint8_t>() : nullptr;
  run_on(pool, view.panels, [&](std::int64_t panel) {
    fill_words(matrix, view, panel, storage.values.as<std::uint32_t>());
    fill_parameters(matrix, panel, storage.scales.as<float>(), zeros);
  });
  if (integers && matrix.groups == 1) {
    storage.code_sums = code_sums(matrix, pool);
    view.code_sums = storage.code_sums.as<std::int32_t>();
  }
  if (matrix.groups > 1) storage.group_index = matrix.group_index;
  view.words = storage.values.as<std::uint32_t>();
  view.scales = storage.scales.as<float>();
  view.zeros = zeros;
  view.group_index = storage.group_index.empty() ? nullptr : storage.group_index.data();
  return PackedMatrix(std::move(kept));
}

std::int64_t PackedMatrix::rows() const {
  return storage_ ? storage_->rows : 0;
}
std::int64_t PackedMatrix::columns() const {
  return storage_ ? storage_->columns : 0;
}
WeightKind PackedMatrix::kind() const {
  return storage_ ? storage_->kind : WeightKind::kFloat32;
}

std::uint64_t PackedMatrix::bytes() const {
  return storage_ ? storage_->bytes() : 0;
}

void PackedMatrix::unpack_row(std::int64_t row, std::span<float> out) const {
  if (row < 0 || row >= rows() || out.size() != static_cast<std::size_t>(columns())) {
    throw Error(
        "packed matrix row",
        std::to_string(row) + " of " + std::to_string(rows()) + " into " + std::to_string(out.size()) + " values",
        std::to_string(columns()) + " values of a row that exists");
  }
  const PanelView& view = panel_view(*this);
  const std::int64_t panel = row / kLanes, lane = row % kLanes;
  const auto elements = element_values(view.number);
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
      const auto code = static_cast<std::size_t>((two >> (bit % 32)) & ((1u << view.bits) - 1u));
      const std::int64_t group = view.group_index != nullptr ? view.group_index[k] : k / view.group_size;
      const std::int64_t parameter = (panel * view.groups + group) * kLanes + lane;
      const float zero = view.zeros == nullptr ? 0.0f : static_cast<float>(view.zeros[parameter]);
      to = view.scales[parameter] * (elements[code] - zero);
    }
  }
}

}  // namespace qreason
