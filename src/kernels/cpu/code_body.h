// Kernels of products of codes, written once over CodeDots.
#pragma once

#include "kernels/cpu/code_kernels.h"
#include "kernels/cpu/code_sums_body.h"
#include "kernels/cpu/matmul_kernels.h"
#include "kernels/cpu/unpack_body.h"

namespace qreason {
namespace {

// The words of a step, of the lines (16 words each) that hold kSteps of them.
template <class L, int Width>
struct PanelSteps {
  static constexpr int kBits = Width;
  static constexpr bool kWhole = 8 % Width == 0;
  static constexpr int kLines = kWhole ? 1 : Width;
  static constexpr int kSteps = kWhole ? 8 / Width : 8;
  template <int Step>
  static typename L::U step(const std::uint32_t* lines) {
    constexpr std::uint32_t kByte = (1u << Width) - 1u;
    const typename L::U none = L::set_word(0);
    if constexpr (Width == 8) {
      return L::words(lines);
    } else if constexpr (kWhole) {
      return L::masked_with(L::shift_right(L::words(lines), Step * Width), L::set_word(kByte * 0x01010101u), none);
    } else {
      typename L::U word = none;
#pragma GCC unroll 4
      for (int byte = 0; byte < 4; ++byte) {
        const typename L::U code =
            L::masked_with(code_words<L, Width>(lines, 4 * Step + byte), L::set_word(kByte), none);
        word = L::either(word, L::shift_left(code, 8 * byte));
      }
      return word;
    }
  }
};

struct PairByteSteps {
  static constexpr int kBits = 8, kLines = 1, kSteps = 1;
  template <int Step>
  static CodeDots::L::U step(const std::uint32_t* lines) {
    return CodeDots::of_pairs(CodeDots::L::words(lines));
  }
};

// Codes of at most `Bits` bits in whole bytes.
template <int Bits>
struct ByteSteps {
  static constexpr int kBits = Bits, kLines = 1, kSteps = 1;
  template <int Step>
  static CodeDots::L::U step(const std::uint32_t* lines) {
    return CodeDots::L::words(lines);
  }
};

// What a run's sums make of the totals. Those of weights with one zero point for all began with its part.
template <int Rows, int Panels>
[[gnu::always_inline]] inline void finish_run(const CodeWords& w, const CodeProduct& product, std::int64_t run,
                                              std::int64_t panel, const TileSums<Rows, Panels>& sums) {
  using L = CodeDots::L;
  const std::int64_t parameter = run * Rows;
#pragma GCC unroll 4
  for (int p = 0; p < Panels; ++p) {
    const std::int64_t number = product.first_panel + panel + p;
    const std::int64_t at = (number * w.groups + product.runs[run].group) * 16;
    const typename L::V scale = L::load(w.scales + at);
    const CodeDots::Sums zeros = w.zeros == nullptr ? CodeDots::zero() : CodeDots::of_words(L::bytes(w.zeros + at));
    float* to = product.totals + (panel + p) * 16;
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r, to += product.totals_stride) {
      CodeDots::Sums whole = sums[r][p];
      if (w.zeros != nullptr) whole = CodeDots::add_product(whole, zeros, -product.sums[parameter + r]);
      if (product.shifts != nullptr) {
        whole = CodeDots::add_product(whole, CodeDots::load(w.sums + number * 16), product.shifts[parameter + r]);
      }
      const typename L::V part = L::mul(CodeDots::floats(whole), scale);
      L::store(to, L::fma(L::set(product.scales[parameter + r]), part, run == 0 ? L::zero() : L::load(to)));
    }
  }
}

template <class Steps, int Rows, int Panels>
void multiply_panels(const CodeWords& w, const CodeProduct& product, std::int64_t panel) {
  const std::uint32_t* x = product.x;
  const std::uint32_t* lines = w.words + (product.first_panel + panel - w.first_panel) * w.panel_words;
  const std::uint32_t zero = w.zeros == nullptr ? w.zero : 0;
  for (std::int64_t run = 0; run < product.run_count; ++run) {
    const std::int32_t* row_sums = product.sums + run * Rows;
    TileSums<Rows, Panels> sums;
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const CodeDots::Sums first =
          CodeDots::of_words(CodeDots::L::set_word(-zero * static_cast<std::uint32_t>(row_sums[r])));
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) sums[r][p] = first;
    }
    const RunWords at{.lines = lines, .panel_words = w.panel_words, .x = x, .units = product.runs[run].units};
    if constexpr (!CodeDots::kNarrowSums) {
      add_run<Steps, Rows, Panels>(at, sums);
    } else if constexpr (Steps::kBits < 8) {
      add_narrow_run<Steps, Rows, Panels>(at, sums);
    } else {
      add_spread_run<Steps, Rows, Panels>(at, sums);
    }
    lines += at.units * kStepsOfUnit / Steps::kSteps * Steps::kLines * 16;
    x += at.units * kStepsOfUnit * Rows;
    finish_run<Rows, Panels>(w, product, run, panel, sums);
  }
}

