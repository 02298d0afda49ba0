#include "kernels/matmul.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/isa.h"
#include "kernels/cpu/matmul_kernels.h"
#include "kernels/cpu/panel_storage.h"
#include "kernels/cpu_backend.h"
#include "kernels/packed_rows.h"
#include "kernels/product_tasks.h"

namespace qreason {

const MatmulKernels& matmul_kernels() {
  return of_isa(kMatmulGeneric, kMatmulAvx2, kMatmulAvx512);
}

namespace {

// Rows that are worked on together: their sums for one task's panels fit in the second-level cache.
constexpr std::int64_t kMostRows = 512;
// Products smaller than this many multiply-adds finish before a second thread would have started.
constexpr std::int64_t kSerialWork = 1 << 16;
constexpr std::int64_t kRowsOfSplit = 96;

struct Target {
  const PanelView* view = nullptr;
  std::int64_t outputs = 0;
  const float* bias = nullptr;
  float* y = nullptr;
  std::int64_t y_stride = 0;
  MatmulStore store = MatmulStore::kOverwrite;
  std::int64_t task_panels = 0;
  std::int64_t tasks = 0;

  std::int64_t task_count() const { return tasks; }
  void finish(const MatmulKernels& kernels, const Finish& f, std::int64_t first_panel) const {
    kernels.finish_product(f, bias == nullptr ? nullptr : bias + first_panel * kPanelLanes, store);
  }
  std::int64_t columns_from(std::int64_t first_panel, std::int64_t panels) const {
    return std::min(outputs - first_panel * kPanelLanes, panels * kPanelLanes);
  }
};

struct Input {
  const float* x = nullptr;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::int64_t x_stride = 0;
  std::int64_t columns = 0;
};

Target make_target(const MatmulTarget& target) {
  if (target.w->empty()) throw Error("matmul", "an empty weight", "one with rows");
  return {.view = &panel_view(*target.w),
          .outputs = target.w->rows(),
          .bias = target.bias,
          .y = target.y,
          .y_stride = target.y_stride,
          .store = target.store};
}

// Tasks are whole fours of panels, but for the last one of a weight.
void multiply_few_rows(const MatmulKernels& kernels, const PanelView& view, const FewRowsProduct& product) {
  if (kernels.packed_rows != nullptr && streams_packed(view) && product.panels % 4 == 0) {
    kernels.packed_rows(view, product);
  } else {
    kernels.few_rows(view, product);
  }
}

std::int64_t work_of(std::span<const Target> targets, const Input& in) {
  std::int64_t outputs = 0;
  for (const Target& target : targets) outputs += target.outputs;
  return outputs * in.rows * in.columns;
}

// Few rows: a task streams its panels once. Big matrices get longer tasks.
void run_few_rows(std::span<Target> targets, const Input& in, Executor& executor) {
  const MatmulKernels& kernels = matmul_kernels();
  for (Target& target : targets) {
    target.task_panels = 4;
    while (target.task_panels < 32 && target.view->panels / target.task_panels > 64) target.task_panels *= 2;
    target.tasks = (target.view->panels + target.task_panels - 1) / target.task_panels;
  }
  const std::int64_t work = work_of(targets, in);
  run_product_tasks<Target>(targets, work, kSerialWork, executor, [&](const Target& target, std::int64_t index) {
    alignas(64) float totals[kMostFewRows * 32 * kPanelLanes];
    const std::int64_t first = index * target.task_panels;
    const std::int64_t panels = std::min(target.task_panels, target.view->panels - first);
    multiply_few_rows(kernels, *target.view,
                      {.x = in.x,
                       .x_stride = in.x_stride,
                       .rows = in.rows,
                       .first_panel = first,
                       .panels = panels,
                       .totals = totals});
    target.finish(kernels,
                  {.totals = totals,
                   .totals_stride = panels * kPanelLanes,
                   .rows = in.rows,
                   .columns = target.columns_from(first, panels),
                   .y = target.y + first * kPanelLanes,
                   .y_stride = target.y_stride},
                  first);
  });
}

// The weights of a task's panels for one block of columns as float32: in place when they are kept so, else expanded.
TileProduct block_of_weights(const PanelView& view, std::int64_t first_panel, std::int64_t panels, std::int64_t block,
                             Workspace& workspace) {
  const std::int64_t first = block * kColumnBlock;
  const std::int64_t columns = std::min(kColumnBlock, view.columns - first);
  TileProduct t{.panels = panels, .columns = columns};
  if (view.kind == WeightKind::kFloat32) {
    t.w = view.float32 + (first_panel * view.columns + first) * kPanelLanes;
    t.panel_stride = view.columns * kPanelLanes;
    return t;
  }
  t.panel_stride = kColumnBlock * kPanelLanes;
  float* weights = workspace.need(WorkspaceSlot::kWeights, static_cast<std::size_t>(kTaskPanels * t.panel_stride));
  for (std::int64_t p = 0; p < panels; ++p) {
    matmul_kernels().expand(view, first_panel + p, first, columns, weights + p * t.panel_stride);
  }
  t.w = weights;
  return t;
}

struct PackedInput {
  RowTiles tiles;
  const float* values = nullptr;
  std::int64_t first_row = 0;  // of y
};

void run_tile_task(const Target& target, const PackedInput& packed, std::int64_t index, Workspace& workspace) {
  const MatmulKernels& kernels = matmul_kernels();
  const RowTiles& tiles = packed.tiles;
  const std::int64_t groups = (target.view->panels + target.task_panels - 1) / target.task_panels;
  const std::int64_t splits = target.tasks / groups, split = index / groups;
  const std::int64_t first_panel = index % groups * target.task_panels;
  const std::int64_t panels = std::min(target.task_panels, target.view->panels - first_panel);
  const std::int64_t first_tile = tiles.tiles() * split / splits, end_tile = tiles.tiles() * (split + 1) / splits;
  const std::int64_t first_row = tiles.first_row(first_tile), rows = tiles.first_row(end_tile) - first_row;
  const std::int64_t totals_stride = panels * kPanelLanes;
  float* totals = workspace.need(WorkspaceSlot::kTotals, static_cast<std::size_t>(rows * totals_stride));
  for (std::int64_t block = 0; block < tiles.blocks(); ++block) {
    TileProduct t = block_of_weights(*target.view, first_panel, panels, block, workspace);
    t.totals_stride = totals_stride;
    t.store = block == 0 ? MatmulStore::kOverwrite : MatmulStore::kAdd;
    for (std::int64_t tile = first_tile; tile < end_tile; ++tile) {
      t.a = packed.values + tiles.offset(tile, block);
      t.rows = static_cast<int>(tiles.rows_of(tile));
      t.totals = totals + (tiles.first_row(tile) - first_row) * totals_stride;
      kernels.tile(t);
    }
  }
  target.finish(kernels,
                {.totals = totals,
                 .totals_stride = totals_stride,
                 .rows = rows,
                 .columns = target.columns_from(first_panel, panels),
                 .y = target.y + (packed.first_row + first_row) * target.y_stride + first_panel * kPanelLanes,
                 .y_stride = target.y_stride},
                first_panel);
}

void run_tiles(std::span<Target> targets, const Input& in, Executor& executor) {
  const MatmulKernels& kernels = matmul_kernels();
  const RowTiles tiles{.rows = in.rows, .columns = in.columns, .tile_rows = kernels.tile_rows};
  float* values = executor.workspace().need(WorkspaceSlot::kRows, static_cast<std::size_t>(tiles.floats()));
  pack_rows(in.x + in.first_row * in.x_stride, in.x_stride, tiles, values, executor);
  const PackedInput packed{.tiles = tiles, .values = values, .first_row = in.first_row};
  for (Target& target : targets) {
    target.task_panels = target.view->panels >= 64 ? kTaskPanels : 2;
    const std::int64_t groups = (target.view->panels + target.task_panels - 1) / target.task_panels;
    const std::int64_t splits = groups < 16 ? std::clamp<std::int64_t>(in.rows / kRowsOfSplit, 1, tiles.tiles()) : 1;
    target.tasks = groups * splits;
  }
  const std::int64_t work = work_of(targets, in);
  run_product_tasks<Target>(targets, work, kSerialWork, executor, [&](const Target& target, std::int64_t index) {
    run_tile_task(target, packed, index, executor.workspace());
  });
}

void run(std::span<Target> targets, const Input& in, Executor& executor) {
  if (in.rows == 0 || targets.empty()) return;
  for (const Target& target : targets) {
    if (target.view->columns != in.columns) {
      throw Error("matmul", fmt::format("weights of {} x {}", target.outputs, target.view->columns),
                  fmt::format("weights with {} columns", in.columns));
    }
  }
  if (in.rows <= kMostFewRows) return run_few_rows(targets, in, executor);
  const std::int64_t chunks = (in.rows + kMostRows - 1) / kMostRows;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    Input part = in;
    part.first_row = in.rows * chunk / chunks;
    part.rows = in.rows * (chunk + 1) / chunks - part.first_row;
    run_tiles(targets, part, executor);
  }
}

}  // namespace

