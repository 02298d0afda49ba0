// What the kernels reach of this machine's own measured peaks. Every product is checked against a plain sum first.
//   bench_kernels [threads] [part]     part: peaks, decode, rows, dense, attention (default: all)
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/error.h"
#include "base/isa.h"
#include "base/numerics.h"
#include "kernels/attention.h"
#include "kernels/cpu/aligned_buffer.h"
#include "kernels/executor.h"
#include "kernels/matmul.h"

namespace qreason {
namespace {

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The best of several runs of at least `least` seconds in all.
double best_time(const std::function<void()>& body, double least = 0.25) {
  body();
  double best = 1e9;
  const double start = seconds();
  for (int runs = 0; runs < 3 || seconds() - start < least; ++runs) {
    const double before = seconds();
    body();
    best = std::min(best, seconds() - before);
  }
  return best;
}

std::vector<float> floats(std::size_t count) {
  std::mt19937 generator(7);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<int>(generator() >> 16) - 32768) * 0x1p-15f;
  return values;
}

void require(bool holds, const std::string& what) {
  if (!holds) throw Error("bench", what, "a result within the bound");
}

constexpr int kFmaRounds = 50000;
constexpr int kChains = 12;

#if defined(__x86_64__)
__attribute__((target("avx512f"))) void fma_chain_avx512() {
  __m512 sum[kChains];
  for (auto& s : sum) s = _mm512_set1_ps(1.0f);
  __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (int i = 0; i < kFmaRounds; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kChains; ++j) sum[j] = _mm512_fmadd_ps(sum[j], a, b);
  }
  for (auto& s : sum) asm volatile("" ::"v"(s));
}

__attribute__((target("avx512f,avx512bf16"))) void bfloat16_dot_chain() {
  __m512 sum[kChains];
  for (auto& s : sum) s = _mm512_setzero_ps();
  for (auto& s : sum) asm volatile("" : "+v"(s));  // or the compiler sees that all chains are one
  const auto a = reinterpret_cast<__m512bh>(_mm512_set1_ps(1.0f));
  for (int i = 0; i < kFmaRounds; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kChains; ++j) sum[j] = _mm512_dpbf16_ps(sum[j], a, a);
  }
  for (auto& s : sum) asm volatile("" ::"v"(s));
}

__attribute__((target("avx512f,avx512vnni"))) void byte_dot_chain() {
  __m512i sum[kChains];
  for (auto& s : sum) s = _mm512_setzero_si512();
  for (auto& s : sum) asm volatile("" : "+v"(s));
  const __m512i a = _mm512_set1_epi8(1);
  for (int i = 0; i < kFmaRounds; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kChains; ++j) sum[j] = _mm512_dpbusd_epi32(sum[j], a, a);
  }
  for (auto& s : sum) asm volatile("" ::"v"(s));
}

__attribute__((target("avx2,fma"))) void fma_chain_avx2() {
  __m256 sum[kChains];
  for (auto& s : sum) s = _mm256_set1_ps(1.0f);
  __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (int i = 0; i < kFmaRounds; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kChains; ++j) sum[j] = _mm256_fmadd_ps(sum[j], a, b);
  }
  for (auto& s : sum) asm volatile("" ::"x"(s));
}
#endif

// Operations a second, two a product, where a round of `chain` makes so many products.
double chain_peak(void (*chain)(), int products, Executor& executor) {
  const int pieces = 16 * executor.threads();
  const double time = best_time([&] { executor.run(pieces, [&](std::int64_t) { chain(); }); });
  return 2.0 * products * kChains * kFmaRounds * pieces / time;
}

