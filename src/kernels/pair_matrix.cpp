#include "kernels/pair_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "formats/float_codecs.h"
#include "kernels/code_sums.h"

namespace qreason {
namespace {

constexpr std::int64_t kLanes = PackedMatrix::kPanel;
constexpr std::size_t kNarrowEntries = 32;

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

void check_size(std::size_t got, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max() / 4;
  if (rows < 1 || columns < 1 || columns > kMost || rows > std::numeric_limits<std::int64_t>::max() / 64 / columns ||
      got != static_cast<std::size_t>(rows * columns)) {
    throw Error("packed matrix", fmt::format("{} values", got), fmt::format("{} x {}", rows, columns));
  }
}

int word_width(const QuantFormat& format) {
  return format.bits <= 2 ? 2 : format.bits <= 4 ? 4 : 8;
}

// Columns group by group, each group's in order.
class LayoutMaker {
 public:
  LayoutMaker(std::int64_t columns, std::int64_t unit_pairs) : unit_pairs_(unit_pairs) { layout_.columns = columns; }

  void add_group(std::int64_t group, std::span<const std::int32_t> columns) {
    for (std::size_t first = 0; first < columns.size(); first += kRunColumns) {
      const auto run = columns.subspan(first, std::min<std::size_t>(kRunColumns, columns.size() - first));
      const std::int64_t pairs = round_up((static_cast<std::int64_t>(run.size()) + 1) / 2, unit_pairs_);
      layout_.runs.push_back({.first_pair = static_cast<std::int32_t>(layout_.pairs),
                              .pairs = static_cast<std::int32_t>(pairs),
                              .group = static_cast<std::int32_t>(group)});
      layout_.pairs += pairs;
      layout_.sources.insert(layout_.sources.end(), run.begin(), run.end());
      layout_.sources.resize(static_cast<std::size_t>(layout_.pairs) * 2, -1);
    }
  }

  PairLayout finish() {
    bool plain = true;
    for (std::size_t slot = 0; slot < layout_.sources.size(); ++slot) {
      const bool past = static_cast<std::int64_t>(slot) >= layout_.columns;
      plain = plain && layout_.sources[slot] == (past ? -1 : static_cast<std::int32_t>(slot));
    }
    if (plain) {
      layout_.sources = {};
    } else {
      layout_.sources.resize(round_up(static_cast<std::int64_t>(layout_.sources.size()), kLanes), -1);
    }
    return std::move(layout_);
  }

 private:
  std::int64_t unit_pairs_;
  PairLayout layout_;
};

PairLayout layout_of(std::int64_t columns, std::int64_t groups, std::int64_t group_size,
                     std::span<const std::int32_t> group_index, int width) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(columns));
  std::iota(order.begin(), order.end(), 0);
  const auto group_of = [&](std::int32_t column) {
    if (groups == 1) return std::int64_t{0};
    return group_index.empty() ? column / group_size : group_index[static_cast<std::size_t>(column)];
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return group_of(a) < group_of(b); });
  LayoutMaker maker(columns, 16 / width);
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    while (end < order.size() && group_of(order[end]) == group_of(order[first])) ++end;
    maker.add_group(group_of(order[first]), std::span(order).subspan(first, end - first));
    first = end;
  }
  return maker.finish();
}

std::unique_ptr<PairStorage> make_storage(WeightKind kind, std::int64_t rows, int width, PairLayout layout) {
  auto storage = std::make_unique<PairStorage>(kind, rows, layout.columns);
  storage->layout = std::move(layout);
  PairView& view = storage->view;
  view.kind = kind;
  view.width = width;
  view.panels = round_up(rows, kLanes) / kLanes;
  view.panel_words = storage->layout.pairs * width / 16 * kLanes;
  // A product of codes reads whole units of 32 columns.
  const std::int64_t past = width == 16 ? 0 : 32 / (32 / width) * kLanes;
  storage->values =
      AlignedBytes(static_cast<std::size_t>(view.panels * view.panel_words + past) * sizeof(std::uint32_t));
  view.words = storage->values.as<std::uint32_t>();
  return storage;
}

