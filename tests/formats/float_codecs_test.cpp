#include "formats/float_codecs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "base/error.h"
#include "support/fixtures.h"
#include "support/golden_json.h"

namespace qreason {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct Codec {
  const char* name;
  NumberKind kind;
  int codes;
  float largest;
};

void PrintTo(const Codec& codec, std::ostream* out) {
  *out << codec.name;
}

class FloatCodec : public ::testing::TestWithParam<Codec> {
 protected:
  float decode(int code) const { return decode_float_code(static_cast<std::uint8_t>(code), GetParam().kind); }
  int encode(float value) const { return encode_float_code(value, GetParam().kind); }
  // The non-negative finite codes in order of value.
  std::vector<int> magnitudes() const {
    std::vector<int> codes;
    for (int code = 0; code < GetParam().codes / 2; ++code) {
      if (std::isfinite(decode(code))) codes.push_back(code);
    }
    return codes;
  }
};

TEST_P(FloatCodec, GivesBackEveryCode) {
  for (int code = 0; code < GetParam().codes; ++code) {
    const float value = decode(code);
    if (std::isnan(value)) {
      EXPECT_EQ(encode(value) & 0x7F, 0x7F);
      EXPECT_EQ(encode(value) & 0x80, code & 0x80);
    } else {
      EXPECT_EQ(encode(value), code) << value;
    }
  }
}

// Values of torch.float8_e4m3fn and torch.float8_e5m2, and of the table of the OCP specification for E2M1
// (tests/data/make_formats.py).
TEST_P(FloatCodec, DecodesAsTorchDoes) {
  const auto golden = testing::golden_json("formats/float_codecs.json").at(GetParam().name);
  ASSERT_EQ(golden.size(), static_cast<std::size_t>(GetParam().codes));
  for (int code = 0; code < GetParam().codes; ++code) {
    const auto& want = golden.at(static_cast<std::size_t>(code));
    const float got = decode(code);
    if (want == "nan") {
      EXPECT_TRUE(std::isnan(got)) << code;
    } else if (want.is_string()) {
      EXPECT_EQ(got, want == "inf" ? kInf : -kInf) << code;
    } else {
      EXPECT_EQ(got, want.get<float>()) << code;
      EXPECT_EQ(std::signbit(got), code >= GetParam().codes / 2) << code;
    }
  }
}

// Every midpoint of neighbours is a float32; it goes to the even code, the float32 next to it to the nearer one.
TEST_P(FloatCodec, RoundsToTheNearestAndTiesToEven) {
  const std::vector<int> codes = magnitudes();
  const int sign = GetParam().codes / 2;
  for (std::size_t i = 0; i + 1 < codes.size(); ++i) {
    const float low = decode(codes[i]), high = decode(codes[i + 1]);
    ASSERT_LT(low, high);
    const float middle = low + (high - low) / 2;
    const int even = codes[i] % 2 == 0 ? codes[i] : codes[i + 1];
    EXPECT_EQ(encode(middle), even) << middle;
    EXPECT_EQ(encode(std::nextafter(middle, 0.0f)), codes[i]) << middle;
    EXPECT_EQ(encode(std::nextafter(middle, kInf)), codes[i + 1]) << middle;
    EXPECT_EQ(encode(-middle), even + sign) << middle;
    EXPECT_EQ(encode(std::nextafter(low, kInf)), codes[i]) << low;
    EXPECT_EQ(encode(std::nextafter(high, 0.0f)), codes[i + 1]) << high;
  }
}

TEST_P(FloatCodec, SaturatesAtItsLargest) {
  const int largest = encode(GetParam().largest);
  EXPECT_EQ(decode(largest), GetParam().largest);
  EXPECT_EQ(largest_value(GetParam().kind), GetParam().largest);
  EXPECT_EQ(encode(std::nextafter(GetParam().largest, kInf)), largest);
  EXPECT_EQ(encode(std::numeric_limits<float>::max()), largest);
  EXPECT_EQ(encode(-std::numeric_limits<float>::max()), largest + GetParam().codes / 2);
}

TEST_P(FloatCodec, TakesTheSmallestFloatsForZero) {
  EXPECT_EQ(encode(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(encode(-std::numeric_limits<float>::denorm_min()), GetParam().codes / 2);
}

INSTANTIATE_TEST_SUITE_P(Kinds, FloatCodec,
                         ::testing::Values(Codec{"e4m3", NumberKind::kFp8E4M3, 256, 448.0f},
                                           Codec{"e5m2", NumberKind::kFp8E5M2, 256, 57344.0f},
                                           Codec{"e2m1", NumberKind::kFp4E2M1, 16, 6.0f}));

TEST(FloatCodecs, TreatInfinityAndNanAsTheFormatAllows) {
  EXPECT_EQ(encode_e4m3(kInf), 0x7E);
  EXPECT_EQ(encode_e4m3(-kInf), 0xFE);
  EXPECT_EQ(encode_e4m3(kNan), 0x7F);
  EXPECT_EQ(encode_e5m2(kInf), 0x7C);
  EXPECT_EQ(encode_e5m2(-kInf), 0xFC);
  EXPECT_EQ(encode_e5m2(-kNan) & 0x7F, 0x7F);
  EXPECT_EQ(encode_e2m1(kInf), 7);
  EXPECT_EQ(encode_e2m1(kNan), 0);
  EXPECT_THROW(encode_float_code(1.0f, NumberKind::kInteger), Error);
  EXPECT_THROW(decode_float_code(1, NumberKind::kInteger), Error);
  EXPECT_THROW(largest_value(NumberKind::kInteger), Error);
}

TEST(FloatCodecs, E8M0IsAPowerOfTwo) {
  for (int code = 0; code < 255; ++code) {
    EXPECT_EQ(decode_e8m0(static_cast<std::uint8_t>(code)), std::ldexp(1.0f, code - 127));
  }
  EXPECT_TRUE(std::isnan(decode_e8m0(255)));
}

// Worked by hand from IEEE 754's binary16: 10 bits of fraction, bias 15.
TEST(Float16, RoundsToNearestEven) {
  EXPECT_EQ(encode_float16(1.0f), 0x3C00);
  EXPECT_EQ(encode_float16(-2.0f), 0xC000);
  EXPECT_EQ(encode_float16(1.0f + 0x1p-11f), 0x3C00);      // a tie, to even
  EXPECT_EQ(encode_float16(1.0f + 3 * 0x1p-11f), 0x3C02);  // a tie, to even
  EXPECT_EQ(encode_float16(1.0f + 0x1.002p-11f), 0x3C01);
  EXPECT_EQ(encode_float16(65504.0f), 0x7BFF);
  EXPECT_EQ(encode_float16(65519.99f), 0x7BFF);
  EXPECT_EQ(encode_float16(65520.0f), 0x7C00);  // infinity
  EXPECT_EQ(encode_float16(0x1p-24f), 1);       // the smallest
  EXPECT_EQ(encode_float16(0x1p-25f), 0);       // a tie, to even
  EXPECT_EQ(encode_float16(-0.0f), 0x8000);
  EXPECT_TRUE(std::isnan(decode_float16(encode_float16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_EQ(decode_float16(0xFC00), -std::numeric_limits<float>::infinity());
  for (int bits = 0; bits < 0x7C00; ++bits) {
    const float value = decode_float16(static_cast<std::uint16_t>(bits));
    ASSERT_EQ(value,
              static_cast<float>(std::ldexp(bits < 1024 ? bits : 1024 + bits % 1024, std::max(bits / 1024, 1) - 25)));
    ASSERT_EQ(encode_float16(value), bits);
  }
}

TEST(BFloat16, RoundsToNearestEven) {
  EXPECT_EQ(encode_bfloat16(1.0f), 0x3F80);
  EXPECT_EQ(encode_bfloat16(1.0f + 0x1p-8f), 0x3F80);      // a tie, to even
  EXPECT_EQ(encode_bfloat16(1.0f + 3 * 0x1p-8f), 0x3F82);  // a tie, to even
  EXPECT_EQ(encode_bfloat16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(decode_bfloat16(0xC040), -3.0f);
  EXPECT_TRUE(std::isnan(decode_bfloat16(encode_bfloat16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(ElementValues, AreWhatTheCodesStandFor) {
  EXPECT_EQ(element_values(NumberKind::kInteger)[200], 200.0f);
  EXPECT_EQ(element_values(NumberKind::kFp4E2M1)[0xF], -6.0f);
  EXPECT_EQ(element_values(NumberKind::kFp8E4M3)[0x7E], 448.0f);
  EXPECT_EQ(element_values(NumberKind::kFp8E5M2)[0x7B], 57344.0f);
}

}  // namespace
}  // namespace qreason
