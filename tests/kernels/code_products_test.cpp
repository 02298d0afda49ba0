// Products of codes against their definition in scalar arithmetic, bit for bit: every width of code, both layouts of
// weights, every instruction set, any number of rows and threads.
#include "kernels/code_products.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kernels/backend.h"
#include "kernels/quantized_fixtures.h"
#include "kernels/site_rows.h"
#include "support/closeness.h"

namespace qreason::testing {
namespace {

// total = fma(s, float(D) * sw, total), run after run, of row r and output n.
float product_by_definition(const CodedRowsView& x, std::int64_t r, std::int64_t first, const QuantizedMatrix& w,
                            std::int64_t n) {
  float total = 0.0f;
  for (std::int64_t c = 0; c < w.columns;) {
    const std::int64_t group = w.group_of(c), row_group = (first + c) / x.group_size;
    const auto slot = static_cast<std::size_t>(r * x.groups + row_group);
    const auto zero = static_cast<std::int64_t>(x.zeros[slot]);
    const auto weight_zero = static_cast<std::int64_t>(w.zero_of(n * w.groups + group));
    std::int64_t whole = 0;
    for (; c < w.columns && w.group_of(c) == group && (first + c) / x.group_size == row_group; ++c) {
      const std::int64_t code = x.codes[r * x.width + first + c];
      whole += (code - zero) * (w.codes[static_cast<std::size_t>(n * w.columns + c)] - weight_zero);
    }
    total = std::fma(x.scales[slot], static_cast<float>(whole) * w.scale_of(n * w.groups + group), total);
  }
  return total;
}

std::vector<const Backend*> backends() {
  std::vector<const Backend*> all{&host_backend()};
  if (missing_for(Arithmetic::kFast).empty()) all.push_back(&cpu_backend(Arithmetic::kFast));
  return all;
}

struct Case {
  const char* rows;
  std::int64_t width = 0;
  std::int64_t first = 0;
  QuantFormat weight;
  std::int64_t columns = 0;
};

void expect_definition(const Case& c, std::int64_t rows, Executor& executor) {
  SCOPED_TRACE(::testing::Message() << c.rows << " [" << rows << ", " << c.width << "] from " << c.first << ", "
                                    << to_string(c.weight) << " x " << c.columns << ", " << executor.backend().name()
                                    << " " << name_of(executor.backend().arithmetic()));
  const std::int64_t outputs = 71;
  const QuantizedMatrix matrix = random_matrix(outputs, c.columns, c.weight, Order::kPlain);
  const PackedMatrix w = executor.backend().pack_quantized(matrix, nullptr);
  const auto x = normal_floats(static_cast<std::size_t>(rows * c.width), static_cast<std::uint32_t>(rows));
  CodedRows coded;
  coded.encode(x.data(), rows, c.width, parse_quant_format(c.rows), executor);
  const CodedInput input{.rows = &coded.view(), .first_column = c.first};
  ASSERT_TRUE(is_code_product(w, input, executor.backend()));
  const auto bias = normal_floats(outputs, 3);
  std::vector<float> y(static_cast<std::size_t>(rows * outputs), 0.5f), want = y;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t n = 0; n < outputs; ++n) {
      float& to = want[static_cast<std::size_t>(r * outputs + n)];
      to = to + (product_by_definition(coded.view(), r, c.first, matrix, n) + bias[static_cast<std::size_t>(n)]);
    }
  }
  const MatmulTarget target{
      .w = &w, .bias = bias.data(), .y = y.data(), .y_stride = outputs, .store = MatmulStore::kAdd};
  multiply_codes({&target, 1}, input, executor);
  EXPECT_TRUE(bits_equal(y, want));
}

template <class Body>
void on_every_backend(Body&& body) {
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    SCOPED_TRACE(std::string(name_of(isa)));
    for (const Backend* backend : backends()) {
      Executor executor(2, *backend);
      body(executor);
    }
  }
}