// Where a lane's slot lies in its panel: the word and the shift of its lowest bit.
struct SlotPlace {
  SlotPlace(std::int64_t slot, std::int64_t lane, int width) {
    const std::int64_t odd = slot % 2, pair = slot / 2 % (16 / width), unit = slot / 2 / (16 / width);
    word = unit * kLanes + (width == 8 ? lane / 4 * 4 + pair * 2 + lane % 4 / 2 : lane);
    shift = static_cast<int>(width == 8 ? lane % 2 * 16 + odd * 8 : odd * 16 + pair * width);
  }
  std::int64_t word;
  int shift;
};

// Calls place(slot, column) for every slot that has a column.
template <class Place>
void for_each_slot(const PairLayout& layout, Place&& place) {
  if (layout.sources.empty()) {
    for (std::int64_t column = 0; column < layout.columns; ++column) place(column, column);
    return;
  }
  for (std::int64_t slot = 0; slot < layout.pairs * 2; ++slot) {
    if (const std::int32_t column = layout.sources[static_cast<std::size_t>(slot)]; column >= 0) place(slot, column);
  }
}

// code(row, column): what goes into the slot of the column.
template <class Code>
void fill_words(PairStorage& storage, ThreadPool* pool, Code&& code) {
  const PairView& view = storage.view;
  run_on(pool, view.panels, [&](std::int64_t panel) {
    const std::int64_t first = panel * kLanes, lanes = std::min(kLanes, storage.rows - first);
    std::uint32_t* words = storage.values.as<std::uint32_t>() + panel * view.panel_words;
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      for_each_slot(storage.layout, [&](std::int64_t slot, std::int64_t column) {
        const SlotPlace place(slot, lane, view.width);
        words[place.word] |= static_cast<std::uint32_t>(code(first + lane, column)) << place.shift;
      });
    }
  });
}

// What codes stand for in this class: the offset of symmetric ones is part of the number.
void fill_elements(const QuantFormat& format, PairStorage& storage) {
  const std::span<const float, 256> values = element_values(format.kind);
  const bool signed_integers = format.kind == NumberKind::kInteger && format.symmetry == Symmetry::kSymmetric;
  const float offset = signed_integers ? static_cast<float>(format.code_offset()) : 0.0f;
  std::transform(values.begin(), values.end(), storage.elements.begin(), [&](float value) { return value - offset; });
}

void fill_byte_table(PairStorage& storage) {
  storage.table = AlignedBytes(storage.elements.size() * sizeof(std::uint16_t));
  for (std::size_t code = 0; code < storage.elements.size(); ++code) {
    const std::uint16_t bits = encode_bfloat16(storage.elements[code]);
    storage.table.as<std::uint8_t>()[code] = static_cast<std::uint8_t>(bits);
    storage.table.as<std::uint8_t>()[code + storage.elements.size()] = static_cast<std::uint8_t>(bits >> 8);
  }
  storage.view.table = storage.table.as<std::uint8_t>();
}

void fill_narrow_table(PairStorage& storage) {
  storage.table = AlignedBytes(kNarrowEntries * sizeof(std::uint16_t));
  const std::size_t codes = std::size_t{1} << storage.view.width;
  for (std::size_t i = 0; i < kNarrowEntries; ++i) {
    storage.table.as<std::uint16_t>()[i] = encode_bfloat16(storage.elements[i % codes]);
  }
  storage.view.table = storage.table.as<std::uint8_t>();
}

void fill_parameters(const QuantizedMatrix& matrix, PairStorage& storage, ThreadPool* pool) {
  PairView& view = storage.view;
  const auto count = static_cast<std::size_t>(view.panels * matrix.groups * kLanes);
  storage.scales = AlignedBytes(count * sizeof(float));
  auto* scales = storage.scales.as<float>();
  std::uint8_t* zeros = nullptr;
  if (!matrix.zeros.empty()) {
    storage.zeros = AlignedBytes(count);
    zeros = storage.zeros.as<std::uint8_t>();
  }
  run_on(pool, view.panels, [&](std::int64_t panel) {
    const std::int64_t first = panel * kLanes, lanes = std::min(kLanes, matrix.rows - first);
    for (std::int64_t group = 0; group < matrix.groups; ++group) {
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const std::int64_t to = (panel * matrix.groups + group) * kLanes + lane;
        const std::int64_t slot = (first + lane) * matrix.groups + group;
        scales[to] = matrix.scale_of(slot);
        if (zeros != nullptr) zeros[to] = matrix.zeros[static_cast<std::size_t>(slot)];
      }
    }
  });
  view.scales = scales;
  view.zeros = zeros;
  view.groups = matrix.groups;
  view.group_size = matrix.group_size;
  view.integers = matrix.format.kind == NumberKind::kInteger;
  if (view.integers && matrix.groups == 1) {
    storage.code_sums = code_sums(matrix, pool);
    view.code_sums = storage.code_sums.as<std::int32_t>();
  }
}

