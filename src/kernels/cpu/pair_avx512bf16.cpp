// The one instruction behind the class `fast`: vdpbf16ps, sixteen dot products of two bfloat16 pairs.
#include <immintrin.h>

#include "kernels/cpu/pair_kernels.h"

namespace qreason {
namespace {

constexpr std::int64_t kLanes = 16;
constexpr int kRegistersOfSums = 28;

__m512i load_words(const std::uint32_t* from) {
  return _mm512_loadu_si512(from);
}

__m512 dot(__m512 sum, __m512i x, __m512i w) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(w));
}

// The pairs of a unit, as bfloat16, from each width of words.
struct BFloat16Words {
  static constexpr int kPairs = 1;
  explicit BFloat16Words(const std::uint8_t*) {}
  template <int Pair>
  __m512i pair(__m512i unit) const {
    return unit;
  }
};

// The look-up takes five bits of each half: what stands above the code's own is the next code, to which the table is
// blind.
template <int Width>
struct NarrowCodes {
  static constexpr int kPairs = 16 / Width;
  __m512i table;
  explicit NarrowCodes(const std::uint8_t* entries) : table(_mm512_loadu_si512(entries)) {}
  template <int Pair>
  __m512i pair(__m512i unit) const {
    if constexpr (Pair == 0) return _mm512_permutexvar_epi16(unit, table);
    return _mm512_permutexvar_epi16(_mm512_srli_epi16(unit, Width * Pair), table);
  }
};

// The look-up takes seven bits, of low bytes and of high bytes, in either half of the table.
struct ByteCodes {
  static constexpr int kPairs = 2;
  __m512i table[8];
  explicit ByteCodes(const std::uint8_t* bytes) {
    for (int i = 0; i < 8; ++i) table[i] = _mm512_loadu_si512(bytes + i * 64);
  }
  template <int Pair>
  __m512i pair(__m512i unit) const {
    const __mmask64 upper = _mm512_movepi8_mask(unit);
    const __m512i low = bytes_of(unit, upper, 0), high = bytes_of(unit, upper, 4);
    return Pair == 0 ? _mm512_unpacklo_epi8(low, high) : _mm512_unpackhi_epi8(low, high);
  }
  __m512i bytes_of(__m512i unit, __mmask64 upper, int at) const {
    return _mm512_mask_blend_epi8(upper, _mm512_permutex2var_epi8(table[at], unit, table[at + 1]),
                                  _mm512_permutex2var_epi8(table[at + 2], unit, table[at + 3]));
  }
};

// Bytes of at most six bits: a look-up of half a unit's, as words, in one table.
struct SixBitCodes {
  static constexpr int kPairs = 2;
  __m512i low, high;
  explicit SixBitCodes(const std::uint8_t* bytes) : low(words_of(bytes)), high(words_of(bytes + 32)) {}
  static __m512i words_of(const std::uint8_t* bytes) {
    const auto words = [](const std::uint8_t* from) {
      return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    };
    return _mm512_or_si512(words(bytes), _mm512_slli_epi16(words(bytes + 256), 8));
  }
  template <int Pair>
  __m512i pair(__m512i unit) const {
    const __m512i codes = Pair == 0 ? _mm512_unpacklo_epi8(unit, unit) : _mm512_unpackhi_epi8(unit, unit);
    return _mm512_permutex2var_epi16(low, codes, high);
  }
};

template <class Source, int Rows, int Panels, int Pair = 0>
[[gnu::always_inline]] inline void add_unit(const Source& source, const __m512i (&unit)[Panels], const std::uint32_t* x,
                                            __m512 (&sum)[Rows][Panels]) {
  __m512i weight[Panels];
#pragma GCC unroll 4
  for (int p = 0; p < Panels; ++p) weight[p] = source.template pair<Pair>(unit[p]);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    const __m512i value = _mm512_set1_epi32(static_cast<int>(x[Pair * Rows + r]));
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) sum[r][p] = dot(sum[r][p], value, weight[p]);
  }
  if constexpr (Pair + 1 < Source::kPairs) add_unit<Source, Rows, Panels, Pair + 1>(source, unit, x, sum);
}