TEST(CodeProducts, AreTheirDefinitionForEveryWidthOfCodes) {
  on_every_backend([](Executor& executor) {
    for (int bits = 2; bits <= 8; ++bits) {
      for (const Symmetry symmetry : {Symmetry::kSymmetric, Symmetry::kAsymmetric}) {
        for (const char* rows : {"a8-token-asym", "a8-token-sym", "a4-token-asym-clip0.9", "a5-token-sym"}) {
          for (const std::int64_t columns : {1, 52, 96, 300}) {
            for (const std::int64_t count : {3, 11})
              expect_definition({rows, columns, 0, integers(bits, symmetry, 0), columns}, count, executor);
          }
        }
      }
    }
  });
}

TEST(CodeProducts, TakeScalesOfGroupsOnEitherSide) {
  on_every_backend([](Executor& executor) {
    for (const std::int64_t group : {32, 64, 96}) {
      for (const char* rows : {"a8-token-sym", "a4-token-asym", "a8-g32-sym", "a4-g64-asym", "a4-g160-asym"}) {
        for (const int bits : {3, 4, 8}) {
          expect_definition({rows, 320, 0, integers(bits, Symmetry::kAsymmetric, group), 320}, 2, executor);
          expect_definition({rows, 340, 0, integers(bits, Symmetry::kSymmetric, group), 340}, 6, executor);
        }
      }
    }
  });
}

// Shards of a row-parallel linear read a part of the row, whose range may be their own.
TEST(CodeProducts, ReadAPartOfTheRow) {
  on_every_backend([](Executor& executor) {
    for (const std::int64_t first : {0, 96, 192}) {
      for (const char* rows : {"a8-token-asym", "a8-g96-asym", "a4-g96-asym", "a4-g32-sym"}) {
        expect_definition({rows, 288, first, integers(4, Symmetry::kAsymmetric, 0), 96}, 5, executor);
      }
    }
    expect_definition({"a8-token-asym", 296, 192, integers(8, Symmetry::kSymmetric, 0), 104}, 5, executor);
  });
}

TEST(CodeProducts, DoNotDependOnTheOtherRows) {
  on_every_backend([](Executor& executor) {
    for (const std::int64_t rows : {1, 2, 4, 5, 13, 14, 15, 29, 200}) {
      expect_definition({"a8-token-asym", 160, 0, integers(8, Symmetry::kSymmetric, 0), 160}, rows, executor);
      expect_definition({"a4-token-asym", 160, 0, integers(4, Symmetry::kAsymmetric, 32), 160}, rows, executor);
    }
  });
}

// The largest sum of a run that there is: 255 * 255 * kMostCodedColumns, in both signs.
TEST(CodeProducts, HoldTheLargestSums) {
  on_every_backend([](Executor& executor) {
    for (const std::uint8_t zero : {0, 255}) {
      const std::int64_t columns = kMostCodedColumns;
      QuantizedMatrix matrix{.format = integers(8, Symmetry::kAsymmetric, 0), .rows = 1, .columns = columns};
      matrix.groups = 1;
      matrix.group_size = columns;
      matrix.codes.assign(static_cast<std::size_t>(columns), static_cast<std::uint8_t>(255 - zero));
      matrix.scales = {1.0f};
      matrix.zeros = {zero};
      const PackedMatrix w = executor.backend().pack_quantized(matrix, nullptr);
      const std::vector<float> x(static_cast<std::size_t>(columns), 255.0f);  // code 255, zero 0
      CodedRows coded;
      coded.encode(x.data(), 1, columns, parse_quant_format("a8-token-asym"), executor);
      float y = 0;
      const MatmulTarget target{.w = &w, .y = &y, .y_stride = 1};
      multiply_codes({&target, 1}, {.rows = &coded.view()}, executor);
      const float whole = static_cast<float>(std::int64_t{255} * 255 * columns);
      EXPECT_EQ(y, zero == 0 ? whole : -whole);
    }
  });
}

