#include "formats/reference_quantizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "formats/power.h"
#include "support/golden_json.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<int> codes_of(const std::vector<float>& group, const QuantFormat& format) {
  const GroupParameters parameters = find_parameters(group, format);
  std::vector<int> codes;
  for (const float value : group) codes.push_back(encode(value, parameters, format));
  return codes;
}

GroupParameters parameters_of(const std::vector<float>& group, const char* format) {
  return find_parameters(group, parse_quant_format(format));
}

// Independent numpy float32 code: tests/data/make_formats.py.
TEST(ReferenceQuantizer, AgreesWithNumpyOnEveryRuleAndWidth) {
  const auto cases = testing::golden_json("formats/reference_quantizer.json");
  ASSERT_GT(cases.size(), 1000u);
  for (const auto& golden : cases) {
    const QuantFormat format = parse_quant_format(golden.at("format").get<std::string>());
    const auto group = golden.at("group").get<std::vector<float>>();
    const GroupParameters parameters = find_parameters(group, format);
    EXPECT_EQ(parameters.scale, golden.at("scale").get<float>()) << golden;
    EXPECT_EQ(parameters.zero, golden.at("zero").get<float>()) << golden;
    EXPECT_EQ(codes_of(group, format), golden.at("codes").get<std::vector<int>>()) << golden;
  }
}

// Scale 1 (range 0..15 and -7..7): halves are ties and go to the even code.
TEST(ReferenceQuantizer, RoundsTiesToTheEvenCode) {
  EXPECT_EQ(codes_of({0.0f, 15.0f, 0.5f, 1.5f, 2.5f, 3.5f, 13.5f, 14.5f}, parse_quant_format("w4c-asym")),
            (std::vector<int>{0, 15, 0, 2, 2, 4, 14, 14}));
  EXPECT_EQ(codes_of({7.0f, -7.0f, 0.5f, -0.5f, 1.5f, -1.5f, -6.5f}, parse_quant_format("w4c-sym")),
            (std::vector<int>{7, -7, 0, 0, 2, -2, -6}));
  // Zero point 8 of -8..7, or 7.5 -> 8 of -7.5..7.5: added after rounding, so ties stay those of the quotient.
  EXPECT_EQ(codes_of({-8.0f, 7.0f, 0.5f, 1.5f, -0.5f}, parse_quant_format("w4c-asym")),
            (std::vector<int>{0, 15, 8, 10, 8}));
  EXPECT_EQ(parameters_of({-7.5f, 7.5f}, "w4c-asym").zero, 8.0f);
  EXPECT_EQ(parameters_of({-6.5f, 8.5f}, "w4c-asym").zero, 6.0f);
  // AWQ's exact tie: both ends clipped to the same bound, min / s = -Q / 2.
  EXPECT_EQ(parameters_of({-0.75f, 0.75f}, "w4c-asym-true").zero, 8.0f);
  EXPECT_EQ(parameters_of({-0.875f, 0.875f}, "w3c-asym-true").zero, 4.0f);
}

// checkpoint_formats.md section 3.3, compressed-tensors' rule: scale amax / 127.5, codes from -128 to 127. -127.5 lies
// half way between two codes and goes to the even one, -128; so does 127.5, to 128, and is clamped.
TEST(ReferenceQuantizer, UsesAllCodesOfTheFullRange) {
  const QuantFormat format = parse_quant_format("a8-token-sym-full");
  EXPECT_EQ(find_parameters(std::vector<float>{-1.0f, 0.5f}, format).scale, 1.0f / 127.5f);
  EXPECT_THAT(codes_of({-127.5f, 63.75f, 127.5f}, format), ElementsAre(-128, 64, 127));
  EXPECT_THAT(codes_of({-7.5f, 7.5f, 1.0f}, parse_quant_format("a4-token-sym-full")), ElementsAre(-8, 7, 1));
  EXPECT_EQ(find_parameters(std::vector<float>{0.0f}, format).scale, 1.0f);
}

// section 3.3: e4m3(global * amax / 6) / global. 300 * (3 / 6) = 150, between 144 and 160 in E4M3: 144.
TEST(ReferenceQuantizer, RoundsScalesOfNvfp4UnderAGlobalOne) {
  const QuantFormat format = parse_quant_format("a:nvfp4");
  EXPECT_EQ(find_parameters(std::vector<float>{3.0f, -1.0f}, format, 300.0f).scale, 144.0f / 300.0f);
  EXPECT_EQ(find_parameters(std::vector<float>{3.0f, -1.0f}, format).scale, 0.5f);
  EXPECT_EQ(find_parameters(std::vector<float>{0.0f}, format, 300.0f).scale, 1.0f);
}