// totals += scale * (sum - zero * sum of x), for the run's group.
template <int Rows, int Panels>
[[gnu::always_inline]] inline void add_run(const PairView& view, const PairProduct& product, std::int64_t run,
                                           std::int64_t panel, const __m512 (&sum)[Rows][Panels]) {
  const bool fresh = run == 0 && product.store == MatmulStore::kOverwrite;
#pragma GCC unroll 4
  for (int p = 0; p < Panels; ++p) {
    const std::int64_t at = ((product.first_panel + panel + p) * view.groups + product.runs[run].group) * kLanes;
    const __m512 scale = view.scales == nullptr ? _mm512_set1_ps(1.0f) : _mm512_loadu_ps(view.scales + at);
    __m512 zero = _mm512_setzero_ps();
    if (view.zeros != nullptr) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(view.zeros + at));
      zero = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
    }
    float* to = product.totals + (panel + p) * kLanes;
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r, to += product.totals_stride) {
      __m512 whole = sum[r][p];
      if (view.zeros != nullptr) whole = _mm512_fnmadd_ps(zero, _mm512_set1_ps(product.sums[run * Rows + r]), whole);
      const __m512 total = fresh ? _mm512_setzero_ps() : _mm512_loadu_ps(to);
      _mm512_storeu_ps(to, _mm512_fmadd_ps(scale, whole, total));
    }
  }
}

template <class Source, int Rows, int Panels>
void multiply_panels(const PairView& view, const PairProduct& product, std::int64_t panel) {
  const Source source(view.table);
  const std::uint32_t* x = product.x;
  const std::uint32_t* words = product.words + panel * product.panel_words;
  for (std::int64_t run = 0; run < product.run_count; ++run) {
    __m512 sum[Rows][Panels];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) sum[r][p] = _mm512_setzero_ps();
    }
    const std::int64_t units = product.runs[run].pairs / Source::kPairs;
    for (std::int64_t unit = 0; unit < units; ++unit) {
      __m512i of[Panels];
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) of[p] = load_words(words + p * product.panel_words);
      add_unit<Source, Rows, Panels>(source, of, x, sum);
      words += kLanes;
      x += Source::kPairs * Rows;
    }
    add_run<Rows, Panels>(view, product, run, panel, sum);
  }
}

// Enough chains of dot products to hide their latency, no more than fit in the registers.
template <class Source, int Rows>
void multiply_rows(const PairView& view, const PairProduct& product) {
  constexpr int kBeside = Rows * 4 <= kRegistersOfSums ? 4 : 2;
  std::int64_t p = 0;
  for (; p + kBeside <= product.panels; p += kBeside) multiply_panels<Source, Rows, kBeside>(view, product, p);
  for (; p < product.panels; ++p) multiply_panels<Source, Rows, 1>(view, product, p);
}

template <class Source, int Rows>
void multiply_at_most(const PairView& view, const PairProduct& product) {
  if constexpr (Rows > 1) {
    if (product.rows < Rows) return multiply_at_most<Source, Rows - 1>(view, product);
  }
  multiply_rows<Source, Rows>(view, product);
}

void multiply(const PairView& view, const PairProduct& product) {
  switch (product.width) {
    case 2:
      return multiply_at_most<NarrowCodes<2>, kMostDirectRows>(view, product);
    case 4:
      return multiply_at_most<NarrowCodes<4>, kMostDirectRows>(view, product);
    case 8:
      return view.bits <= 6 ? multiply_at_most<SixBitCodes, kMostDirectRows>(view, product)
                            : multiply_at_most<ByteCodes, kMostDirectRows>(view, product);
    default:
      return multiply_at_most<BFloat16Words, kPairTileRows>(view, product);
  }
}

