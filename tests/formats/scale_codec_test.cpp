#include "formats/scale_codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"

namespace qreason {
namespace {

TEST(ScaleCodec, RoundsToTheTypeAndGivesItBack) {
  EXPECT_EQ(stored_scale(0.1f, ScaleType::kFloat32), 0.1f);
  EXPECT_EQ(stored_scale(0.1f, ScaleType::kFloat16), 0.0999755859375f);
  EXPECT_EQ(stored_scale(0.1f, ScaleType::kBFloat16), 0.10009765625f);
  EXPECT_EQ(stored_scale(0.1f, ScaleType::kE4M3), 0.1015625f);  // 13 / 128
  EXPECT_EQ(stored_scale(0.1f, ScaleType::kE8M0), 0.0625f);
  EXPECT_EQ(stored_scale(0.0f, ScaleType::kE8M0), 0x1p-127f);
  EXPECT_TRUE(std::isinf(stored_scale(1e6f, ScaleType::kFloat16)));
  for (const ScaleType type :
       {ScaleType::kFloat32, ScaleType::kFloat16, ScaleType::kBFloat16, ScaleType::kE4M3, ScaleType::kE8M0}) {
    std::vector<float> scales;
    for (const float scale : {0.1f, 1.0f, 3.7f, 0x1p-9f, 100.0f}) scales.push_back(stored_scale(scale, type));
    std::vector<std::byte> bytes(scales.size() * scale_bytes(type));
    encode_scales(scales, type, bytes);
    std::vector<float> back(scales.size());
    decode_scales(bytes, type, back);
    EXPECT_EQ(back, scales);
    bytes.pop_back();
    EXPECT_THROW(encode_scales(scales, type, bytes), Error);
    EXPECT_THROW(decode_scales(bytes, type, back), Error);
  }
}

TEST(ScaleCodec, StoresTheBitPatternsOfTheFormats) {
  const auto byte_of = [](float scale, ScaleType type) {
    std::vector<std::byte> bytes(1);
    encode_scales(std::vector<float>{scale}, type, bytes);
    return std::to_integer<int>(bytes[0]);
  };
  EXPECT_EQ(byte_of(1.0f, ScaleType::kE8M0), 127);
  EXPECT_EQ(byte_of(0x1p-127f, ScaleType::kE8M0), 0);
  EXPECT_EQ(byte_of(448.0f, ScaleType::kE4M3), 0x7E);
  EXPECT_EQ(byte_of(0x1p-9f, ScaleType::kE4M3), 1);
}

}  // namespace
}  // namespace qreason
