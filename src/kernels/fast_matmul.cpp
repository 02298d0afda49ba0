// How the products of the class `fast` are split into tasks. A task is some panels of one weight and all rows, or a
// part of them; few rows of codes are multiplied as the codes are looked up, for more rows a stage of columns is
// expanded to bfloat16 first.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "kernels/cpu/matmul_kernels.h"
#include "kernels/cpu/pair_kernels.h"
#include "kernels/fast_cpu_backend.h"
#include "kernels/packed_rows.h"
#include "kernels/pair_matrix.h"
#include "kernels/product_tasks.h"

namespace qreason {
namespace {

constexpr const PairKernels& kKernels = kPairAvx512Bf16;
// Rows that are worked on together: their sums for one task's panels fit in the second-level cache.
constexpr std::int64_t kMostRows = 512;
// Products smaller than this many multiply-adds finish before a second thread would have started.
constexpr std::int64_t kSerialWork = 1 << 16;
constexpr std::int64_t kSerialWords = 1 << 14;
constexpr std::int64_t kRowsOfSplit = 96;
// Pairs of a stage: those of two panels stay in the first-level cache while the tiles of rows go by.
constexpr std::int64_t kStagePairs = kRunColumns / 2;

// A chunk of rows, rounded for weights of one layout.
struct Rounded {
  const PairLayout* layout = nullptr;
  bool summed = false;  // for a weight with zeros
  RowTiles tiles;
  std::uint32_t* pairs = nullptr;  // tile by tile, each [layout->pairs, rows of the tile]
  float* sums = nullptr;           // tile by tile, each [runs, rows of the tile]

  std::int64_t runs() const { return static_cast<std::int64_t>(layout->runs.size()); }
  std::int64_t words() const { return tiles.rows * layout->pairs; }
  std::int64_t floats() const { return words() + (summed ? tiles.rows * runs() : 0); }
};

struct Target {
  const PairStorage* storage = nullptr;
  const Rounded* rounded = nullptr;
  const MatmulTarget* to = nullptr;
  std::int64_t task_panels = 0;
  std::int64_t groups = 0;  // of panels
  std::int64_t splits = 1;  // of rows

