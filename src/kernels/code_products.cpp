#include "kernels/code_products.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/isa.h"
#include "kernels/cpu/code_kernels.h"
#include "kernels/cpu/matmul_kernels.h"
#include "kernels/cpu/pair_storage.h"
#include "kernels/cpu/panel_storage.h"
#include "kernels/cpu_backend.h"
#include "kernels/packed_rows.h"
#include "kernels/product_tasks.h"

namespace qreason {

const CodeKernels& code_kernels() {
  return has_byte_dot() ? kCodesAvx512Vnni : of_isa(kCodesGeneric, kCodesAvx2, kCodesAvx2);
}

namespace {

constexpr std::int64_t kUnit = CodedRows::kSumColumns;
constexpr std::int64_t kStepsOfUnit = 8;
// Rows that are worked on together: their sums for one task's panels fit in the second-level cache.
constexpr std::int64_t kMostRows = 512;
// Products smaller than this many multiply-adds finish before a second thread would have started.
constexpr std::int64_t kSerialWork = 1 << 17;
constexpr std::int64_t kSerialCodes = 1 << 16;
constexpr std::int64_t kRowsOfSplit = 96;
// Codes of a task's panels, expanded to bytes: they stay in the second-level cache while the tiles of rows go by.
constexpr std::int64_t kMostExpanded = 1 << 18;

// A weight as the kernels of codes see it, with the sizes of its groups; nullopt where its codes are not integers in
// whole units.
struct CodeWeight {
  CodeWords words;
  std::int64_t panels = 0;
  std::int64_t group_size = 0;
};

std::optional<CodeWeight> of_panels(const PanelStorage& storage) {
  const PanelView& view = storage.view;
  if (view.kind != WeightKind::kQuantized || view.number != NumberKind::kInteger || !units_lie_in_groups(view)) {
    return std::nullopt;
  }
  return CodeWeight{.words = {.order = CodeOrder::kPanels,
                              .width = view.bits,
                              .words = view.words,
                              .panel_words = view.units * view.bits * kPanelLanes,
                              .scales = view.scales,
                              .zeros = view.zeros,
                              .groups = view.groups,
                              .sums = view.code_sums},
                    .panels = view.panels,
                    .group_size = view.group_size};
}

std::optional<CodeWeight> of_pairs(const PairStorage& storage) {
  const PairView& view = storage.view;
  if (!view.integers || !storage.layout.sources.empty()) return std::nullopt;
  if (view.groups > 1 && view.group_size % kUnit != 0) return std::nullopt;
  return CodeWeight{.words = {.order = CodeOrder::kPairs,
                              .width = view.width,
                              .words = view.words,
                              .panel_words = view.panel_words,
                              .scales = view.scales,
                              .zeros = view.zeros,
                              .zero = static_cast<std::uint32_t>(-storage.elements[0]),
                              .groups = view.groups,
                              .sums = view.code_sums},
                    .panels = view.panels,
                    .group_size = view.groups == 1 ? storage.columns : view.group_size};
}

std::optional<CodeWeight> code_weight(const PackedMatrix& w) {
  if (w.empty()) return std::nullopt;
  if (const auto* panels = dynamic_cast<const PanelStorage*>(&w.storage())) return of_panels(*panels);
  if (const auto* pairs = dynamic_cast<const PairStorage*>(&w.storage())) return of_pairs(*pairs);
  return std::nullopt;
}

bool shifted(const QuantFormat& rows) {
  return rows.bits == 8 && rows.symmetry == Symmetry::kAsymmetric;
}

// The column of byte b of step t of a unit, at 4 t + b.
std::array<std::uint8_t, kUnit> order_of(const CodeWords& w) {
  std::array<std::uint8_t, kUnit> order;
  const bool whole = 8 % w.width == 0;
  const int steps = whole ? 8 / w.width : 1;  // of a line
  for (int step = 0; step < kStepsOfUnit; ++step) {
    for (int byte = 0; byte < 4; ++byte) {
      const int line = step / steps, within = step % steps;
      const bool halves = w.order == CodeOrder::kPairs && w.width != 8;
      const int slot = halves ? 2 * (byte % 2 * steps + within) + byte / 2 : byte * steps + within;
      order[static_cast<std::size_t>(4 * step + byte)] = static_cast<std::uint8_t>(line * 4 * steps + slot);
    }
  }
  return order;
}

// Columns with one scale on either side.
std::vector<CodeRun> runs_of(const CodeWeight& weight, std::int64_t columns, const CodedInput& input) {
  std::vector<CodeRun> runs;
  for (std::int64_t first = 0; first < columns;) {
    const std::int64_t group = weight.words.groups == 1 ? 0 : first / weight.group_size;
    const std::int64_t row_group = (input.first_column + first) / input.rows->group_size;
    std::int64_t end = std::min(columns, (row_group + 1) * input.rows->group_size - input.first_column);
    if (weight.words.groups > 1) end = std::min(end, (group + 1) * weight.group_size);
    runs.push_back({.first_unit = first / kUnit,
                    .units = (end - first + kUnit - 1) / kUnit,
                    .group = group,
                    .row_group = row_group});
    first = end;
  }
  return runs;
}

// A chunk of rows, placed for weights of one order of columns and one choice of runs.
struct Placed {
  std::array<std::uint8_t, kUnit> order;
  std::vector<CodeRun> runs;
  std::int64_t columns = 0;
  std::int64_t units = 0;
  bool shifted = false;
  RowTiles tiles;
  std::uint32_t* words = nullptr;  // tile by tile, each [steps, rows of the tile]
  float* scales = nullptr;         // tile by tile, each [runs, rows of the tile]
  std::int32_t* sums = nullptr;    // the same
  std::int32_t* shifts = nullptr;  // the same