double fma_peak(Isa isa, Executor& executor) {
#if defined(__x86_64__)
  if (isa != Isa::kGeneric) {
    return isa == Isa::kAvx512 ? chain_peak(fma_chain_avx512, 16, executor) : chain_peak(fma_chain_avx2, 8, executor);
  }
#endif
  return 0;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void read_all(const float* from, std::int64_t count) {
  __m256i sum[4] = {};
  for (std::int64_t i = 0; i < count; i += 32) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      sum[j] = _mm256_xor_si256(sum[j], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i + j * 8)));
    }
  }
  for (auto& s : sum) asm volatile("" ::"x"(s));
}
#else
void read_all(const float* from, std::int64_t count) {
  float sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += from[i];
  asm volatile("" ::"g"(sum));
}
#endif

// Bytes a second of reading 512 MB once, each thread its own parts.
double read_peak(Executor& executor) {
  constexpr std::int64_t kCount = 128 << 20, kParts = 64;
  AlignedBytes memory(kCount * sizeof(float));
  const double time = best_time([&] {
    executor.run(kParts,
                 [&](std::int64_t part) { read_all(memory.as<float>() + part * (kCount / kParts), kCount / kParts); });
  });
  return kCount * sizeof(float) / time;
}

struct Peaks {
  double flops = 0;
  double bytes = 0;
};

struct Weight {
  std::string name;
  PackedMatrix matrix;
};

std::vector<Weight> weights_of(const std::vector<float>& values, std::int64_t outputs, std::int64_t columns) {
  std::vector<std::uint16_t> patterns;
  for (const float v : values) patterns.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(v) >> 16));
  std::vector<Weight> weights;
  weights.push_back({"f32", PackedMatrix::from_float32(values, outputs, columns)});
  weights.push_back({"bf16", PackedMatrix::from_bfloat16(patterns, outputs, columns)});
  for (const char* format : {"w4g64-asym", "w8c-sym", "w3g128-asym"}) {
    QuantFormat f = parse_quant_format(format);
    if (columns % 128 != 0 && f.group_size == 128) f.group_size = 64;
    QuantizedMatrix m;
    m.format = f;
    m.rows = outputs;
    m.columns = columns;
    m.group_size = f.group_size > 0 ? f.group_size : columns;
    m.groups = (columns + m.group_size - 1) / m.group_size;
    std::mt19937 generator(3);
    m.codes.resize(values.size());
    for (auto& code : m.codes) code = static_cast<std::uint8_t>(generator() & ((1u << f.bits) - 1u));
    m.scales.assign(static_cast<std::size_t>(outputs * m.groups), 0.01f);
    if (f.symmetry == Symmetry::kAsymmetric) m.zeros.assign(m.scales.size(), 2);
    weights.push_back({format, PackedMatrix::from_quantized(m)});
  }
  return weights;
}

void check_product(const PackedMatrix& w, const std::vector<float>& x, const std::vector<float>& y, std::int64_t rows) {
  std::vector<float> row(static_cast<std::size_t>(w.columns()));
  for (const std::int64_t r : {std::int64_t{0}, rows - 1}) {
    for (std::int64_t n = 0; n < w.rows(); n += w.rows() / 7 + 1) {
      w.unpack_row(n, row);
      double sum = 0, magnitude = 0;
      for (std::int64_t k = 0; k < w.columns(); ++k) {
        sum += static_cast<double>(row[k]) * x[r * w.columns() + k];
        magnitude += std::abs(static_cast<double>(row[k]) * x[r * w.columns() + k]);
      }
      require(std::abs(y[r * w.rows() + n] - sum) <= static_cast<double>(w.columns()) * 0x1p-24 * magnitude,
              "a product");
    }
  }
}

