// The class of arithmetic `fast` against its definition (kernels/fast_cpu_backend.h), one number after another. The
// instruction is emulated by what its makers publish: two fused multiply-adds, the second product of a pair first.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/error.h"
#include "kernels/backend.h"
#include "kernels/kernel_fixtures.h"
#include "kernels/quantized_fixtures.h"
#include "support/closeness.h"

namespace qreason::testing {
namespace {

#define SKIP_WITHOUT_FAST() \
  if (const std::string missing = missing_for(Arithmetic::kFast); !missing.empty()) GTEST_SKIP() << "needs " << missing

float flushed(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits & 0x7F800000u) == 0 ? std::bit_cast<float>(bits & 0x80000000u) : value;
}

float multiply_add(float a, float b, float sum) {
  return flushed(std::fma(flushed(a), flushed(b), flushed(sum)));
}

float rounded(float value) {
  return decode_bfloat16(encode_bfloat16(flushed(value)));
}

// A run of columns: sum of products, and sum of x.
struct RunSums {
  float products = 0, inputs = 0;
};

// The definition's weight: what each column's element is, and the groups.
struct Definition {
  std::int64_t outputs = 0, columns = 0, groups = 1;
  std::vector<float> elements;         // [outputs, columns]
  std::vector<float> scales, zeros;    // [outputs, groups]; zeros empty: none
  std::vector<std::int64_t> group_of;  // [columns]

  RunSums run(const float* x, std::int64_t output, const std::vector<std::int64_t>& run_columns) const {
    RunSums sums;
    for (std::size_t i = 0; i < run_columns.size(); i += 2) {
      for (std::size_t at = std::min(i + 1, run_columns.size() - 1) + 1; at-- > i;) {
        const std::int64_t column = run_columns[at];
        const float value = rounded(x[column]);
        sums.products = multiply_add(value, elements[output * columns + column], sums.products);
        sums.inputs = multiply_add(value, 1.0f, sums.inputs);
      }
    }
    return sums;
  }

  float product(const float* x, std::int64_t output) const {
    float total = 0;
    for (std::int64_t group = 0; group < groups; ++group) {
      std::vector<std::int64_t> run_columns;
      const auto add_run = [&] {
        if (run_columns.empty()) return;
        const RunSums sums = run(x, output, run_columns);
        float whole = sums.products;
        if (!zeros.empty()) whole = std::fma(-zeros[output * groups + group], sums.inputs, whole);
        total = std::fma(scales[output * groups + group], whole, total);
        run_columns.clear();
      };
      for (std::int64_t column = 0; column < columns; ++column) {
        if (group_of[column] != group) continue;
        run_columns.push_back(column);
        if (run_columns.size() == 256) add_run();
      }
      add_run();
    }
    return total;
  }
};

Definition dense_definition(const std::vector<float>& values, std::int64_t outputs, std::int64_t columns) {
  Definition d{.outputs = outputs, .columns = columns, .elements = values};
  for (float& value : d.elements) value = decode_bfloat16(encode_bfloat16(value));
  d.scales.assign(static_cast<std::size_t>(outputs), 1.0f);
  d.group_of.assign(static_cast<std::size_t>(columns), 0);
  return d;
}

Definition quantized_definition(const QuantizedMatrix& m) {
  Definition d{.outputs = m.rows, .columns = m.columns, .groups = m.groups};
  const bool symmetric = m.format.kind == NumberKind::kInteger && m.zeros.empty();
  const auto elements = element_values(m.format.kind);
  for (const std::uint8_t code : m.codes) {
    d.elements.push_back(elements[code] - (symmetric ? static_cast<float>(m.format.code_offset()) : 0.0f));
  }
  for (std::int64_t slot = 0; slot < m.rows * m.groups; ++slot) {
    d.scales.push_back(m.scale_of(slot));
    if (!m.zeros.empty()) d.zeros.push_back(m.zero_of(slot));
  }
  for (std::int64_t column = 0; column < m.columns; ++column) {
    d.group_of.push_back(m.groups == 1 ? 0 : m.group_of(column));
  }
  return d;
}

std::vector<float> products(const Definition& d, const std::vector<float>& x, std::int64_t rows) {
  std::vector<float> y;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t n = 0; n < d.outputs; ++n) y.push_back(d.product(x.data() + r * d.columns, n));
  }
  return y;
}

const std::vector<std::int64_t> kRowCounts{1, 2, 3, 4, 5, 16, 97, 512};