  std::int64_t task_count() const { return groups * splits; }
};

struct Chunk {
  const MatmulInput& input;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  bool direct() const { return rows <= kMostDirectRows; }
};

void round_tile(const Rounded& rounded, const Chunk& chunk, std::int64_t tile) {
  const PairLayout& layout = *rounded.layout;
  const std::int64_t first = rounded.tiles.first_row(tile), rows = rounded.tiles.rows_of(tile);
  std::uint32_t* out = rounded.pairs + first * layout.pairs;
  kKernels.round_rows({.x = chunk.input.x + (chunk.first_row + first) * chunk.input.x_stride,
                       .x_stride = chunk.input.x_stride,
                       .rows = rows,
                       .columns = layout.columns,
                       .pairs = layout.pairs,
                       .sources = layout.sources.empty() ? nullptr : layout.sources.data(),
                       .out = out});
  if (!rounded.summed) return;
  kKernels.sum_runs(layout.runs.data(), rounded.runs(), out, rows, rounded.sums + first * rounded.runs());
}

// The input once for each layout that the targets have.
std::vector<Rounded> round_input(std::span<Target> targets, const Chunk& chunk, Executor& executor) {
  std::vector<Rounded> all;
  all.reserve(targets.size());
  for (Target& target : targets) {
    const PairStorage& storage = *target.storage;
    auto same = std::find_if(all.begin(), all.end(), [&](const Rounded& r) { return *r.layout == storage.layout; });
    if (same == all.end()) {
      all.push_back({.layout = &storage.layout,
                     .tiles = {.rows = chunk.rows, .columns = storage.columns, .tile_rows = kPairTileRows}});
      same = all.end() - 1;
    }
    same->summed = same->summed || storage.view.zeros != nullptr;
    target.rounded = &*same;
  }
  std::int64_t floats = 0;
  for (const Rounded& rounded : all) floats += rounded.floats();
  float* memory = executor.workspace().need(WorkspaceSlot::kRows, static_cast<std::size_t>(floats));
  for (Rounded& rounded : all) {
    rounded.pairs = reinterpret_cast<std::uint32_t*>(memory);
    rounded.sums = memory + rounded.words();
    memory += rounded.floats();
    const auto one = [&](std::int64_t tile) { round_tile(rounded, chunk, tile); };
    if (rounded.words() >= kSerialWords) {
      executor.run(rounded.tiles.tiles(), one);
    } else {
      for (std::int64_t tile = 0; tile < rounded.tiles.tiles(); ++tile) one(tile);
    }
  }
  return all;
}

// Tasks are whole fours of panels, but for the last one of a weight.
void split(Target& target, const Chunk& chunk) {
  const std::int64_t panels = target.storage->view.panels;
  if (chunk.direct()) {
    target.task_panels = 4;
    while (target.task_panels < 32 && panels / target.task_panels > 64) target.task_panels *= 2;
  } else {
    target.task_panels = panels >= 64 ? kTaskPanels : 2;
  }
  target.groups = (panels + target.task_panels - 1) / target.task_panels;
  if (!chunk.direct() && target.groups < 16) {
    target.splits = std::clamp<std::int64_t>(chunk.rows / kRowsOfSplit, 1, target.rounded->tiles.tiles());
  }
}

// The words of a task's panels over the runs [first, end): in place, or expanded to bfloat16.
void place_words(const PairView& view, const Chunk& chunk, Workspace& workspace, PairProduct& product) {
  const std::int64_t unit_pairs = 16 / view.width;
  const PairRun& last = product.runs[product.run_count - 1];
  const std::int64_t first_pair = product.runs[0].first_pair, pairs = last.first_pair + last.pairs - first_pair;
  product.words = view.words + product.first_panel * view.panel_words + first_pair / unit_pairs * kPanelLanes;
  product.panel_words = view.panel_words;
  product.width = view.width;
  if (view.width == 16 || chunk.direct()) return;
  const std::int64_t panel_words = kStagePairs * kPanelLanes;
  auto* expanded = reinterpret_cast<std::uint32_t*>(
      workspace.need(WorkspaceSlot::kWeights, static_cast<std::size_t>(product.panels * panel_words)));
  for (std::int64_t p = 0; p < product.panels; ++p) {
    kKernels.expand(view, product.words + p * view.panel_words, pairs, expanded + p * panel_words);
  }
  product.words = expanded;
  product.panel_words = panel_words;
  product.width = 16;
}

// Where the stage that begins with run `first` ends. Few rows, whose weights pass once, need no stages.
std::int64_t end_of_stage(const PairLayout& layout, const Chunk& chunk, std::int64_t first) {
  const auto runs = static_cast<std::int64_t>(layout.runs.size());
  if (chunk.direct()) return runs;
  std::int64_t end = first, pairs = 0;
  while (end < runs && pairs + layout.runs[end].pairs <= kStagePairs) pairs += layout.runs[end++].pairs;
  return end;
}

void run_task(const Target& target, const Chunk& chunk, std::int64_t index, Workspace& workspace) {
  const PairView& view = target.storage->view;
  const Rounded& rounded = *target.rounded;
  const PairLayout& layout = target.storage->layout;
  const RowTiles& tiles = rounded.tiles;
  const std::int64_t split = index / target.groups;
  const std::int64_t first_tile = tiles.tiles() * split / target.splits;
  const std::int64_t end_tile = tiles.tiles() * (split + 1) / target.splits;
  const std::int64_t first_row = tiles.first_row(first_tile), rows = tiles.first_row(end_tile) - first_row;
  PairProduct product{.first_panel = index % target.groups * target.task_panels};
  product.panels = std::min(target.task_panels, view.panels - product.first_panel);
  product.totals_stride = product.panels * kPanelLanes;
  float* totals = workspace.need(WorkspaceSlot::kTotals, static_cast<std::size_t>(rows * product.totals_stride));
  for (std::int64_t run = 0; run < rounded.runs(); run += product.run_count) {
    product.runs = layout.runs.data() + run;
    product.run_count = end_of_stage(layout, chunk, run) - run;
    product.store = run == 0 ? MatmulStore::kOverwrite : MatmulStore::kAdd;
    place_words(view, chunk, workspace, product);
    for (std::int64_t tile = first_tile; tile < end_tile; ++tile) {
      const std::int64_t row = tiles.first_row(tile);
      product.rows = tiles.rows_of(tile);
      product.x = rounded.pairs + row * layout.pairs + layout.runs[run].first_pair * product.rows;
      product.sums = rounded.summed ? rounded.sums + row * rounded.runs() + run * product.rows : nullptr;
      product.totals = totals + (row - first_row) * product.totals_stride;
      kKernels.multiply(view, product);
    }
  }
  const MatmulTarget& to = *target.to;
  const std::int64_t first_output = product.first_panel * kPanelLanes;
  matmul_kernels().finish_product({.totals = totals,
                                   .totals_stride = product.totals_stride,
                                   .rows = rows,
                                   .columns = std::min(target.storage->rows - first_output, product.totals_stride),
                                   .y = to.y + (chunk.first_row + first_row) * to.y_stride + first_output,
                                   .y_stride = to.y_stride},
                                  to.bias == nullptr ? nullptr : to.bias + first_output, to.store);
}

void run_chunk(std::span<Target> targets, const Chunk& chunk, Executor& executor) {
  const std::vector<Rounded> rounded = round_input(targets, chunk, executor);
  std::int64_t work = 0;
  for (Target& target : targets) {
    split(target, chunk);
    work += target.storage->rows * target.storage->columns * chunk.rows;
  }
  run_product_tasks<Target>(targets, work, kSerialWork, executor, [&](const Target& target, std::int64_t index) {
    run_task(target, chunk, index, executor.workspace());
  });
}

}  // namespace

void FastCpuBackend::multiply(std::span<const MatmulTarget> targets, const MatmulInput& input,
                              Executor& executor) const {
  if (targets.size() > kMostTargets) {
    throw Error("matmul", fmt::format("{} weights", targets.size()), fmt::format("at most {}", kMostTargets));
  }
  Target prepared[kMostTargets];
  for (std::size_t i = 0; i < targets.size(); ++i) {
    prepared[i] = {.storage = &pair_storage(*targets[i].w), .to = &targets[i]};
    const PairStorage& storage = *prepared[i].storage;
    if (storage.columns == prepared[0].storage->columns) continue;
    throw Error("matmul", fmt::format("weights of {} x {}", storage.rows, storage.columns),
                fmt::format("weights with {} columns", prepared[0].storage->columns));
  }
  if (targets.empty()) return;
  const std::int64_t chunks = (input.rows + kMostRows - 1) / kMostRows;
  for (std::int64_t i = 0; i < chunks; ++i) {
    const std::int64_t first = input.rows * i / chunks, end = input.rows * (i + 1) / chunks;
    run_chunk({prepared, targets.size()}, {.input = input, .first_row = first, .rows = end - first}, executor);
  }
}

PackedMatrix FastCpuBackend::pack_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                                          ThreadPool* pool) const {
  return pair_matrix(values, rows, columns, pool);
}

