// Kernels of products of codes, written once over what an instruction set can do with four unsigned bytes of a weight
// and four signed ones of a row.
#pragma once

#include "kernels/cpu/code_kernels.h"
#include "kernels/cpu/lanes.h"
#include "kernels/cpu/unpack_body.h"

namespace qreason {
namespace {

// Sums: sixteen 32-bit words that wrap around. Row: four signed bytes, ready for add().
#if defined(__AVX512F__)

struct CodeDots {
  using L = Avx512Lanes;
  using Sums = __m512i;
  static Sums zero() { return _mm512_setzero_si512(); }
#if defined(__AVX512VNNI__)
  static constexpr int kTileRows = 14, kTilePanels = 2;
  using Row = __m512i;
  static Row row(std::uint32_t bytes) {
    return _mm512_set1_epi32(static_cast<int>(bytes));
  }
  static Sums add(Sums sums, L::U weights, Row row) {
    return _mm512_dpbusd_epi32(sums, weights, row);
  }
#else
  static constexpr int kTileRows = 6, kTilePanels = 2;
  struct Row {
    __m512i even, odd;  // as 16-bit words
  };
  static Row row(std::uint32_t bytes) {
    const __m512i all = _mm512_set1_epi32(static_cast<int>(bytes));
    return {_mm512_srai_epi16(_mm512_slli_epi16(all, 8), 8), _mm512_srai_epi16(all, 8)};
  }
  static Sums add(Sums sums, L::U weights, const Row& row) {
    const __m512i even = _mm512_and_si512(weights, _mm512_set1_epi16(0xFF)), odd = _mm512_srli_epi16(weights, 8);
    sums = _mm512_add_epi32(sums, _mm512_madd_epi16(even, row.even));
    return _mm512_add_epi32(sums, _mm512_madd_epi16(odd, row.odd));
  }
#endif
  static Sums add_product(Sums sums, Sums a, std::int32_t b) {
    return _mm512_add_epi32(sums, _mm512_mullo_epi32(a, _mm512_set1_epi32(b)));
  }
  static Sums load(const std::int32_t* from) {
    return _mm512_loadu_si512(from);
  }
  static void store(std::int32_t* to, Sums sums) {
    _mm512_storeu_si512(to, sums);
  }
  static Sums of_words(L::U words) {
    return words;
  }
  static L::V floats(Sums sums) {
    return _mm512_cvtepi32_ps(sums);
  }
  // Four outputs lie in sixteen bytes: two bytes of each, then the next two of each.
  static L::U of_pairs(L::U words) {
    const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    return _mm512_shuffle_epi8(words, order);
  }
};

#elif defined(__AVX2__)

struct CodeDots {
  using L = Avx2Lanes;
  using Sums = L::U;
  static constexpr int kTileRows = 4, kTilePanels = 1;
  struct Row {
    __m256i even, odd;  // as 16-bit words
  };
  static Sums zero() { return L::set_word(0); }
  static Row row(std::uint32_t bytes) {
    const __m256i all = _mm256_set1_epi32(static_cast<int>(bytes));
    return {_mm256_srai_epi16(_mm256_slli_epi16(all, 8), 8), _mm256_srai_epi16(all, 8)};
  }
  static __m256i dot(__m256i weights, const Row& row) {
    const __m256i even = _mm256_and_si256(weights, _mm256_set1_epi16(0xFF)), odd = _mm256_srli_epi16(weights, 8);
    return _mm256_add_epi32(_mm256_madd_epi16(even, row.even), _mm256_madd_epi16(odd, row.odd));
  }
  static Sums add(const Sums& sums, const L::U& weights, const Row& row) {
    return {_mm256_add_epi32(sums.low, dot(weights.low, row)), _mm256_add_epi32(sums.high, dot(weights.high, row))};
  }
  static Sums add_product(const Sums& sums, const Sums& a, std::int32_t b) {
    const __m256i factor = _mm256_set1_epi32(b);
    return {_mm256_add_epi32(sums.low, _mm256_mullo_epi32(a.low, factor)),
            _mm256_add_epi32(sums.high, _mm256_mullo_epi32(a.high, factor))};
  }
  static Sums load(const std::int32_t* from) { return {L::load_half(from), L::load_half(from + 8)}; }
  static void store(std::int32_t* to, const Sums& sums) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), sums.low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 8), sums.high);
  }
  static Sums of_words(const L::U& words) { return words; }
  static L::V floats(const Sums& sums) { return {_mm256_cvtepi32_ps(sums.low), _mm256_cvtepi32_ps(sums.high)}; }
  static L::U of_pairs(const L::U& words) {
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    return {_mm256_shuffle_epi8(words.low, order), _mm256_shuffle_epi8(words.high, order)};
  }
};

#else