TEST(ReferenceQuantizer, ClampsBothEndsOfTheCodes) {
  const QuantFormat symmetric = parse_quant_format("w4c-sym"), asymmetric = parse_quant_format("w4c-asym");
  EXPECT_EQ(encode(7.4f, {.scale = 1}, symmetric), 7);
  EXPECT_EQ(encode(100.0f, {.scale = 1}, symmetric), 7);
  EXPECT_EQ(encode(-7.6f, {.scale = 1}, symmetric), -8);
  EXPECT_EQ(encode(-100.0f, {.scale = 1}, symmetric), -8);
  EXPECT_EQ(encode(-1.0f, {.scale = 1}, asymmetric), 0);
  EXPECT_EQ(encode(16.0f, {.scale = 1, .zero = 3}, asymmetric), 15);
  EXPECT_EQ(decode(0, {.scale = 0.5f, .zero = 3}, asymmetric), -1.5f);
}

TEST(ReferenceQuantizer, DefinesAllZeroGroups) {
  const std::vector<float> zeros(3, 0.0f);
  // zero-range: -1..1. s = 2/15 rounds up in float32, so 1/s lies just below 7.5 and z is 7; zero is exact anyway.
  EXPECT_EQ(parameters_of(zeros, "w4c-asym"), (GroupParameters{.scale = 2.0f / 15.0f, .zero = 7}));
  EXPECT_EQ(parameters_of(zeros, "w4c-sym"), (GroupParameters{.scale = 1e-5f / 7.0f}));
  EXPECT_EQ(parameters_of(zeros, "w4c-asym-true"), (GroupParameters{.scale = 1e-5f / 15.0f}));
  EXPECT_EQ(parameters_of(zeros, "a4-token-sym"), (GroupParameters{.scale = 1.0f}));
  EXPECT_EQ(parameters_of(zeros, "a4-token-asym"), (GroupParameters{.scale = 2.0f / 15.0f, .zero = 7}));
  for (const char* format : {"w4c-asym", "w4c-sym", "w4c-asym-true", "a4-token-sym", "a4-token-asym", "w4c-asym-mse",
                             "w4c-sym-mse", "fp8e4m3", "fp8e5m2", "fp4e2m1", "mxfp4", "nvfp4"}) {
    std::vector<float> out(3, 1.0f);
    quantize_dequantize(zeros, parse_quant_format(format), out);
    EXPECT_EQ(out, zeros) << format;
  }
}

TEST(ReferenceQuantizer, RefusesWhatHasNoRange) {
  for (const char* format :
       {"w4c-asym", "w4c-sym-mse", "w4c-asym-true", "a4-token-asym", "fp8e4m3", "mxfp4", "nvfp4"}) {
    EXPECT_THROW(parameters_of({}, format), Error) << format;
    EXPECT_THROW(parameters_of({1.0f, kNan}, format), Error) << format;
    EXPECT_THROW(parameters_of({kNan, 1.0f}, format), Error) << format;
    EXPECT_THROW(parameters_of({1.0f, kInf}, format), Error) << format;
    EXPECT_THROW(parameters_of({-kInf}, format), Error) << format;
    EXPECT_THROW(parameters_of_range({.low = -1, .high = kNan}, parse_quant_format(format)), Error) << format;
  }
  EXPECT_THROW(parameters_of({3e38f, -3e38f}, "w4c-asym"), Error);
  EXPECT_NO_THROW(parameters_of({3e38f, -3e38f}, "w4c-sym"));
  std::vector<float> short_out(1);
  EXPECT_THROW(quantize_dequantize(std::vector<float>{1, 2}, parse_quant_format("w4c-sym"), short_out), Error);
}

TEST(ReferenceQuantizer, EncodesWhatIsNotANumberAsDefined) {
  EXPECT_EQ(encode(kNan, {.scale = 1, .zero = 5}, parse_quant_format("w4c-asym")), 5);
  EXPECT_EQ(encode(kNan, {.scale = 1}, parse_quant_format("w4c-sym")), 0);
  EXPECT_EQ(encode(kInf, {.scale = 1, .zero = 5}, parse_quant_format("w4c-asym")), 15);
  EXPECT_EQ(encode(-kInf, {.scale = 1}, parse_quant_format("w4c-sym")), -8);
  EXPECT_EQ(encode(kNan, {.scale = 1}, parse_quant_format("fp8e4m3")), 0x7F);
}

// Below 2^-149 * Q / 2 a span has no scale; a little above it the coarse scale must not push the zero point past Q.
TEST(ReferenceQuantizer, SurvivesTheSmallestFloats) {
  const float least = std::numeric_limits<float>::denorm_min();
  const QuantFormat format = parse_quant_format("a8-token-asym");
  for (int units = 1; units < 2000; ++units) {
    const float low = -least * static_cast<float>(units);
    const GroupParameters parameters = find_parameters(std::vector<float>{low, 0.0f}, format);
    ASSERT_GT(parameters.scale, 0.0f);
    ASSERT_GE(parameters.zero, 0.0f);
    ASSERT_LE(parameters.zero, 255.0f);
    ASSERT_EQ(decode(encode(0.0f, parameters, format), parameters, format), 0.0f);
  }
  EXPECT_EQ(parameters_of({least}, "a8-token-sym").scale, 1.0f);
}

