// The sums of a run of columns, of a tile of rows and neighbouring panels: step by step in 32-bit words, or through
// 16-bit words where an instruction set has no dot products of bytes.
#pragma once

#include "kernels/cpu/code_dots.h"

namespace qreason {
namespace {

template <int Rows, int Panels>
using TileSums = CodeDots::Sums[Rows][Panels];

// Where a run's weights and rows stand.
struct RunWords {
  const std::uint32_t* lines;
  std::int64_t panel_words;
  const std::uint32_t* x;  // [steps, rows]
  std::int64_t units;
};

constexpr int kStepsOfUnit = 8;

template <class Steps, int Rows, int Panels, int Step = 0, class Dots = CodeDots>
[[gnu::always_inline]] inline void add_steps(const RunWords& at, TileSums<Rows, Panels>& sums) {
  CodeDots::L::U weights[Panels];
#pragma GCC unroll 4
  for (int p = 0; p < Panels; ++p) weights[p] = Steps::template step<Step>(at.lines + p * at.panel_words);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    const CodeDots::Row row = Dots::row(at.x[Step * Rows + r]);
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) sums[r][p] = Dots::add(sums[r][p], weights[p], row);
  }
  if constexpr (Step + 1 < Steps::kSteps) add_steps<Steps, Rows, Panels, Step + 1>(at, sums);
}

template <class Steps, int Rows, int Panels>
void add_run(RunWords at, TileSums<Rows, Panels>& sums) {
  for (std::int64_t i = at.units * kStepsOfUnit / Steps::kSteps; i > 0; --i) {
    add_steps<Steps, Rows, Panels>(at, sums);
    at.lines += Steps::kLines * 16;
    at.x += Steps::kSteps * Rows;
  }
}

// How many steps' products 16 bits hold: of one they are two codes times -128 at most.
constexpr int steps_held(int bits) {
  int steps = kStepsOfUnit;
  while (steps * 2 * ((1 << bits) - 1) * 128 > 32767) steps /= 2;
  return steps;
}

// A unit of weights of at most seven bits.
template <class Steps, int Rows, int Panels, int Step = 0, class Dots = CodeDots>
[[gnu::always_inline]] inline void add_narrow_steps(const RunWords& at, TileSums<Rows, Panels>& partial,
                                                    TileSums<Rows, Panels>& sums) {
  constexpr int kHeld = steps_held(Steps::kBits), kLine = Step / Steps::kSteps * Steps::kLines * 16;
  CodeDots::L::U weights[Panels];
#pragma GCC unroll 4
  for (int p = 0; p < Panels; ++p)
    weights[p] = Steps::template step<Step % Steps::kSteps>(at.lines + kLine + p * at.panel_words);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    const CodeDots::Row row = Dots::row(at.x[Step * Rows + r]);
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      partial[r][p] =
          Step % kHeld == 0 ? Dots::narrow(weights[p], row) : Dots::add_narrow(partial[r][p], weights[p], row);
      if ((Step + 1) % kHeld == 0) sums[r][p] = Dots::widen(sums[r][p], partial[r][p]);
    }
  }
  if constexpr (Step + 1 < kStepsOfUnit) add_narrow_steps<Steps, Rows, Panels, Step + 1>(at, partial, sums);
}

template <class Steps, int Rows, int Panels>
void add_narrow_run(RunWords at, TileSums<Rows, Panels>& sums) {
  TileSums<Rows, Panels> partial;
  for (; at.units > 0; --at.units) {
    add_narrow_steps<Steps, Rows, Panels>(at, partial, sums);
    at.lines += kStepsOfUnit / Steps::kSteps * Steps::kLines * 16;
    at.x += kStepsOfUnit * Rows;
  }
}

// Eight bits, whose products of a step 16 bits do not hold: both sides as 16-bit words. So many units of a tile's rows
// are spread at a time, and so many of its rows have their sums and weights in registers.
constexpr std::int64_t kSpreadUnits = 8;
constexpr int kSpreadRows = 3;

template <class Steps, int Rows, int Panels, int First, class Dots = CodeDots>
void add_spread_rows(const RunWords& at, const std::uint32_t* even, const std::uint32_t* odd,
                     TileSums<Rows, Panels>& sums) {
  constexpr int kTaken = Rows - First < kSpreadRows ? Rows - First : kSpreadRows;
  CodeDots::Sums own[kTaken][Panels];
#pragma GCC unroll 4
  for (int r = 0; r < kTaken; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) own[r][p] = sums[First + r][p];
  }
  const std::uint32_t* lines = at.lines;
  for (std::int64_t step = at.units * kStepsOfUnit; step > 0; --step, lines += 16, even += Rows, odd += Rows) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      const CodeDots::L::U codes = Steps::template step<0>(lines + p * at.panel_words);
      const CodeDots::L::U even_codes = Dots::even_bytes(codes), odd_codes = Dots::odd_bytes(codes);
#pragma GCC unroll 4
      for (int r = 0; r < kTaken; ++r) {
        own[r][p] = Dots::add_words(own[r][p], even_codes, Dots::row(even[First + r]));
        own[r][p] = Dots::add_words(own[r][p], odd_codes, Dots::row(odd[First + r]));
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kTaken; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) sums[First + r][p] = own[r][p];
  }
  if constexpr (First + kTaken < Rows) {
    const std::int64_t back = at.units * kStepsOfUnit * Rows;
    add_spread_rows<Steps, Rows, Panels, First + kTaken>(at, even - back, odd - back, sums);
  }
}

template <class Steps, int Rows, int Panels, class Dots = CodeDots>
void add_spread_run(RunWords at, TileSums<Rows, Panels>& sums) {
  static_assert(Steps::kSteps == 1 && kSpreadUnits * kStepsOfUnit % 8 == 0);
  alignas(32) std::uint32_t even[kSpreadUnits * kStepsOfUnit * Rows], odd[kSpreadUnits * kStepsOfUnit * Rows];
  for (std::int64_t left = at.units; left > 0; left -= at.units) {
    at.units = left < kSpreadUnits ? left : kSpreadUnits;
    const std::int64_t words = at.units * kStepsOfUnit * Rows;  // eights
    for (std::int64_t i = 0; i < words; i += 8) Dots::spread_signed_bytes(at.x + i, even + i, odd + i);
    add_spread_rows<Steps, Rows, Panels, 0>(at, even, odd, sums);
    at.lines += at.units * kStepsOfUnit * 16;
    at.x += words;
  }
}

}  // namespace
}  // namespace qreason