struct CodeDots {
  using L = GenericLanes;
  using I4 [[gnu::vector_size(16)]] = std::int32_t;
  using Sums = L::U;
  static constexpr int kTileRows = 4, kTilePanels = 1;
  using Row = std::uint32_t;
  static Sums zero() { return L::set_word(0); }
  static Row row(std::uint32_t bytes) { return bytes; }
  static Sums add(const Sums& sums, const L::U& weights, Row row) {
    Sums result = sums;
    for (int byte = 0; byte < 4; ++byte) {
      const auto value = static_cast<std::uint32_t>(static_cast<std::int8_t>(row >> 8 * byte));
      for (int i = 0; i < 4; ++i) result.part[i] += (weights.part[i] >> 8 * byte & 0xFFu) * value;
    }
    return result;
  }
  static Sums add_product(const Sums& sums, const Sums& a, std::int32_t b) {
    Sums result = sums;
    for (int i = 0; i < 4; ++i) result.part[i] += a.part[i] * static_cast<std::uint32_t>(b);
    return result;
  }
  static Sums load(const std::int32_t* from) {
    Sums sums;
    __builtin_memcpy(&sums, from, sizeof sums);
    return sums;
  }
  static void store(std::int32_t* to, const Sums& sums) { __builtin_memcpy(to, &sums, sizeof sums); }
  static Sums of_words(const L::U& words) { return words; }
  static L::V floats(const Sums& sums) {
    L::V v;
    for (int i = 0; i < 4; ++i) {
      v.part[i] = __builtin_convertvector(reinterpret_cast<const I4&>(sums.part[i]), L::F4);
    }
    return v;
  }
  static L::U of_pairs(const L::U& words) {
    L::U out;
    for (int i = 0; i < 4; ++i) {
      const L::U4 part = words.part[i];
      out.part[i] = L::U4{(part[0] & 0xFFFFu) | part[2] << 16, part[0] >> 16 | (part[2] & 0xFFFF0000u),
                          (part[1] & 0xFFFFu) | part[3] << 16, part[1] >> 16 | (part[3] & 0xFFFF0000u)};
    }
    return out;
  }
};

#endif

// The words of a step, of the lines (16 words each) that hold kSteps of them.
template <class L, int Width>
struct PanelSteps {
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
  static constexpr int kLines = 1, kSteps = 1;
  template <int Step>
  static CodeDots::L::U step(const std::uint32_t* lines) {
    return CodeDots::of_pairs(CodeDots::L::words(lines));
  }
};

template <class Steps, int Rows, int Panels, int Step = 0>
[[gnu::always_inline]] inline void add_steps(const std::uint32_t* lines, std::int64_t panel_words,
                                             const std::uint32_t* x, CodeDots::Sums (&sums)[Rows][Panels]) {
  CodeDots::L::U weights[Panels];
#pragma GCC unroll 4
  for (int p = 0; p < Panels; ++p) weights[p] = Steps::template step<Step>(lines + p * panel_words);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    const CodeDots::Row row = CodeDots::row(x[Step * Rows + r]);
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) sums[r][p] = CodeDots::add(sums[r][p], weights[p], row);
  }
  if constexpr (Step + 1 < Steps::kSteps) add_steps<Steps, Rows, Panels, Step + 1>(lines, panel_words, x, sums);
}

// What a run's sums make of the totals. Those of weights with one zero point for all began with its part.
template <int Rows, int Panels>
[[gnu::always_inline]] inline void finish_run(const CodeWords& w, const CodeProduct& product, std::int64_t run,
                                              std::int64_t panel, const CodeDots::Sums (&sums)[Rows][Panels]) {
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
  const std::uint32_t* lines = w.words + (product.first_panel + panel) * w.panel_words;
  const std::uint32_t zero = w.zeros == nullptr ? w.zero : 0;
  for (std::int64_t run = 0; run < product.run_count; ++run) {
    const std::int32_t* row_sums = product.sums + run * Rows;
    CodeDots::Sums sums[Rows][Panels];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const CodeDots::Sums first =
          CodeDots::of_words(CodeDots::L::set_word(-zero * static_cast<std::uint32_t>(row_sums[r])));
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) sums[r][p] = first;
    }
    for (std::int64_t i = product.runs[run].units * 8 / Steps::kSteps; i > 0; --i) {
      add_steps<Steps, Rows, Panels>(lines, w.panel_words, x, sums);
      lines += Steps::kLines * 16;
      x += Steps::kSteps * Rows;
    }
    finish_run<Rows, Panels>(w, product, run, panel, sums);
  }
}

// Enough chains of dot products to hide their latency, no more than fit in the registers.
template <class Steps, int Rows>
void multiply_rows(const CodeWords& w, const CodeProduct& product) {
  constexpr int kMost = CodeDots::kTileRows * CodeDots::kTilePanels;
  constexpr int kBeside = Rows * 4 <= kMost ? 4 : CodeDots::kTilePanels;
  std::int64_t p = 0;
  for (; p + kBeside <= product.panels; p += kBeside) multiply_panels<Steps, Rows, kBeside>(w, product, p);
  for (; p < product.panels; ++p) multiply_panels<Steps, Rows, 1>(w, product, p);
}

template <class Steps, int Rows = CodeDots::kTileRows>
void multiply_tile(const CodeWords& w, const CodeProduct& product) {
  if constexpr (Rows > 1) {
    if (product.rows < Rows) return multiply_tile<Steps, Rows - 1>(w, product);
  }
  multiply_rows<Steps, Rows>(w, product);
}

void multiply_codes_of(const CodeWords& w, const CodeProduct& product) {
  using L = CodeDots::L;
  if (w.order == CodeOrder::kPairs && w.width == 8) return multiply_tile<PairByteSteps>(w, product);
  switch (w.width) {
    case 2:
      return multiply_tile<PanelSteps<L, 2>>(w, product);
    case 3:
      return multiply_tile<PanelSteps<L, 3>>(w, product);
    case 4:
      return multiply_tile<PanelSteps<L, 4>>(w, product);
    case 5:
      return multiply_tile<PanelSteps<L, 5>>(w, product);
    case 6:
      return multiply_tile<PanelSteps<L, 6>>(w, product);
    case 7:
      return multiply_tile<PanelSteps<L, 7>>(w, product);
    default:
      return multiply_tile<PanelSteps<L, 8>>(w, product);
  }
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
  return {.name = name, .tile_rows = CodeDots::kTileRows, .place = place_codes, .multiply = multiply_codes_of};
}

}  // namespace
}  // namespace qreason