TEST(ReferenceQuantizer, ScalesFloatFormatsByTheirLargestValue) {
  EXPECT_EQ(parameters_of({-896.0f, 3.0f}, "fp8e4m3").scale, 2.0f);
  EXPECT_EQ(parameters_of({28672.0f}, "fp8e5m2").scale, 0.5f);
  EXPECT_EQ(parameters_of({3.0f}, "fp4e2m1").scale, 0.5f);
  EXPECT_EQ(parameters_of({6.0f, 1.0f}, "nvfp4").scale, 1.0f);
  EXPECT_EQ(parameters_of({1e-6f}, "nvfp4").scale, 0x1p-9f);
  EXPECT_EQ(parameters_of({896.0f}, "a:fp8e4m3-tensor-clip0.5").scale, 1.0f);
  // MX: 3.4 = 1.7 * 2 stays at 2^1, 3.5 = 1.75 * 2 goes to 2^2; minus 2 for E2M1.
  EXPECT_EQ(parameters_of({3.4f}, "mxfp4").scale, 0.5f);
  EXPECT_EQ(parameters_of({3.5f}, "mxfp4").scale, 1.0f);
  std::vector<float> out(4);
  quantize_dequantize(std::vector<float>{6.0f, -2.4f, 0.7f, 0.0f}, parse_quant_format("fp4e2m1"), out);
  EXPECT_EQ(out, (std::vector<float>{6.0f, -2.0f, 0.5f, 0.0f}));
}

// One outlier of 10 among values at 0.7: the smallest total |error|^2.4 is worth clipping the outlier for.
TEST(MseSearch, TakesTheFirstSmallestErrorOfTheEightyFactors) {
  std::vector<float> group(100, 0.7f);
  group[0] = 10.0f;
  int shrunk = 0;
  for (const char* text : {"w3c-asym-mse", "w3c-sym-mse", "w4c-asym-mse", "w2c-sym-mse"}) {
    const QuantFormat format = parse_quant_format(text);
    const double highest = format.max_code();
    double best = std::numeric_limits<double>::infinity();
    float best_scale = 0;
    for (int step = 0; step < 80; ++step) {
      // The same search in double precision with the C library's pow; both ranges begin at 0, so the zero point is 0.
      const float scale = static_cast<float>(1.0 - step / 100.0) * 10.0f / static_cast<float>(highest);
      double error = 0;
      for (const float value : group) {
        const double code = std::min(std::nearbyint(static_cast<double>(value) / scale), highest);
        error += std::pow(std::abs(scale * code - value), 2.4);
      }
      if (error < best) {
        best = error;
        best_scale = scale;
      }
    }
    EXPECT_EQ(find_parameters(group, format).scale, best_scale) << text;
    shrunk += best_scale < find_parameters(group, format.with_search(RangeSearch::kNone)).scale ? 1 : 0;
  }
  EXPECT_GT(shrunk, 0);
}

TEST(MseSearch, KeepsTheWholeRangeWhereNothingIsBetter) {
  // Two values at the ends of the range are exact without shrinking.
  EXPECT_EQ(parameters_of({-1.0f, 1.0f}, "w4c-sym-mse"), parameters_of({-1.0f, 1.0f}, "w4c-sym"));
  EXPECT_EQ(parameters_of({0.0f, 15.0f}, "w4c-asym-mse"), parameters_of({0.0f, 15.0f}, "w4c-asym"));
}

TEST(MseSearch, ShrinksAsymmetricRangesWithoutTheFloor) {
  // A span of 1.5e-6 is below the floor of 1e-5; the first candidate's scale is span / Q.
  const GroupParameters parameters = parameters_of({0.0f, 1.5e-6f}, "w4c-asym-mse");
  EXPECT_EQ(parameters.scale, 1.5e-6f / 15.0f);
  EXPECT_EQ(parameters_of({0.0f, 1.5e-6f}, "w4c-asym").scale, 1e-5f / 15.0f);
  // A symmetric range is floored before it shrinks.
  EXPECT_GE(parameters_of({1e-7f}, "w4c-sym-mse").scale, 0.2f * 1e-5f / 7.0f);
  // Too small a span for any scale: the floored parameters stay.
  EXPECT_EQ(parameters_of({0.0f, std::numeric_limits<float>::denorm_min()}, "w4c-asym-mse").scale, 1e-5f / 15.0f);
}

TEST(Power, IsWithinFourUnitsInTheLastPlaceOfTheExactValue) {
  double worst = 0;
  for (int exponent = -40; exponent <= 40; ++exponent) {
    for (int i = 0; i < 2000; ++i) {
      const float x = std::ldexp(1.0f + static_cast<float>(i) / 2000.0f, exponent);
      const double exact = std::pow(static_cast<double>(x), 2.4);
      worst = std::max(worst, std::abs(power_2_4(x) - exact) / (exact * 0x1p-23));
    }
  }
  EXPECT_LT(worst, 4.0);
  EXPECT_EQ(power_2_4(0.0f), 0.0f);
  EXPECT_EQ(power_2_4(1.0f), 1.0f);
  EXPECT_EQ(power_2_4(1e-30f), 0.0f);
  EXPECT_EQ(power_2_4(kInf), kInf);
}

}  // namespace
}  // namespace qreason