// Copies enough that a round over them does not fit in the caches: decoding reads every weight once per token.
void measure_matmul(std::int64_t outputs, std::int64_t columns, const std::vector<std::int64_t>& row_counts,
                    const Peaks& peaks, Executor& executor) {
  const std::vector<float> values = floats(static_cast<std::size_t>(outputs * columns));
  for (const Weight& weight : weights_of(values, outputs, columns)) {
    for (const std::int64_t rows : row_counts) {
      const std::vector<float> x = floats(static_cast<std::size_t>(rows * columns));
      std::vector<float> y(static_cast<std::size_t>(rows * outputs));
      const MatmulArguments arguments{
          .x = x.data(), .rows = rows, .x_stride = columns, .y = y.data(), .y_stride = outputs};
      matmul(weight.matrix, arguments, executor);
      check_product(weight.matrix, x, y, rows);
      const double time = best_time([&] { matmul(weight.matrix, arguments, executor); }, 0.1);
      const double flops = 2.0 * static_cast<double>(rows * outputs * columns) / time;
      const double bytes = static_cast<double>(weight.matrix.bytes()) / time;
      fmt::print("{:>6} x {:<5} {:<11} rows {:>4}  {:9.1f} us  {:7.1f} GFLOP/s ({:3.0f} %)  {:6.1f} GB/s ({:3.0f} %)\n",
                 outputs, columns, weight.name, rows, time * 1e6, flops * 1e-9, 100 * flops / peaks.flops, bytes * 1e-9,
                 100 * bytes / peaks.bytes);
    }
  }
}

void measure_gram(std::int64_t n, std::int64_t rows, const Peaks& peaks, Executor& executor) {
  const std::vector<float> x = floats(static_cast<std::size_t>(rows * n));
  std::vector<float> h(static_cast<std::size_t>(n * n));
  accumulate_gram(x.data(), rows, n, 1.0f, h.data(), executor);
  double sum = 0;
  for (std::int64_t r = 0; r < rows; ++r) sum += static_cast<double>(x[r * n + n / 2]) * x[r * n + n - 1];
  require(std::abs(h[n / 2 * n + n - 1] - sum) <= static_cast<double>(rows * rows) * 0x1p-24, "a gram matrix");
  const double time = best_time([&] { accumulate_gram(x.data(), rows, n, 1.0f, h.data(), executor); });
  const double flops = static_cast<double>(rows) * static_cast<double>(n) * static_cast<double>(n + 1) / time;
  fmt::print("gram of {} x {}: {:.1f} ms, {:.1f} GFLOP/s ({:.0f} %)\n", rows, n, time * 1e3, flops * 1e-9,
             100 * flops / peaks.flops);
}

void measure_subtract(std::int64_t m, std::int64_t n, std::int64_t k, const Peaks& peaks, Executor& executor) {
  const std::vector<float> a = floats(static_cast<std::size_t>(m * k)), b = floats(static_cast<std::size_t>(k * n));
  std::vector<float> c(static_cast<std::size_t>(m * n));
  const SubtractProduct s{
      .a = a.data(), .a_stride = k, .b = b.data(), .b_stride = n, .c = c.data(), .c_stride = n, .m = m, .n = n, .k = k};
  subtract_product(s, executor);
  double sum = 0;
  for (std::int64_t i = 0; i < k; ++i) sum += static_cast<double>(a[(m - 1) * k + i]) * b[i * n + n / 2];
  require(std::abs(c[(m - 1) * n + n / 2] + sum) <= static_cast<double>(k * k) * 0x1p-24, "a product to subtract");
  const double time = best_time([&] { subtract_product(s, executor); });
  const double flops = 2.0 * static_cast<double>(m) * static_cast<double>(n * k) / time;
  fmt::print("subtract {} x {} x {}: {:.1f} ms, {:.1f} GFLOP/s ({:.0f} %)\n", m, n, k, time * 1e3, flops * 1e-9,
             100 * flops / peaks.flops);
}

struct AttentionCase {
  const char* name;
  AttentionShape shape;
  std::int64_t sequences, positions, rows;
  const char* cache = nullptr;  // a number format; null: float32
};

