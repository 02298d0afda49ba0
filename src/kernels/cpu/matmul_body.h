// Matrix-product kernels, written once over Lanes. Every output is one chain of multiply-adds in the order of its
// columns.
#pragma once

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/matmul_kernels.h"
#include "kernels/cpu/unpack_body.h"

namespace qreason {
namespace {

template <class L, int Rows, int Panels>
void tile_of(const TileProduct& t, const float* w, float* totals) {
  typename L::V sum[Rows][Panels];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) sum[r][p] = L::zero();
  }
  const float* a = t.a;
  for (std::int64_t k = 0; k < t.columns; ++k) {
    // The next tile's rows, in step: they are sixteen lines apart, which the hardware does not see as a stream.
    __builtin_prefetch(a + L::kTileRows * kColumnBlock + k * Rows, 0, 2);
    typename L::V weight[Panels];
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) weight[p] = L::load(w + p * t.panel_stride + k * kPanelLanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const typename L::V value = L::set(a[r * kColumnBlock + k]);
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) sum[r][p] = L::fma(value, weight[p], sum[r][p]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      float* to = totals + r * t.totals_stride + p * kPanelLanes;
      const bool add = t.store == MatmulStore::kAdd;
      L::store(to, add ? L::add(L::load(to), sum[r][p]) : sum[r][p]);
    }
  }
}

template <class L, int Rows>
void tile_panels(const TileProduct& t) {
  constexpr int kBeside = panels_beside<L>(Rows);
  std::int64_t p = 0;
  for (; p + kBeside <= t.panels; p += kBeside) {
    tile_of<L, Rows, kBeside>(t, t.w + p * t.panel_stride, t.totals + p * kPanelLanes);
  }
  for (; p < t.panels; ++p) tile_of<L, Rows, 1>(t, t.w + p * t.panel_stride, t.totals + p * kPanelLanes);
}

template <class L, int Rows = L::kTileRows>
void tile(const TileProduct& t) {
  if constexpr (Rows > 1) {
    if (t.rows < Rows) return tile<L, Rows - 1>(t);
  }
  tile_panels<L, Rows>(t);
}

// Weights of `Panels` neighbouring panels, column by column, in the three ways they are kept.
template <class L>
struct Float32Source {
  const float* base;
  std::int64_t columns;
  Float32Source(const PanelView& view, std::int64_t panel)
      : base(view.float32 + panel * view.columns * kPanelLanes), columns(view.columns) {}
  typename L::V get(int panel, std::int64_t k) const { return L::load(base + (panel * columns + k) * kPanelLanes); }
};

template <class L>
struct BFloat16Source {
  const std::uint16_t* base;
  std::int64_t columns;
  BFloat16Source(const PanelView& view, std::int64_t panel)
      : base(view.bfloat16 + panel * view.columns * kPanelLanes), columns(view.columns) {}
  typename L::V get(int panel, std::int64_t k) const {
    return L::load_bf16(base + (panel * columns + k) * kPanelLanes);
  }
};

template <class L, class Source, int Rows, int Panels>
void few_rows_of(const PanelView& view, const FewRowsProduct& f, std::int64_t panel) {
  const Source source(view, f.first_panel + panel);
  float* totals = f.totals + panel * kPanelLanes;
  for (std::int64_t first = 0; first < view.columns; first += kColumnBlock) {
    const std::int64_t end = first + kColumnBlock < view.columns ? first + kColumnBlock : view.columns;
    typename L::V sum[Rows][Panels];
#pragma GCC unroll 4
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) sum[r][p] = L::zero();
    }
#pragma GCC unroll 4
    for (std::int64_t k = first; k < end; ++k) {
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) {
        const typename L::V weight = source.get(p, k);
#pragma GCC unroll 4
        for (int r = 0; r < Rows; ++r) sum[r][p] = L::fma(L::set(f.x[r * f.x_stride + k]), weight, sum[r][p]);
      }
    }
    for (int r = 0; r < Rows; ++r) {
      for (int p = 0; p < Panels; ++p) {
        float* to = totals + (r * f.panels + p) * kPanelLanes;
        L::store(to, first == 0 ? sum[r][p] : L::add(L::load(to), sum[r][p]));
      }
    }
  }
}

template <class L, class Source, int Rows>
void few_rows_panels(const PanelView& view, const FewRowsProduct& f) {
  std::int64_t p = 0;
  for (; p + 4 <= f.panels; p += 4) few_rows_of<L, Source, Rows, 4>(view, f, p);
  for (; p < f.panels; ++p) few_rows_of<L, Source, Rows, 1>(view, f, p);
}

