#pragma once

#include "kernels/column_rounding.h"
#include "kernels/cpu/lanes.h"

namespace qreason {
namespace {

template <class L>
void round_columns_with(const ColumnRounding& tile) {
  using V = typename L::V;
  constexpr std::int64_t kRows = ColumnRounding::kRows;
  const V lowest = L::set(tile.lowest), highest = L::set(tile.highest), one = L::set(1.0f);
  V loss = L::zero(), clipped = L::zero();
  for (std::int64_t j = 0; j < tile.columns; ++j) {
    const std::int64_t at = j * kRows;
    const V w = L::load(tile.current + at), scale = L::load(tile.scales + at), zero = L::load(tile.zeros + at);
    const V wanted = L::add(L::round(L::div(w, scale)), zero);
    const V code = L::max(L::min(wanted, highest), lowest);
    const V value = L::mul(scale, L::sub(code, zero));
    const V rest = L::sub(w, value), error = L::sub(L::load(tile.original + at), value);
    loss = L::add(loss, L::mul(L::mul(rest, rest), L::set(tile.pivots[j])));
    clipped = L::add(clipped, L::where_less(code, wanted, one, L::where_less(wanted, code, one, L::zero())));
    L::store(tile.codes + at, code);
    L::store(tile.difference + at, L::sub(L::zero(), error));
    const float* feedback = tile.feedback + j * tile.feedback_stride;
    for (std::int64_t behind = j + 1; behind < tile.columns; ++behind) {
      float* current = tile.current + behind * kRows;
      L::store(current, L::add(L::load(current), L::mul(error, L::set(feedback[behind]))));
    }
  }
  L::store(tile.loss, loss);
  L::store(tile.clipped, clipped);
}

}  // namespace
}  // namespace qreason
