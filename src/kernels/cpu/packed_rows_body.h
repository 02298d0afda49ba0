// A few rows times packed codes, unpacked in registers on their way into the product. The arithmetic is that of
// expanding first: one rounding in scale * (code - zero), then the multiply-add.
#pragma once

#include "kernels/cpu/matmul_kernels.h"
#include "kernels/cpu/unpack_body.h"

namespace qreason {
namespace {

// One unit of columns of neighbouring panels.
template <class L, int Bits, int Rows, int Panels>
inline void add_unit(const std::uint32_t* const* units, const typename L::V* scale, const typename L::V* zero,
                     const float* const* x, typename L::V (&sum)[Rows][Panels]) {
  QREASON_UNROLL_UNIT
  for (int j = 0; j < kUnitColumns; ++j) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      const typename L::V weight = L::mul(scale[p], L::sub(shifted_code<L, Bits>(units[p], j), zero[p]));
#pragma GCC unroll 4
      for (int r = 0; r < Rows; ++r) sum[r][p] = L::fma(L::set(x[r][j]), weight, sum[r][p]);
    }
  }
}

template <class L, int Bits, int Rows, int Panels>
void packed_rows_of(const PanelView& view, const FewRowsProduct& f, std::int64_t panel) {
  const std::int64_t first_panel = f.first_panel + panel;
  for (std::int64_t first = 0; first < view.columns; first += kColumnBlock) {
    const std::int64_t end = first + kColumnBlock < view.columns ? first + kColumnBlock : view.columns;
    typename L::V sum[Rows][Panels];
    for (int r = 0; r < Rows; ++r) {
      for (int p = 0; p < Panels; ++p) sum[r][p] = L::zero();
    }
    for (std::int64_t k = first; k < end; k += kUnitColumns) {
      const std::uint32_t* units[Panels];
      typename L::V scale[Panels], zero[Panels];
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) {
        const std::int64_t parameters = ((first_panel + p) * view.groups + k / view.group_size) * 16;
        units[p] = view.words + ((first_panel + p) * view.units + k / kUnitColumns) * Bits * 16;
        scale[p] = L::load(view.scales + parameters);
        zero[p] = L::add(L::set(kMagic), L::load_u8(view.zeros + parameters));
      }
      const float* x[Rows];
      for (int r = 0; r < Rows; ++r) x[r] = f.x + r * f.x_stride + k;
      add_unit<L, Bits, Rows, Panels>(units, scale, zero, x, sum);
    }
    for (int r = 0; r < Rows; ++r) {
      for (int p = 0; p < Panels; ++p) {
        float* to = f.totals + (r * f.panels + panel + p) * kPanelLanes;
        L::store(to, first == 0 ? sum[r][p] : L::add(L::load(to), sum[r][p]));
      }
    }
  }
}

template <class L, int Bits>
void packed_rows_bits(const PanelView& view, const FewRowsProduct& f) {
  // Two of AVX2's register pairs, four of AVX-512's registers, whatever the rows.
  constexpr int kBeside = L::kTilePanels * 2;
  for (std::int64_t p = 0; p < f.panels; p += kBeside) {
    switch (f.rows) {
      case 1:
        packed_rows_of<L, Bits, 1, kBeside>(view, f, p);
        break;
      case 2:
        packed_rows_of<L, Bits, 2, kBeside>(view, f, p);
        break;
      case 3:
        packed_rows_of<L, Bits, 3, kBeside>(view, f, p);
        break;
      default:
        packed_rows_of<L, Bits, 4, kBeside>(view, f, p);
        break;
    }
  }
}

template <class L>
void packed_rows(const PanelView& view, const FewRowsProduct& f) {
  switch (view.bits) {
    case 2:
      return packed_rows_bits<L, 2>(view, f);
    case 3:
      return packed_rows_bits<L, 3>(view, f);
    case 4:
      return packed_rows_bits<L, 4>(view, f);
    case 5:
      return packed_rows_bits<L, 5>(view, f);
    case 6:
      return packed_rows_bits<L, 6>(view, f);
    case 7:
      return packed_rows_bits<L, 7>(view, f);
    default:
      return packed_rows_bits<L, 8>(view, f);
  }
}

}  // namespace
}  // namespace qreason