  std::int64_t row_words() const { return units * kStepsOfUnit; }
  std::int64_t run_count() const { return static_cast<std::int64_t>(runs.size()); }
  std::int64_t floats() const { return tiles.rows * (row_words() + 3 * run_count()); }
};

bool same_runs(const std::vector<CodeRun>& a, const std::vector<CodeRun>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const CodeRun& x, const CodeRun& y) {
    return x.first_unit == y.first_unit && x.group == y.group && x.row_group == y.row_group;
  });
}

struct Chunk {
  const CodedInput& input;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
};

struct Target {
  CodeWeight weight;
  const MatmulTarget* to = nullptr;
  const Placed* placed = nullptr;
  std::int64_t task_panels = 0;
  std::int64_t groups = 0;  // of panels
  std::int64_t splits = 1;  // of rows

  std::int64_t task_count() const { return groups * splits; }
};

// Row `r` of a tile: its codes less the offset, step by step, and what each of its runs needs beside them.
void place_row(const Placed& placed, const Chunk& chunk, std::int64_t tile, std::int64_t r) {
  const CodedRowsView& from = *chunk.input.rows;
  const std::int64_t first = placed.tiles.first_row(tile), rows = placed.tiles.rows_of(tile);
  const std::int64_t row = chunk.first_row + first + r, first_unit = chunk.input.first_column / kUnit;
  const std::uint8_t* codes = from.codes + row * from.width + chunk.input.first_column;
  std::uint32_t* words = placed.words + first * placed.row_words() + r;
  const std::int64_t parameters = first * placed.run_count() + r;
  for (std::int64_t i = 0; i < placed.run_count(); ++i) {
    const CodeRun& run = placed.runs[static_cast<std::size_t>(i)];
    const std::int64_t slot = row * from.groups + run.row_group, at = parameters + i * rows;
    const auto zero = static_cast<std::int32_t>(from.zeros[slot]);
    const std::int32_t offset = from.format.bits == 8 ? 128 : zero;
    const std::int64_t columns = std::min(run.units * kUnit, placed.columns - run.first_unit * kUnit);
    const std::int32_t* sums = from.sums + row * from.units + first_unit + run.first_unit;
    std::int32_t sum = 0;
    for (std::int64_t unit = 0; unit < run.units; ++unit) sum += sums[unit];
    placed.scales[at] = from.scales[slot];
    placed.sums[at] = sum - static_cast<std::int32_t>(columns) * zero;
    placed.shifts[at] = offset - zero;
    code_kernels().place({.codes = codes + run.first_unit * kUnit,
                          .units = run.units,
                          .last = columns - (run.units - 1) * kUnit,
                          .offset = static_cast<std::uint8_t>(offset),
                          .order = placed.order.data(),
                          .out = words + run.first_unit * kStepsOfUnit * rows,
                          .stride = rows});
  }
}