std::uint32_t code_in(const PairStorage& storage, std::int64_t row, std::int64_t slot) {
  const PairView& view = storage.view;
  const SlotPlace place(slot, row % kLanes, view.width);
  const std::uint32_t word = view.words[row / kLanes * view.panel_words + place.word];
  return (word >> place.shift) & ((1u << view.width) - 1u);
}

}  // namespace

PackedMatrix pair_matrix(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                         ThreadPool* pool) {
  check_size(values.size(), rows, columns);
  auto storage = make_storage(WeightKind::kBFloat16, rows, 16, layout_of(columns, 1, columns, {}, 16));
  fill_words(*storage, pool, [&](std::int64_t row, std::int64_t column) { return values[row * columns + column]; });
  return PackedMatrix(std::move(storage));
}

PackedMatrix pair_matrix(std::span<const float> values, std::int64_t rows, std::int64_t columns, ThreadPool* pool) {
  check_size(values.size(), rows, columns);
  auto storage = make_storage(WeightKind::kBFloat16, rows, 16, layout_of(columns, 1, columns, {}, 16));
  fill_words(*storage, pool,
             [&](std::int64_t row, std::int64_t column) { return encode_bfloat16(values[row * columns + column]); });
  return PackedMatrix(std::move(storage));
}

PackedMatrix pair_matrix(const QuantizedMatrix& matrix, ThreadPool* pool) {
  validate_layout(matrix, "packed matrix");
  check_size(matrix.codes.size(), matrix.rows, matrix.columns);
  const int bits = matrix.format.bits;
  if (std::any_of(matrix.codes.begin(), matrix.codes.end(), [&](std::uint8_t code) { return code >> bits != 0; })) {
    throw Error("packed matrix", fmt::format("codes of more than {} bits", bits), to_string(matrix.format));
  }
  const int width = word_width(matrix.format);
  auto storage = make_storage(WeightKind::kQuantized, matrix.rows, width,
                              layout_of(matrix.columns, matrix.groups, matrix.group_size, matrix.group_index, width));
  fill_words(*storage, pool,
             [&](std::int64_t row, std::int64_t column) { return matrix.codes[row * matrix.columns + column]; });
  storage->view.bits = bits;
  fill_elements(matrix.format, *storage);
  width == 8 ? fill_byte_table(*storage) : fill_narrow_table(*storage);
  fill_parameters(matrix, *storage, pool);
  return PackedMatrix(std::move(storage));
}

const PairStorage& pair_storage(const PackedMatrix& matrix) {
  if (matrix.empty()) throw Error("packed matrix", "an empty weight", "one with rows");
  const auto* storage = dynamic_cast<const PairStorage*>(&matrix.storage());
  if (storage == nullptr) {
    throw Error("packed matrix", "a weight of another backend", "one packed for the arithmetic `fast`");
  }
  return *storage;
}

void unpack_row(const PairStorage& storage, std::int64_t row, std::span<float> out) {
  if (row < 0 || row >= storage.rows || out.size() != static_cast<std::size_t>(storage.columns)) {
    throw Error("packed matrix row", fmt::format("{} of {} into {} values", row, storage.rows, out.size()),
                fmt::format("{} values of a row that exists", storage.columns));
  }
  const PairView& view = storage.view;
  std::size_t run = 0;
  for_each_slot(storage.layout, [&](std::int64_t slot, std::int64_t column) {
    const std::uint32_t code = code_in(storage, row, slot);
    float& to = out[static_cast<std::size_t>(column)];
    if (view.table == nullptr) {
      to = decode_bfloat16(static_cast<std::uint16_t>(code));
      return;
    }
    const std::vector<PairRun>& runs = storage.layout.runs;
    while (slot / 2 >= runs[run].first_pair + runs[run].pairs) ++run;
    const std::int64_t at = (row / kLanes * view.groups + runs[run].group) * kLanes + row % kLanes;
    const float zero = view.zeros == nullptr ? 0.0f : static_cast<float>(view.zeros[at]);
    to = view.scales[at] * (storage.elements[code] - zero);
  });
}

}  // namespace qreason