// Pages of layers enough that a round over them does not fit in the caches: decoding reads every layer once per token.
class CachePagesOf {
 public:
  CachePagesOf(const AttentionCase& c, Executor& executor) : case_(c) {
    const std::optional<QuantFormat> format = c.cache ? std::optional(parse_quant_format(c.cache)) : std::nullopt;
    const std::size_t stream = (stream_bytes(c.shape.row(), format) + 63) / 64 * 64;
    const std::int64_t pages = (c.positions + kPageTokens - 1) / kPageTokens;
    layer_bytes_ = 2 * stream;
    page_bytes_ = kLayers * layer_bytes_;
    memory_ = AlignedBytes(static_cast<std::size_t>(c.sequences * pages) * page_bytes_);
    for (std::int64_t i = 0; i < c.sequences * pages; ++i) starts_.push_back(memory_.data() + i * page_bytes_);
    streams_ = {.keys = {.format = format}, .values = {.offset = stream, .format = format}};
    for (std::int64_t s = 0; s < c.sequences; ++s) {
      segments_.push_back({.first_row = s * c.positions, .rows = c.positions, .pages = &starts_[s * pages]});
    }
    const std::int64_t width = c.shape.kv_heads * c.shape.head_dim;
    const std::vector<float> rows = floats(static_cast<std::size_t>(c.sequences * c.positions * width));
    for (std::int64_t layer = 0; layer < kLayers; ++layer) {
      append_key_values(c.shape, batch(layer), rows.data(), width, rows.data(), width, executor);
    }
    for (std::int64_t s = 0; s < c.sequences; ++s) {
      segments_[s].first_row = s * c.rows;
      segments_[s].rows = c.rows;
      segments_[s].first_position = c.positions - c.rows;
    }
  }

  static constexpr std::int64_t kLayers = 8;
  AttentionBatch batch(std::int64_t layer) const {
    PageStreams streams = streams_;
    for (PageStream* stream : {&streams.keys, &streams.values}) stream->offset += layer * layer_bytes_;
    return {.segments = segments_.data(), .count = case_.sequences, .streams = streams};
  }
  std::size_t bytes() const { return memory_.size() / kLayers; }  // of a layer

 private:
  AttentionCase case_;
  std::size_t layer_bytes_ = 0, page_bytes_ = 0;
  AlignedBytes memory_;
  std::vector<std::byte*> starts_;
  std::vector<AttentionSegment> segments_;
  PageStreams streams_;
};

void measure_attention(const AttentionCase& c, const Peaks& peaks, Executor& executor) {
  const std::int64_t q_width = c.shape.heads * c.shape.head_dim;
  const CachePagesOf cache(c, executor);
  const std::vector<float> queries = floats(static_cast<std::size_t>(c.sequences * c.rows * q_width));
  std::vector<float> out(queries.size());
  const double time =
      best_time([&] {
        for (std::int64_t layer = 0; layer < CachePagesOf::kLayers; ++layer) {
          attention(c.shape, cache.batch(layer), queries.data(), q_width, out.data(), q_width, executor);
        }
      }) /
      CachePagesOf::kLayers;
  const double seen = static_cast<double>(c.positions) - 0.5 * static_cast<double>(c.rows - 1);
  const double flops = 4.0 * static_cast<double>(c.sequences * c.rows * q_width) * seen / time;
  const double bytes = static_cast<double>(cache.bytes()) / time;
  fmt::print("{:<40} {:9.1f} us  {:7.1f} GFLOP/s ({:3.0f} %)  {:6.1f} GB/s ({:3.0f} %)\n", c.name, time * 1e6,
             flops * 1e-9, 100 * flops / peaks.flops, bytes * 1e-9, 100 * bytes / peaks.bytes);
}