// Every product of a unit as far from 0 as there are, 0 or 255 of a row and all ones of a weight: sums that pass
// through narrower words must not leave these.
TEST(CodeProducts, HoldTheLargestSumsOfEveryWidth) {
  on_every_backend([](Executor& executor) {
    constexpr std::int64_t kColumns = 96, kOutputs = 20;
    for (int bits = 2; bits <= 8; ++bits) {
      QuantizedMatrix matrix{.format = integers(bits, Symmetry::kAsymmetric, 0), .rows = kOutputs, .columns = kColumns};
      matrix.groups = 1;
      matrix.group_size = kColumns;
      const int most = (1 << bits) - 1;
      matrix.codes.assign(kOutputs * kColumns, static_cast<std::uint8_t>(most));
      matrix.scales.assign(kOutputs, 1.0f);
      matrix.zeros.assign(kOutputs, 0);
      const PackedMatrix w = executor.backend().pack_quantized(matrix, nullptr);
      for (const std::int64_t rows : {1, 4, 9}) {
        for (const float value : {-255.0f, 255.0f}) {
          const std::vector<float> x(static_cast<std::size_t>(rows * kColumns), value);
          CodedRows coded;
          coded.encode(x.data(), rows, kColumns, parse_quant_format("a8-token-asym"), executor);
          std::vector<float> y(static_cast<std::size_t>(rows * kOutputs));
          const MatmulTarget target{.w = &w, .y = y.data(), .y_stride = kOutputs};
          multiply_codes({&target, 1}, {.rows = &coded.view()}, executor);
          EXPECT_EQ(y, std::vector<float>(y.size(), value * static_cast<float>(most * kColumns))) << bits;
        }
      }
    }
  });
}

// What is not whole numbers in whole units is a product of the decoded rows, in every class of arithmetic.
TEST(CodeProducts, LeaveTheRestToDecodedRows) {
  on_every_backend([](Executor& executor) {
    const auto x = normal_floats(4 * 96, 1);
    const auto is_one = [&](const char* rows, const QuantFormat& weight, Order order) {
      CodedRows coded;
      coded.encode(x.data(), 4, 96, parse_quant_format(rows), executor);
      const PackedMatrix w = executor.backend().pack_quantized(random_matrix(20, 96, weight, order), nullptr);
      std::vector<float> y(80), want(80);
      const MatmulTarget target{.w = &w, .y = y.data(), .y_stride = 20};
      multiply_site({&target, 1}, {.rows = coded, .count = 4, .width = 96}, executor);
      const CodedInput input{.rows = &coded.view()};
      if (is_code_product(w, input, executor.backend())) return true;
      std::vector<float> decoded(x.size());
      coded.decode(decoded.data(), executor);
      matmul(w, {.x = decoded.data(), .rows = 4, .x_stride = 96, .y = want.data(), .y_stride = 20}, executor);
      EXPECT_TRUE(bits_equal(y, want));
      EXPECT_THROW(multiply_codes({&target, 1}, input, executor), Error);
      return false;
    };
    const QuantFormat grouped = integers(4, Symmetry::kAsymmetric, 32);
    EXPECT_TRUE(is_one("a4-token-asym", grouped, Order::kPlain));
    EXPECT_FALSE(is_one("a4-token-asym", grouped, Order::kShuffled));
    EXPECT_FALSE(is_one("a8-token-asym", grouped, Order::kPlain));
    EXPECT_FALSE(is_one("a4-token-asym", integers(4, Symmetry::kAsymmetric, 48), Order::kPlain));
    EXPECT_FALSE(is_one("a4-g48-asym", grouped, Order::kPlain));
    EXPECT_FALSE(is_one("a:fp8e4m3", grouped, Order::kPlain));
    EXPECT_FALSE(is_one("a4-token-asym", parse_quant_format("mxfp4"), Order::kPlain));
    EXPECT_FALSE(is_one("a8-token-asym-true", integers(8, Symmetry::kSymmetric, 0), Order::kPlain));
  });
}

}  // namespace
}  // namespace qreason::testing