// The first rows of one x, as many as each count says: so also that a row's bits are the same in every batch.
void expect_the_definition(const PackedMatrix& w, const Definition& d, const std::vector<float>& x,
                           std::int64_t most_rows) {
  const std::vector<float> expected = products(d, x, most_rows);
  for (int threads = 1; threads <= 4; ++threads) {
    Executor executor(threads, cpu_backend(Arithmetic::kFast));
    for (const std::int64_t rows : kRowCounts) {
      if (rows > most_rows) continue;
      std::vector<float> y(static_cast<std::size_t>(rows * d.outputs), -7.0f);
      matmul(w, {.x = x.data(), .rows = rows, .x_stride = d.columns, .y = y.data(), .y_stride = d.outputs}, executor);
      ASSERT_TRUE(bits_equal(y, std::span(expected).first(y.size())))
          << executor.backend().explain(w, rows) << ", " << rows << " rows, " << threads << " threads";
    }
  }
}

void expect_the_definition(const QuantizedMatrix& m, std::int64_t most_rows) {
  const Backend& fast = cpu_backend(Arithmetic::kFast);
  const auto x = normal_floats(static_cast<std::size_t>(most_rows * m.columns), 17);
  expect_the_definition(fast.pack_quantized(m, nullptr), quantized_definition(m), x, most_rows);
}

TEST(FastMatmul, IsItsDefinitionForFloatWeights) {
  SKIP_WITHOUT_FAST();
  const Backend& fast = cpu_backend(Arithmetic::kFast);
  const std::pair<std::int64_t, std::int64_t> shapes[] = {{1, 1}, {17, 2}, {33, 31}, {130, 256}, {64, 257}, {97, 600}};
  for (const auto& [outputs, columns] : shapes) {
    SCOPED_TRACE(::testing::Message() << outputs << " x " << columns);
    const auto values = normal_floats(static_cast<std::size_t>(outputs * columns), 3);
    const auto x = normal_floats(static_cast<std::size_t>(512 * columns), 5);
    const Definition d = dense_definition(values, outputs, columns);
    std::vector<std::uint16_t> patterns;
    for (const float value : values) patterns.push_back(encode_bfloat16(value));
    expect_the_definition(fast.pack_bfloat16(patterns, outputs, columns, nullptr), d, x, 97);
    expect_the_definition(fast.pack_float32(values, outputs, columns, nullptr), d, x, outputs == 64 ? 512 : 5);
  }
}

// Numbers around and below the smallest normal one, sums that vanish, and infinities.
TEST(FastMatmul, FlushesDenormalsAsTheInstructionDoes) {
  SKIP_WITHOUT_FAST();
  constexpr std::int64_t kOutputs = 40, kColumns = 70, kRows = 16;
  std::mt19937 generator(11);
  const auto small = [&](int low, int high) {
    const int exponent = low + static_cast<int>(generator() % static_cast<unsigned>(high - low));
    const float mantissa = 1.0f + static_cast<float>(generator() % 4096) / 4096.0f;
    return std::ldexp(generator() % 2 == 0 ? mantissa : -mantissa, exponent);
  };
  std::vector<float> values(kOutputs * kColumns), x(kRows * kColumns);
  std::generate(values.begin(), values.end(), [&] { return small(-90, -50); });
  std::generate(x.begin(), x.end(), [&] { return small(-90, -50); });
  for (std::size_t i = 0; i < x.size(); i += 9) x[i] = small(-148, -120);
  for (std::size_t i = 0; i < values.size(); i += 7) values[i] = small(-135, -120);
  x[3 * kColumns + 5] = std::numeric_limits<float>::infinity();
  x[5 * kColumns + 6] = 3.4e38f;  // beyond the largest bfloat16
  const Definition d = dense_definition(values, kOutputs, kColumns);
  expect_the_definition(cpu_backend(Arithmetic::kFast).pack_float32(values, kOutputs, kColumns, nullptr), d, x, kRows);
}

TEST(FastMatmul, IsItsDefinitionForEveryInteger) {
  SKIP_WITHOUT_FAST();
  for (int bits = 2; bits <= 8; ++bits) {
    for (const Symmetry symmetry : {Symmetry::kSymmetric, Symmetry::kAsymmetric}) {
      for (const std::int64_t group : {0, 32, 64, 128, 48, 7}) {
        for (const Order order : {Order::kPlain, Order::kShuffled}) {
          SCOPED_TRACE(::testing::Message()
                       << bits << " bits, groups of " << group << (order == Order::kPlain ? "" : ", act-order")
                       << (symmetry == Symmetry::kSymmetric ? ", symmetric" : ""));
          const bool thorough = bits == 4 && group == 64;
          expect_the_definition(random_matrix(69, 288, integers(bits, symmetry, group), order), thorough ? 512 : 16);
        }
      }
    }
  }
}

TEST(FastMatmul, IsItsDefinitionForEveryKindOfNumberAndScale) {
  SKIP_WITHOUT_FAST();
  for (const QuantFormat& format : all_kinds()) {
    for (const Order order : {Order::kPlain, Order::kShuffled}) {
      SCOPED_TRACE(to_string(format) + (order == Order::kPlain ? "" : ", act-order"));
      expect_the_definition(random_matrix(69, 288, format, order), 16);
      expect_the_definition(random_matrix(17, 257, format, order), 97);
      expect_the_definition(random_matrix(1090, 600, format, order), 2);
    }
  }
}