// The input once for each way that the targets read it.
std::vector<Placed> place_input(std::span<Target> targets, const Chunk& chunk, Executor& executor) {
  std::vector<Placed> all;
  all.reserve(targets.size());
  for (Target& target : targets) {
    const std::int64_t columns = target.to->w->columns();
    Placed wanted{.order = order_of(target.weight.words), .runs = runs_of(target.weight, columns, chunk.input)};
    auto same = std::find_if(all.begin(), all.end(), [&](const Placed& placed) {
      return placed.order == wanted.order && same_runs(placed.runs, wanted.runs);
    });
    if (same == all.end()) {
      wanted.columns = columns;
      wanted.units = (columns + kUnit - 1) / kUnit;
      wanted.shifted = shifted(chunk.input.rows->format);
      wanted.tiles = {.rows = chunk.rows, .columns = columns, .tile_rows = code_kernels().tile_rows};
      all.push_back(std::move(wanted));
      same = all.end() - 1;
    }
    target.placed = &*same;
  }
  std::int64_t floats = 0;
  for (const Placed& placed : all) floats += placed.floats();
  float* memory = executor.workspace().need(WorkspaceSlot::kRows, static_cast<std::size_t>(floats));
  for (Placed& placed : all) {
    const std::int64_t rows = placed.tiles.rows, parameters = rows * placed.run_count();
    placed.scales = memory;
    placed.sums = reinterpret_cast<std::int32_t*>(memory + parameters);
    placed.shifts = placed.sums + parameters;
    placed.words = reinterpret_cast<std::uint32_t*>(placed.shifts + parameters);
    memory += placed.floats();
    const auto one = [&](std::int64_t tile) {
      for (std::int64_t r = 0; r < placed.tiles.rows_of(tile); ++r) place_row(placed, chunk, tile, r);
    };
    if (rows * placed.columns >= kSerialCodes) {
      executor.run(placed.tiles.tiles(), one);
    } else {
      for (std::int64_t tile = 0; tile < placed.tiles.tiles(); ++tile) one(tile);
    }
  }
  return all;
}

bool is_expanded(const CodeWords& words, const Chunk& chunk) {
  return chunk.rows > kMostFewRows && words.width < 8 && code_kernels().expand != nullptr;
}

// Tasks are whole fours of panels, but for the last one of a weight and where fewer are all that the cache holds.
void split(Target& target, const Chunk& chunk) {
  const std::int64_t panels = target.weight.panels;
  target.task_panels = 4;
  if (chunk.rows <= kMostFewRows) {
    while (target.task_panels < 32 && panels / target.task_panels > 64) target.task_panels *= 2;
  } else if (panels < 64) {
    target.task_panels = 2;
  }
  if (is_expanded(target.weight.words, chunk)) {
    const std::int64_t panel_bytes = target.placed->row_words() * kPanelLanes * 4;
    while (target.task_panels > 1 && target.task_panels * panel_bytes > kMostExpanded) target.task_panels /= 2;
  }
  target.groups = (panels + target.task_panels - 1) / target.task_panels;
  if (chunk.rows > kMostFewRows && target.groups < 16) {
    target.splits = std::clamp<std::int64_t>(chunk.rows / kRowsOfSplit, 1, target.placed->tiles.tiles());
  }
}

// The words of a product's panels: as they are stored, or expanded.
CodeWords words_for(const Target& target, const Chunk& chunk, const CodeProduct& product, Workspace& workspace) {
  CodeWords words = target.weight.words;
  if (!is_expanded(words, chunk)) return words;
  const std::int64_t units = target.placed->units, panel_words = units * kStepsOfUnit * kPanelLanes;
  auto* expanded = reinterpret_cast<std::uint32_t*>(
      workspace.need(WorkspaceSlot::kWeights, static_cast<std::size_t>(product.panels * panel_words)));
  for (std::int64_t p = 0; p < product.panels; ++p)
    code_kernels().expand(words, product.first_panel + p, units, expanded + p * panel_words);
  words.order = CodeOrder::kBytes;
  words.words = expanded;
  words.first_panel = product.first_panel;
  words.panel_words = panel_words;
  return words;
}