// Enough chains of dot products to hide their latency, no more than fit in the registers.
template <class Steps, int Rows>
void multiply_rows(const CodeWords& w, const CodeProduct& product) {
  constexpr int kMost = CodeDots::kTileRows * CodeDots::kTilePanels;
  constexpr int kBeside = Rows * 4 <= kMost ? 4 : Rows == 1 ? 2 : CodeDots::kTilePanels;
  std::int64_t p = 0;
  for (; p + kBeside <= product.panels; p += kBeside) multiply_panels<Steps, Rows, kBeside>(w, product, p);
  for (; p < product.panels; ++p) multiply_panels<Steps, Rows, 1>(w, product, p);
}

// Packed codes meet few rows alone where they are expanded for more (CodeKernels::expand).
template <class Steps>
constexpr int kMostTileRows = CodeDots::kNarrowSums && (Steps::kSteps > 1 || Steps::kLines > 1) ? int{kMostFewRows}
                                                                                                : CodeDots::kTileRows;

template <class Steps, int Rows = kMostTileRows<Steps>>
void multiply_tile(const CodeWords& w, const CodeProduct& product) {
  if constexpr (Rows > 1) {
    if (product.rows < Rows) return multiply_tile<Steps, Rows - 1>(w, product);
  }
  multiply_rows<Steps, Rows>(w, product);
}

void multiply_bytes(const CodeWords& w, const CodeProduct& product) {
  if (w.width <= 4) return multiply_tile<ByteSteps<4>>(w, product);
  if (w.width == 5) return multiply_tile<ByteSteps<5>>(w, product);
  return w.width == 6 ? multiply_tile<ByteSteps<6>>(w, product) : multiply_tile<ByteSteps<7>>(w, product);
}

// Calls use(Steps) for packed codes.
template <class Use>
void with_packed_steps(const CodeWords& w, const Use& use) {
  using L = CodeDots::L;
  switch (w.width) {
    case 2:
      return use(PanelSteps<L, 2>());
    case 3:
      return use(PanelSteps<L, 3>());
    case 4:
      return use(PanelSteps<L, 4>());
    case 5:
      return use(PanelSteps<L, 5>());
    case 6:
      return use(PanelSteps<L, 6>());
    default:
      return use(PanelSteps<L, 7>());
  }
}

void multiply_codes_of(const CodeWords& w, const CodeProduct& product) {
  if constexpr (CodeDots::kNarrowSums) {
    if (w.order == CodeOrder::kBytes) return multiply_bytes(w, product);
  }
  if (w.width == 8) {
    return w.order == CodeOrder::kPairs ? multiply_tile<PairByteSteps>(w, product)
                                        : multiply_tile<PanelSteps<CodeDots::L, 8>>(w, product);
  }
  with_packed_steps(w, [&](auto steps) { multiply_tile<decltype(steps)>(w, product); });
}

template <class Steps, int Step = 0>
[[gnu::always_inline]] inline void expand_steps(const std::uint32_t* lines, std::uint32_t* out) {
  CodeDots::store(reinterpret_cast<std::int32_t*>(out + Step * 16),
                  CodeDots::of_words(Steps::template step<Step>(lines)));
  if constexpr (Step + 1 < Steps::kSteps) expand_steps<Steps, Step + 1>(lines, out);
}

void expand_codes(const CodeWords& w, std::int64_t panel, std::int64_t units, std::uint32_t* out) {
  with_packed_steps(w, [&](auto steps) {
    using Steps = decltype(steps);
    const std::uint32_t* lines = w.words + panel * w.panel_words;
    for (std::int64_t i = units * kStepsOfUnit / Steps::kSteps; i > 0; --i) {
      expand_steps<Steps>(lines, out);
      lines += Steps::kLines * 16;
      out += Steps::kSteps * 16;
    }
  });
}

void place_codes(const CodeRowUnits& row) {
  using Bytes [[gnu::vector_size(32)]] = std::uint8_t;
  Bytes order;
  __builtin_memcpy(&order, row.order, sizeof order);
  std::uint32_t* out = row.out;
  for (std::int64_t unit = 0; unit < row.units; ++unit) {
    // Past the last column there are zeros, whatever codes they meet.
    Bytes codes = Bytes{} + row.offset;
    const std::int64_t columns = unit + 1 < row.units ? 32 : row.last;
    __builtin_memcpy(&codes, row.codes + unit * 32, static_cast<std::size_t>(columns));
    const Bytes placed = __builtin_shuffle(codes, order) - row.offset;
    std::uint32_t steps[8];
    __builtin_memcpy(steps, &placed, sizeof steps);
    for (int step = 0; step < 8; ++step, out += row.stride) *out = steps[step];
  }
}

constexpr CodeKernels make_code_kernels(const char* name) {
  return {.name = name,
          .tile_rows = CodeDots::kTileRows,
          .place = place_codes,
          .expand = CodeDots::kNarrowSums ? expand_codes : nullptr,
          .multiply = multiply_codes_of};
}

}  // namespace
}  // namespace qreason