void measure_all_attention(const Peaks& peaks, Executor& executor) {
  const AttentionShape small{.heads = 9, .kv_heads = 3, .head_dim = 64, .scale = 0.125f};
  const AttentionShape large{.heads = 12, .kv_heads = 2, .head_dim = 128, .scale = 0.088388f};
  const AttentionShape tiny{.heads = 4, .kv_heads = 4, .head_dim = 32, .scale = 0.176777f};
  for (const AttentionCase& c :
       {AttentionCase{"decode 64 x 300, 9/3 heads of 64", small, 64, 300, 1},
        AttentionCase{"decode 64 x 300, 4/4 heads of 32", tiny, 64, 300, 1},
        AttentionCase{"decode 1 x 4096, 12/2 of 128", large, 1, 4096, 1},
        AttentionCase{"decode 1 x 4096, 12/2 of 128, kv8", large, 1, 4096, 1, "kv8-head-asym"},
        AttentionCase{"decode 1 x 4096, 12/2 of 128, kv4", large, 1, 4096, 1, "kv4-head-asym"},
        AttentionCase{"decode 8 x 4096, 12/2 of 128", large, 8, 4096, 1},
        AttentionCase{"decode 8 x 4096, 12/2 of 128, kv8", large, 8, 4096, 1, "kv8-head-asym"},
        AttentionCase{"decode 8 x 4096, 12/2 of 128, kv4", large, 8, 4096, 1, "kv4-head-asym"},
        AttentionCase{"prefill 512, 9/3 heads of 64", small, 1, 512, 512},
        AttentionCase{"prefill 512 of 4096, 12/2 of 128", large, 1, 4096, 512},
        AttentionCase{"prefill 512 of 4096, 12/2 of 128, kv4", large, 1, 4096, 512, "kv4-head-asym"}}) {
    measure_attention(c, peaks, executor);
  }
}

int run(int threads, const std::string& part) {
  Executor executor(threads), one(1);
  const auto wanted = [&](const char* name) { return part.empty() || part == name; };
  for (const Isa isa : supported_isas()) {
    if (wanted("peaks") && isa != Isa::kGeneric) {
      fmt::print("fma peak {}: {:.1f} GFLOP/s on 1 thread, {:.1f} on {}\n", name_of(isa), fma_peak(isa, one) * 1e-9,
                 fma_peak(isa, executor) * 1e-9, threads);
    }
  }
#if defined(__x86_64__)
  if (wanted("peaks") && missing_for(Arithmetic::kFast).empty()) {
    fmt::print("bfloat16 dot products: {:.1f} GFLOP/s\n", chain_peak(bfloat16_dot_chain, 32, executor) * 1e-9);
  }
  if (wanted("peaks") && has_byte_dot()) {
    fmt::print("byte dot products: {:.1f} Gop/s\n", chain_peak(byte_dot_chain, 64, executor) * 1e-9);
  }
#endif
  const Peaks peaks{.flops = fma_peak(supported_isas().back(), executor), .bytes = read_peak(executor)};
  fmt::print("peaks on {} threads: {:.1f} GFLOP/s, {:.1f} GB/s; kernels: {}\n", threads, peaks.flops * 1e-9,
             peaks.bytes * 1e-9, name_of(current_isa()));
  if (wanted("decode")) {
    measure_matmul(49152, 576, {1, 2, 4, 5, 8, 16}, peaks, executor);
    measure_matmul(8960, 8960, {1, 4}, peaks, executor);
  }
  if (wanted("rows")) {
    measure_matmul(1536, 576, {1, 32, 512}, peaks, executor);
    measure_matmul(8960, 1536, {1, 32, 512}, peaks, executor);
    measure_matmul(1536, 8960, {32, 512}, peaks, executor);
    measure_matmul(384, 128, {1, 32, 64, 512}, peaks, executor);
    measure_matmul(384, 384, {1, 64}, peaks, executor);
  }
  if (wanted("dense")) {
    measure_gram(1536, 2048, peaks, executor);
    measure_gram(8960, 1024, peaks, executor);
    measure_subtract(1536, 8960, 128, peaks, executor);
    measure_subtract(8960, 8960, 128, peaks, executor);
  }
  if (wanted("attention")) measure_all_attention(peaks, executor);
  return 0;
}

}  // namespace
}  // namespace qreason

int main(int argc, char** argv) {
  try {
    return qreason::run(argc > 1 ? std::atoi(argv[1]) : 2, argc > 2 ? argv[2] : "");
  } catch (const qreason::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