void run_task(const Target& target, const Chunk& chunk, std::int64_t index, Workspace& workspace) {
  const Placed& placed = *target.placed;
  const RowTiles& tiles = placed.tiles;
  const std::int64_t split = index / target.groups;
  const std::int64_t first_tile = tiles.tiles() * split / target.splits;
  const std::int64_t end_tile = tiles.tiles() * (split + 1) / target.splits;
  const std::int64_t first_row = tiles.first_row(first_tile), rows = tiles.first_row(end_tile) - first_row;
  CodeProduct product{.first_panel = index % target.groups * target.task_panels,
                      .runs = placed.runs.data(),
                      .run_count = placed.run_count()};
  product.panels = std::min(target.task_panels, target.weight.panels - product.first_panel);
  product.totals_stride = product.panels * kPanelLanes;
  float* totals = workspace.need(WorkspaceSlot::kTotals, static_cast<std::size_t>(rows * product.totals_stride));
  const CodeWords words = words_for(target, chunk, product, workspace);
  for (std::int64_t tile = first_tile; tile < end_tile; ++tile) {
    const std::int64_t row = tiles.first_row(tile), parameters = row * placed.run_count();
    product.rows = tiles.rows_of(tile);
    product.x = placed.words + row * placed.row_words();
    product.scales = placed.scales + parameters;
    product.sums = placed.sums + parameters;
    product.shifts = placed.shifted ? placed.shifts + parameters : nullptr;
    product.totals = totals + (row - first_row) * product.totals_stride;
    code_kernels().multiply(words, product);
  }
  const MatmulTarget& to = *target.to;
  const std::int64_t first_output = product.first_panel * kPanelLanes;
  matmul_kernels().finish_product({.totals = totals,
                                   .totals_stride = product.totals_stride,
                                   .rows = rows,
                                   .columns = std::min(to.w->rows() - first_output, product.totals_stride),
                                   .y = to.y + (chunk.first_row + first_row) * to.y_stride + first_output,
                                   .y_stride = to.y_stride},
                                  to.bias == nullptr ? nullptr : to.bias + first_output, to.store);
}

void run_chunk(std::span<Target> targets, const Chunk& chunk, Executor& executor) {
  const std::vector<Placed> placed = place_input(targets, chunk, executor);
  std::int64_t work = 0;
  for (Target& target : targets) {
    split(target, chunk);
    work += target.to->w->rows() * target.to->w->columns() * chunk.rows;
  }
  run_product_tasks<Target>(targets, work, kSerialWork, executor, [&](const Target& target, std::int64_t index) {
    run_task(target, chunk, index, executor.workspace());
  });
}

}  // namespace

bool CpuBackend::is_code_product(const PackedMatrix& w, const CodedInput& input) const {
  const CodedRowsView& rows = *input.rows;
  const std::optional<CodeWeight> weight = code_weight(w);
  if (!weight || rows.format.kind != NumberKind::kInteger || rows.format.rule == RangeRule::kTrueRange) return false;
  const std::int64_t end_column = input.first_column + w.columns();
  const bool one_group = input.first_column / rows.group_size == (end_column - 1) / rows.group_size;
  const bool whole_rows = one_group || rows.group_size % kUnit == 0;
  const bool whole_columns = end_column == rows.width || w.columns() % kUnit == 0;
  if (!whole_rows || !whole_columns || input.first_column % kUnit != 0) return false;
  if (shifted(rows.format) && !(one_group && weight->words.groups == 1)) return false;
  return end_column <= rows.width && w.columns() <= kMostCodedColumns;
}

void CpuBackend::multiply_codes(std::span<const MatmulTarget> targets, const CodedInput& input,
                                Executor& executor) const {
  if (targets.size() > kMostTargets) {
    throw Error("matmul", fmt::format("{} weights", targets.size()), fmt::format("at most {}", kMostTargets));
  }
  Target prepared[kMostTargets];
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const PackedMatrix& w = *targets[i].w;
    if (!is_code_product(w, input)) {
      throw Error("matmul", fmt::format("weights of {} x {}", w.rows(), w.columns()),
                  fmt::format("integers for {} of coded rows", to_string(input.rows->format)));
    }
    prepared[i] = {.weight = *code_weight(w), .to = &targets[i]};
  }
  const std::int64_t rows = input.rows->rows, chunks = targets.empty() ? 0 : (rows + kMostRows - 1) / kMostRows;
  for (std::int64_t i = 0; i < chunks; ++i) {
    const std::int64_t first = rows * i / chunks, end = rows * (i + 1) / chunks;
    run_chunk({prepared, targets.size()}, {.input = input, .first_row = first, .rows = end - first}, executor);
  }
}

std::string CpuBackend::explain_code_product(const PackedMatrix& w, std::int64_t rows) const {
  const CodeKernels& kernels = code_kernels();
  const std::optional<CodeWeight> weight = code_weight(w);
  return fmt::format("{}-bit codes times codes, {}, {}", weight ? weight->words.width : 0, kernels.name,
                     rows <= kMostFewRows ? fmt::format("{} row{} streamed", rows, rows == 1 ? "" : "s")
                                          : fmt::format("tiles of {} rows", kernels.tile_rows));
}

}  // namespace qreason