template <class L, class Source>
void few_rows_source(const PanelView& view, const FewRowsProduct& f) {
  switch (f.rows) {
    case 1:
      return few_rows_panels<L, Source, 1>(view, f);
    case 2:
      return few_rows_panels<L, Source, 2>(view, f);
    case 3:
      return few_rows_panels<L, Source, 3>(view, f);
    default:
      return few_rows_panels<L, Source, 4>(view, f);
  }
}

// Any kind: four panels' blocks are expanded to float32 first.
template <class L>
void few_rows_expanded(const PanelView& view, const FewRowsProduct& f) {
  // An expansion is whole units long; the next panel's begins where this one's columns end.
  alignas(64) float weights[(4 * kColumnBlock + kUnitColumns) * kPanelLanes];
  alignas(64) float sums[kMostFewRows * 4 * kPanelLanes];
  for (std::int64_t panel = 0; panel < f.panels; panel += 4) {
    const std::int64_t panels = f.panels - panel < 4 ? f.panels - panel : 4;
    for (std::int64_t first = 0; first < view.columns; first += kColumnBlock) {
      const std::int64_t count = view.columns - first < kColumnBlock ? view.columns - first : kColumnBlock;
      for (std::int64_t p = 0; p < panels; ++p) {
        expand<L>(view, f.first_panel + panel + p, first, count, weights + p * count * kPanelLanes);
      }
      PanelView block;
      block.columns = count;
      block.float32 = weights;
      few_rows_source<L, Float32Source<L>>(
          block, {.x = f.x + first, .x_stride = f.x_stride, .rows = f.rows, .panels = panels, .totals = sums});
      for (std::int64_t r = 0; r < f.rows; ++r) {
        for (std::int64_t p = 0; p < panels; ++p) {
          float* to = f.totals + (r * f.panels + panel + p) * kPanelLanes;
          const typename L::V sum = L::load(sums + (r * panels + p) * kPanelLanes);
          L::store(to, first == 0 ? sum : L::add(L::load(to), sum));
        }
      }
    }
  }
}

template <class L>
void few_rows(const PanelView& view, const FewRowsProduct& f) {
  switch (view.kind) {
    case WeightKind::kFloat32:
      return few_rows_source<L, Float32Source<L>>(view, f);
    case WeightKind::kBFloat16:
      return few_rows_source<L, BFloat16Source<L>>(view, f);
    case WeightKind::kQuantized:
      return few_rows_expanded<L>(view, f);
  }
}

template <class L>
void finish_product(const Finish& f, const float* bias, MatmulStore store) {
  for (std::int64_t r = 0; r < f.rows; ++r) {
    const float* from = f.totals + r * f.totals_stride;
    float* to = f.y + r * f.y_stride;
    for (std::int64_t c = 0; c < f.columns; c += 16) {
      const std::int64_t count = f.columns - c < 16 ? f.columns - c : 16;
      typename L::V v = L::load(from + c);
      if (bias != nullptr) v = L::add(v, L::load_first(bias + c, count));
      if (store == MatmulStore::kAdd) v = L::add(L::load_first(to + c, count), v);
      L::store_first(to + c, v, count);
    }
  }
}

template <class L>
void finish_gram(const Finish& f, float alpha, std::int64_t first_column) {
  for (std::int64_t r = 0; r < f.rows; ++r) {
    const float* from = f.totals + r * f.totals_stride;
    float* to = f.y + r * f.y_stride;
    std::int64_t c = first_column + r > 0 ? first_column + r : 0;
    for (; c < f.columns && c % 16 != 0; ++c) to[c] = to[c] + alpha * from[c];
    for (; c < f.columns; c += 16) {
      const std::int64_t count = f.columns - c < 16 ? f.columns - c : 16;
      const typename L::V scaled = L::mul(L::set(alpha), L::load(from + c));
      L::store_first(to + c, L::add(L::load_first(to + c, count), scaled), count);
    }
  }
}

template <class L>
void finish_subtract(const Finish& f) {
  for (std::int64_t r = 0; r < f.rows; ++r) {
    const float* from = f.totals + r * f.totals_stride;
    float* to = f.y + r * f.y_stride;
    for (std::int64_t c = 0; c < f.columns; c += 16) {
      const std::int64_t count = f.columns - c < 16 ? f.columns - c : 16;
      L::store_first(to + c, L::sub(L::load_first(to + c, count), L::load(from + c)), count);
    }
  }
}

template <class L>
constexpr MatmulKernels make_matmul_kernels(const char* name, void (*packed)(const PanelView&, const FewRowsProduct&)) {
  return {.name = name,
          .tile_rows = L::kTileRows,
          .tile_panels = L::kTilePanels,
          .tile = tile<L>,
          .few_rows = few_rows<L>,
          .packed_rows = packed,
          .expand = expand<L>,
          .finish_product = finish_product<L>,
          .finish_gram = finish_gram<L>,
          .finish_subtract = finish_subtract<L>};
}

}  // namespace
}  // namespace qreason