void CpuBackend::multiply(std::span<const MatmulTarget> targets, const MatmulInput& input, Executor& executor) const {
  if (targets.size() > kMostTargets) {
    throw Error("matmul", fmt::format("{} weights", targets.size()), fmt::format("at most {}", kMostTargets));
  }
  Target prepared[kMostTargets];
  std::transform(targets.begin(), targets.end(), prepared, make_target);
  run({prepared, targets.size()},
      {.x = input.x,
       .rows = input.rows,
       .x_stride = input.x_stride,
       .columns = targets.empty() ? 0 : targets[0].w->columns()},
      executor);
}

void CpuBackend::gather_rows(const PackedMatrix& w, std::span<const std::int32_t> rows, float* out,
                             Executor& executor) const {
  const auto width = static_cast<std::size_t>(w.columns());
  executor.run(static_cast<std::int64_t>(rows.size()), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    w.unpack_row(rows[at], {out + at * width, width});
  });
}

std::string CpuBackend::explain(const PackedMatrix& w, std::int64_t rows) const {
  if (w.empty()) return "empty";
  const MatmulKernels& kernels = matmul_kernels();
  const PanelView& view = panel_view(w);
  const std::string kind = view.kind == WeightKind::kFloat32     ? "f32"
                           : view.kind == WeightKind::kBFloat16  ? "bf16"
                           : view.number == NumberKind::kInteger ? fmt::format("{}-bit", view.bits)
                                                                 : fmt::format("{}-bit float", view.bits);
  if (rows <= kMostFewRows) {
    const bool expanded =
        view.kind == WeightKind::kQuantized && (kernels.packed_rows == nullptr || !streams_packed(view));
    return fmt::format("{} panels, {}, {} row{} streamed{}", kind, kernels.name, rows, rows == 1 ? "" : "s",
                       expanded ? ", expanded to float32 block by block" : "");
  }
  return fmt::format("{} panels, {}, {}x{} tiles{}", kind, kernels.name, kernels.tile_rows,
                     kernels.tile_panels * kPanelLanes,
                     view.kind == WeightKind::kFloat32 ? "" : ", expanded to float32 block by block");
}

}  // namespace qreason