PackedMatrix FastCpuBackend::pack_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows,
                                           std::int64_t columns, ThreadPool* pool) const {
  return pair_matrix(values, rows, columns, pool);
}

PackedMatrix FastCpuBackend::pack_quantized(const QuantizedMatrix& matrix, ThreadPool* pool) const {
  return pair_matrix(matrix, pool);
}

void FastCpuBackend::gather_rows(const PackedMatrix& w, std::span<const std::int32_t> rows, float* out,
                                 Executor& executor) const {
  const PairStorage& storage = pair_storage(w);
  const auto width = static_cast<std::size_t>(storage.columns);
  executor.run(static_cast<std::int64_t>(rows.size()), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    unpack_row(storage, rows[at], {out + at * width, width});
  });
}

std::string FastCpuBackend::explain(const PackedMatrix& w, std::int64_t rows) const {
  if (w.empty()) return "empty";
  const PairStorage& storage = pair_storage(w);
  const bool codes = storage.view.table != nullptr, direct = rows <= kMostDirectRows;
  return fmt::format("{} pairs{}, {}, {}", codes ? fmt::format("{}-bit", storage.view.width) : "bf16",
                     storage.layout.sources.empty() ? "" : " in another order", kKernels.name,
                     direct  ? fmt::format("{} row{} streamed", rows, rows == 1 ? "" : "s")
                     : codes ? fmt::format("{}x{} tiles, expanded block by block", kPairTileRows, 2 * kPanelLanes)
                             : fmt::format("{}x{} tiles", kPairTileRows, 2 * kPanelLanes));
}

}  // namespace qreason