// Three weights with one input: of one layout, of another order of columns, and without groups.
TEST(FastMatmul, GivesTheSameBitsInCompany) {
  SKIP_WITHOUT_FAST();
  const Backend& fast = cpu_backend(Arithmetic::kFast);
  constexpr std::int64_t kColumns = 288;
  const PackedMatrix weights[] = {
      fast.pack_quantized(random_matrix(80, kColumns, integers(4, Symmetry::kAsymmetric, 32), Order::kPlain), nullptr),
      fast.pack_quantized(random_matrix(33, kColumns, integers(4, Symmetry::kAsymmetric, 32), Order::kPlain), nullptr),
      fast.pack_quantized(random_matrix(48, kColumns, integers(8, Symmetry::kSymmetric, 32), Order::kShuffled),
                          nullptr),
      fast.pack_float32(normal_floats(70 * kColumns, 8), 70, kColumns, nullptr)};
  Executor executor(2, fast);
  for (const std::int64_t rows : {1, 4, 23}) {
    const auto x = normal_floats(static_cast<std::size_t>(rows * kColumns), 4);
    std::vector<std::vector<float>> together, alone;
    std::vector<MatmulTarget> targets;
    for (const PackedMatrix& w : weights) {
      const auto bias = normal_floats(static_cast<std::size_t>(w.rows()), 6);
      std::vector<float> y = normal_floats(static_cast<std::size_t>(rows * w.rows()), 9);
      together.push_back(y);
      matmul(w,
             {.x = x.data(),
              .rows = rows,
              .x_stride = kColumns,
              .y = y.data(),
              .y_stride = w.rows(),
              .store = MatmulStore::kAdd},
             executor);
      alone.push_back(y);
    }
    for (std::size_t i = 0; i < std::size(weights); ++i) {
      targets.push_back(
          {.w = &weights[i], .y = together[i].data(), .y_stride = weights[i].rows(), .store = MatmulStore::kAdd});
    }
    matmul_shared(targets, {.x = x.data(), .rows = rows, .x_stride = kColumns}, executor);
    for (std::size_t i = 0; i < std::size(weights); ++i) EXPECT_TRUE(bits_equal(together[i], alone[i])) << i;
  }
}

TEST(FastMatmul, GathersTheValuesThatAreHeld) {
  SKIP_WITHOUT_FAST();
  const Backend& fast = cpu_backend(Arithmetic::kFast);
  Executor executor(2, fast);
  const std::vector<std::int32_t> rows{5, 0, 16, 5};
  for (const QuantFormat& format : all_kinds()) {
    for (const Order order : {Order::kPlain, Order::kShuffled}) {
      const QuantizedMatrix m = random_matrix(17, 257, format, order);
      std::vector<float> got(rows.size() * 257), expected(257);
      gather_rows(fast.pack_quantized(m, &executor.pool()), rows, got.data(), executor);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        dequantize_row(m, rows[i], expected);
        EXPECT_TRUE(bits_equal(expected, std::span<const float>(got).subspan(i * 257, 257))) << to_string(format);
      }
    }
  }
  std::vector<float> got(3);
  gather_rows(fast.pack_float32(std::vector<float>{1.0f, 1.00390625f, -1.01171875f}, 1, 3, nullptr),
              std::vector<std::int32_t>{0}, got.data(), executor);
  EXPECT_EQ(got, (std::vector<float>{1.0f, 1.0f, -1.015625f}));  // ties to even: bfloat16's step at 1 is 2^-7
}

TEST(FastMatmul, RefusesWeightsOfThePortableClass) {
  SKIP_WITHOUT_FAST();
  const Backend& fast = cpu_backend(Arithmetic::kFast);
  Executor with_fast(1, fast), portable(1);
  const std::vector<float> x{1.0f, 2.0f};
  float y = 0;
  const MatmulArguments arguments{.x = x.data(), .rows = 1, .x_stride = 2, .y = &y, .y_stride = 1};
  const PackedMatrix fast_one = fast.pack_float32(x, 1, 2, nullptr), plain = PackedMatrix::from_float32(x, 1, 2);
  EXPECT_THROW(matmul(plain, arguments, with_fast), Error);
  EXPECT_THROW(matmul(fast_one, arguments, portable), Error);
  matmul(fast_one, arguments, with_fast);
  EXPECT_EQ(y, 5.0f);
}

TEST(FastMatmul, IsRefusedWithLesserInstructionSets) {
  const ForcedIsa forced(Isa::kGeneric);
  try {
    cpu_backend(Arithmetic::kFast);
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_NE(std::string(error.what()).find("fast without AVX512_BF16"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace qreason::testing
