// Expected numbers: formats' dequantize_row, and the float32 product of its values. Both must be met bit for bit.
#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/quantized_matrix.h"
#include "kernels/backend.h"
#include "kernels/kernel_fixtures.h"
#include "kernels/matmul.h"
#include "kernels/quantized_fixtures.h"
#include "support/closeness.h"

namespace qreason::testing {
namespace {

std::vector<float> dequantized(const QuantizedMatrix& m) {
  std::vector<float> values(static_cast<std::size_t>(m.rows * m.columns));
  for (std::int64_t r = 0; r < m.rows; ++r) {
    dequantize_row(
        m, r,
        std::span<float>(values).subspan(static_cast<std::size_t>(r * m.columns), static_cast<std::size_t>(m.columns)));
  }
  return values;
}

std::vector<float> product(const PackedMatrix& w, const std::vector<float>& x, std::int64_t rows, Executor& executor) {
  std::vector<float> y(static_cast<std::size_t>(rows * w.rows()));
  matmul(w, {.x = x.data(), .rows = rows, .x_stride = w.columns(), .y = y.data(), .y_stride = w.rows()}, executor);
  return y;
}

void expect_decode_then_multiply(const QuantizedMatrix& m, Executor& executor) {
  const std::vector<float> values = dequantized(m);
  const PackedMatrix packed = PackedMatrix::from_quantized(m, &executor.pool());
  const PackedMatrix plain = PackedMatrix::from_float32(values, m.rows, m.columns);
  std::vector<float> row(static_cast<std::size_t>(m.columns));
  for (std::int64_t r = 0; r < m.rows; ++r) {
    packed.unpack_row(r, row);
    ASSERT_TRUE(
        bits_equal(row, std::span<const float>(values).subspan(static_cast<std::size_t>(r * m.columns), row.size())));
  }
  for (const std::int64_t rows : {1, 2, 5, 13}) {
    const auto x = normal_floats(static_cast<std::size_t>(rows * m.columns), 17);
    ASSERT_TRUE(bits_equal(product(packed, x, rows, executor), product(plain, x, rows, executor)))
        << host_backend().explain(packed, rows);
  }
}

TEST(QuantizedMatmul, EqualsDecodeThenMultiplyBitForBitForEveryInteger) {
  on_every_isa([](Executor& executor) {
    for (int bits = 2; bits <= 8; ++bits) {
      for (const Symmetry symmetry : {Symmetry::kSymmetric, Symmetry::kAsymmetric}) {
        for (const std::int64_t group : {0, 32, 64, 128, 48, 7}) {
          for (const Order order : {Order::kPlain, Order::kShuffled}) {
            SCOPED_TRACE(::testing::Message()
                         << bits << " bits, groups of " << group << (order == Order::kPlain ? "" : ", act-order")
                         << (symmetry == Symmetry::kSymmetric ? ", symmetric" : ""));
            expect_decode_then_multiply(random_matrix(69, 288, integers(bits, symmetry, group), order), executor);
          }
        }
      }
    }
  });
}

TEST(QuantizedMatmul, EqualsDecodeThenMultiplyBitForBitForEveryKindOfNumberAndScale) {
  on_every_isa([](Executor& executor) {
    for (const QuantFormat& format : all_kinds()) {
      for (const Order order : {Order::kPlain, Order::kShuffled}) {
        SCOPED_TRACE(to_string(format) + (order == Order::kPlain ? "" : ", act-order"));
        expect_decode_then_multiply(random_matrix(69, 288, format, order), executor);
        expect_decode_then_multiply(random_matrix(17, 257, format, order), executor);
      }
    }
  });
}

TEST(QuantizedMatmul, HandlesOddSizes) {
  on_every_isa([](Executor& executor) {
    for (const std::int64_t outputs : {1, 17}) {
      for (const std::int64_t columns : {1, 31, 255, 257, 576, 896}) {
        for (const int bits : {3, 4, 8}) {
          SCOPED_TRACE(::testing::Message() << outputs << " x " << columns << ", " << bits << " bits");
          for (const std::int64_t group : {64, 0}) {
            const QuantFormat format = integers(bits, Symmetry::kAsymmetric, group);
            expect_decode_then_multiply(random_matrix(outputs, columns, format, Order::kPlain), executor);
          }
        }
      }
    }
  });
}

TEST(PackedMatrix, KeepsQuantizedCodesAtTheirOwnWidth) {
  // 64 x 256 codes of b bits: 2048 b bytes; 64 x 4 groups, each a float32 scale and a byte of zero point: 1280 bytes.
  for (int bits = 2; bits <= 8; ++bits) {
    const auto m = random_matrix(64, 256, integers(bits, Symmetry::kAsymmetric, 64), Order::kPlain);
    EXPECT_EQ(PackedMatrix::from_quantized(m).bytes(), 2048u * static_cast<unsigned>(bits) + 1280u);
  }
}

TEST(PackedMatrix, RefusesCodesOfOtherColumnsWidth) {
  auto m = random_matrix(3, 32, integers(4, Symmetry::kAsymmetric, 0), Order::kPlain);
  m.codes[40] = 16;
  EXPECT_THROW(PackedMatrix::from_quantized(m), Error);
  Executor executor(2);
  EXPECT_THROW(PackedMatrix::from_quantized(m, &executor.pool()), Error);
}

TEST(PackedMatrix, UnpacksEveryRowExactly) {
  const auto values = normal_floats(19 * 33, 2);
  const PackedMatrix packed = PackedMatrix::from_float32(values, 19, 33);
  std::vector<float> row(33);
  for (std::int64_t r = 0; r < 19; ++r) {
    packed.unpack_row(r, row);
    EXPECT_TRUE(bits_equal(row, std::span<const float>(values).subspan(static_cast<std::size_t>(r * 33), 33)));
  }
}

}  // namespace
}  // namespace qreason::testing
