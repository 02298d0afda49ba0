// Expected numbers: the reference quantizer bit for bit; for the sums, the algebra of their header in double precision.
#include "kernels/coded_rows.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "formats/quantized_matrix.h"
#include "formats/reference_quantizer.h"
#include "kernels/kernel_fixtures.h"
#include "kernels/rows.h"
#include "support/closeness.h"

namespace qreason::testing {
namespace {

constexpr const char* kFormats[] = {"a8-token-asym", "a8-token-sym",     "a4-token-asym-clip0.9",
                                    "a4-token-sym",  "a2-token-asym",    "a3-g48-sym",
                                    "a8-g32-asym",   "a4-g100-asym",     "a8-token-asym-sf16",
                                    "a:fp8e4m3",     "a:fp8e5m2",        "a:fp8e4m3-g48",
                                    "a:mxfp4",       "a:mxfp8e4m3",      "a:nvfp4",
                                    "a:fp4e2m1",     "a8-token-sym-full"};

// Rows of every kind: ordinary, all zero, one-sided small and huge, ties.
std::vector<float> rows_of_every_kind(std::int64_t width) {
  auto x = normal_floats(static_cast<std::size_t>(6 * width), 21);
  std::fill_n(&x[static_cast<std::size_t>(width)], width, 0.0f);
  for (std::int64_t i = 0; i < width; ++i) {
    const auto at = [&](std::int64_t row) -> float& { return x[static_cast<std::size_t>(row * width + i)]; };
    at(2) = std::abs(at(0)) * 1e-3f;
    at(3) = -std::abs(at(0)) * 1e4f;
    at(4) = 0.25f * static_cast<float>(i % 31 - 15);
  }
  return x;
}

// Each group's ends times ratios of its own: codes as floats and decoded, against the formula.
TEST(CodedRows, TakeLearnedClipRatiosOfEveryGroup) {
  on_every_isa([](Executor& executor) {
    const std::vector<float> low{0.5f, 0.875f, 1.0f}, high{0.75f, 0.25f, 0.9375f};
    const auto x = rows_of_every_kind(48);
    for (const char* text : {"a4-g16-asym", "a8-g16-sym"}) {
      const QuantFormat format = parse_quant_format(text);
      std::vector<float> want(x.size());
      for (std::size_t first = 0; first < x.size(); first += 16) {
        const std::size_t group = first % 48 / 16;
        Range range;
        for (std::size_t i = first; i < first + 16; ++i) {
          range = {.low = std::min(range.low, x[i]), .high = std::max(range.high, x[i])};
        }
        const GroupParameters parameters =
            parameters_of_range({.low = range.low * low[group], .high = range.high * high[group]}, format);
        for (std::size_t i = first; i < first + 16; ++i) {
          want[i] = decode(encode(x[i], parameters, format), parameters, format);
        }
      }
      const RowQuantizer quantizer(format, {.low = low.data(), .high = high.data()});
      std::vector<float> decoded(x.size()), in_place = x;
      CodedRows coded;
      coded.encode(x.data(), 6, 48, quantizer, executor);
      coded.decode(decoded.data(), executor);
      quantize_dequantize_rows(in_place.data(), 6, 48, quantizer, executor);
      EXPECT_EQ(decoded, want) << text;
      EXPECT_EQ(in_place, want) << text;
    }
  });
}

TEST(CodedRows, TakeTheGlobalScaleOfNvfp4) {
  on_every_isa([](Executor& executor) {
    const QuantFormat format = parse_quant_format("a:nvfp4");
    const auto x = rows_of_every_kind(48);
    std::vector<float> want(x.size()), without(x.size());
    for (std::size_t first = 0; first < x.size(); first += 16) {
      quantize_dequantize(std::span(x).subspan(first, 16), format, std::span(want).subspan(first, 16), 90.5f);
      quantize_dequantize(std::span(x).subspan(first, 16), format, std::span(without).subspan(first, 16));
    }
    const RowQuantizer quantizer(format, {}, 90.5f);
    std::vector<float> decoded(x.size()), in_place = x;
    CodedRows coded;
    coded.encode(x.data(), 6, 48, quantizer, executor);
    coded.decode(decoded.data(), executor);
    quantize_dequantize_rows(in_place.data(), 6, 48, quantizer, executor);
    EXPECT_EQ(decoded, want);
    EXPECT_EQ(in_place, want);
    EXPECT_NE(without, want);
  });
}

TEST(CodedRows, HoldTheCodesOfTheReferenceQuantizerAndDecodeToItsValues) {
  on_every_isa([](Executor& executor) {
    CodedRows coded;
    for (const char* text : kFormats) {
      const QuantFormat format = parse_quant_format(text);
      for (const std::int64_t width : {1, 17, 48, 100, 576}) {
        SCOPED_TRACE(::testing::Message() << text << ", width " << width);
        const auto x = rows_of_every_kind(width);
        coded.encode(x.data(), 6, width, format, executor);
        const std::int64_t run = format.granularity == Granularity::kToken ? width : format.group_size;
        ASSERT_EQ(coded.view().groups, (width + run - 1) / run);
        std::vector<float> want(x.size()), got(x.size());
        for (std::int64_t r = 0; r < 6; ++r) {
          for (std::int64_t i = 0; i < width; i += run) {
            const auto first = static_cast<std::size_t>(r * width + i);
            const auto count = static_cast<std::size_t>(std::min(run, width - i));
            const std::span<const float> values(&x[first], count);
            const GroupParameters parameters = find_parameters(values, format);
            const bool integers = format.kind == NumberKind::kInteger;
            const int offset = integers ? format.code_offset() : 0;
            ASSERT_EQ(coded.view().scales[r * coded.view().groups + i / run], parameters.scale);
            ASSERT_EQ(coded.view().zeros[r * coded.view().groups + i / run],
                      parameters.zero + static_cast<float>(offset));
            for (std::size_t j = 0; j < count; ++j) {
              ASSERT_EQ(coded.view().codes[first + j], encode(values[j], parameters, format) + offset);
            }
            quantize_dequantize(values, format, {&want[first], count});
          }
        }
        coded.decode(got.data(), executor);
        ASSERT_TRUE(bits_equal(got, want));
      }
    }
  });
}

TEST(CodedRows, RefuseWhatIsNotFiniteAndFormatsThatAreNotPerToken) {
  Executor executor(2);
  CodedRows coded;
  for (const char* text : {"a8-token-asym", "a:fp8e4m3", "a:mxfp4"}) {
    auto x = normal_floats(50, 1);
    x[37] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THROW(coded.encode(x.data(), 1, 50, parse_quant_format(text), executor), Error);
  }
  const std::vector<float> x(32, 1.0f);
  EXPECT_THROW(coded.encode(x.data(), 1, 32, parse_quant_format("w8c-sym"), executor), Error);
  EXPECT_THROW(coded.encode(x.data(), 1, 32, parse_quant_format("a:fp8e4m3-tensor"), executor), Error);
}

// One output of a product by whole numbers: for each unit of 32 columns, which has one scale on either side,
// s sw (sum q qw - zw sum q - z sum qw + 32 z zw).
double product_of_codes(const CodedRows& rows, std::int64_t r, const QuantizedMatrix& w, std::int64_t n) {
  double y = 0;
  for (std::int64_t unit = 0; unit < rows.view().units; ++unit) {
    const std::int64_t first = unit * CodedRows::kSumColumns;
    std::int64_t products = 0, weights = 0;
    for (std::int64_t c = first; c < first + CodedRows::kSumColumns; ++c) {
      const std::int64_t code = w.codes[static_cast<std::size_t>(n * w.columns + c)];
      products += rows.view().codes[r * rows.width() + c] * code;
      weights += code;
    }
    const std::int64_t slot = n * w.groups + w.group_of(first),
                       group = r * rows.view().groups + first / rows.view().group_size;
    const auto zero = static_cast<std::int64_t>(rows.view().zeros[group]);
    const auto weight_zero = static_cast<std::int64_t>(w.zero_of(slot));
    const std::int64_t whole = products - weight_zero * rows.view().sums[r * rows.view().units + unit] -
                               zero * weights + CodedRows::kSumColumns * zero * weight_zero;
    y += static_cast<double>(rows.view().scales[group]) * static_cast<double>(w.scale_of(slot)) *
         static_cast<double>(whole);
  }
  return y;
}

TEST(CodedRows, CarryWhatAProductOfWholeNumbersNeeds) {
  Executor executor(2);
  constexpr std::int64_t kRows = 4, kWidth = 192, kOutputs = 5;
  const auto x = normal_floats(kRows * kWidth, 3), weights = normal_floats(kOutputs * kWidth, 4);
  for (const char* weight : {"w4g64-asym", "w4g32-sym", "w8c-sym", "w3c-asym"}) {
    const auto w = round_to_nearest(weights, kOutputs, kWidth, parse_quant_format(weight));
    for (const char* text : {"a8-token-asym", "a8-token-sym", "a4-g32-asym", "a4-g64-sym", "a4-token-asym-clip0.9"}) {
      CodedRows coded;
      coded.encode(x.data(), kRows, kWidth, parse_quant_format(text), executor);
      std::vector<float> decoded(x.size()), row(kWidth);
      coded.decode(decoded.data(), executor);
      for (std::int64_t n = 0; n < kOutputs; ++n) {
        dequantize_row(w, n, row);
        for (std::int64_t r = 0; r < kRows; ++r) {
          double want = 0, size = 0;
          for (std::int64_t c = 0; c < kWidth; ++c) {
            const double term =
                double{decoded[static_cast<std::size_t>(r * kWidth + c)]} * row[static_cast<std::size_t>(c)];
            want += term;
            size += std::abs(term);
          }
          // Each decoded number was rounded once to float32: two roundings a term.
          EXPECT_NEAR(product_of_codes(coded, r, w, n), want, size * 2 * 0x1p-24) << weight << " " << text;
        }
      }
    }
  }
}

}  // namespace
}  // namespace qreason::testing