template <class Source, int Pair = 0>
[[gnu::always_inline]] inline void store_unit(const Source& source, __m512i unit, std::uint32_t* out) {
  _mm512_storeu_si512(out + Pair * kLanes, source.template pair<Pair>(unit));
  if constexpr (Pair + 1 < Source::kPairs) store_unit<Source, Pair + 1>(source, unit, out);
}

template <class Source>
void expand_codes(const std::uint8_t* table, const std::uint32_t* units, std::int64_t pairs, std::uint32_t* out) {
  const Source source(table);
  for (std::int64_t pair = 0; pair < pairs; pair += Source::kPairs) {
    store_unit(source, load_words(units), out);
    units += kLanes;
    out += Source::kPairs * kLanes;
  }
}

void expand(const PairView& view, const std::uint32_t* units, std::int64_t pairs, std::uint32_t* out) {
  switch (view.width) {
    case 2:
      return expand_codes<NarrowCodes<2>>(view.table, units, pairs, out);
    case 4:
      return expand_codes<NarrowCodes<4>>(view.table, units, pairs, out);
    case 8:
      return view.bits <= 6 ? expand_codes<SixBitCodes>(view.table, units, pairs, out)
                            : expand_codes<ByteCodes>(view.table, units, pairs, out);
    default:
      return expand_codes<BFloat16Words>(view.table, units, pairs, out);
  }
}

// Sixteen slots of a row from `slot` on.
__m512 slots_of(const RoundedRows& rows, std::int64_t row, std::int64_t slot) {
  const float* x = rows.x + row * rows.x_stride;
  if (rows.sources != nullptr) {
    const __m512i columns = _mm512_loadu_si512(rows.sources + slot);
    const __mmask16 filled = _mm512_cmpge_epi32_mask(columns, _mm512_setzero_si512());
    return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), filled, columns, x, sizeof(float));
  }
  const std::int64_t left = rows.columns - slot;
  if (left >= kLanes) return _mm512_loadu_ps(x + slot);
  return left <= 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << left) - 1u), x + slot);
}

void round_rows(const RoundedRows& rows) {
  constexpr std::int64_t kPairs = kLanes / 2;
  for (std::int64_t first = 0; first < rows.pairs; first += kPairs) {
    const std::int64_t count = rows.pairs - first < kPairs ? rows.pairs - first : kPairs;
    for (std::int64_t r = 0; r < rows.rows; ++r) {
      alignas(32) std::uint32_t words[kPairs];
      const __m256bh rounded = _mm512_cvtneps_pbh(slots_of(rows, r, first * 2));
      _mm256_store_si256(reinterpret_cast<__m256i*>(words), reinterpret_cast<__m256i>(rounded));
      std::uint32_t* to = rows.out + first * rows.rows + r;
      for (std::int64_t i = 0; i < count; ++i) to[i * rows.rows] = words[i];
    }
  }
}

// A lane a row.
void sum_runs(const PairRun* runs, std::int64_t run_count, const std::uint32_t* x, std::int64_t rows, float* sums) {
  const auto lanes = static_cast<__mmask16>((1u << rows) - 1u);
  const __m512i ones = _mm512_set1_epi32(0x3F803F80);
  for (std::int64_t run = 0; run < run_count; ++run, sums += rows) {
    __m512 sum = _mm512_setzero_ps();
    for (std::int32_t pair = 0; pair < runs[run].pairs; ++pair, x += rows) {
      sum = dot(sum, _mm512_maskz_loadu_epi32(lanes, x), ones);
    }
    _mm512_mask_storeu_ps(sums, lanes, sum);
  }
}

}  // namespace

constinit const PairKernels kPairAvx512Bf16 = {
    .name = "avx512_bf16", .round_rows = round_rows, .sum_runs = sum_runs, .expand = expand, .multiply = multiply};

}  // namespace qreason
