// Matrices of small floats with a scale per block.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "formats/float_codecs.h"
#include "formats/quantized_matrix.h"
#include "support/fixtures.h"
#include "support/safetensors_reader.h"

namespace qreason {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

std::vector<float> dequantized(const QuantizedMatrix& matrix, std::int64_t row = 0) {
  std::vector<float> out(static_cast<std::size_t>(matrix.columns));
  dequantize_row(matrix, row, out);
  return out;
}

QuantizedMatrix rounded(std::span<const float> values, std::int64_t rows, std::int64_t columns, const char* format,
                        std::optional<float> global_scale = std::nullopt) {
  const QuantizedMatrix matrix =
      round_to_nearest(values, rows, columns, parse_quant_format(format), nullptr, global_scale);
  validate(matrix, format);
  return matrix;
}

// Worked by hand: the largest magnitude 5 = 1.25 * 2^2 stays at 2^2, minus 2 gives scale 2^0.
TEST(Mxfp4, RoundsABlockByThePowerOfTwoOfItsLargest) {
  const std::vector<float> values{5.0f, -0.25f, 0.26f, 2.5f, -7.0f, 0.0f};
  const auto matrix = rounded(std::span(values).first(4), 1, 4, "mxfp4");
  EXPECT_THAT(matrix.scales, ElementsAre(1.0f));
  // 5 is a tie between 4 (code 6) and 6 (code 7): to the even code; -0.25 between 0 and -0.5: to zero; 2.5 between 2
  // (code 4) and 3 (code 5).
  EXPECT_THAT(matrix.codes, ElementsAre(6, 8, 1, 4));
  EXPECT_THAT(dequantized(matrix), ElementsAre(4.0f, -0.0f, 0.5f, 2.0f));
  // 7 = 1.75 * 2^2 rounds up to 2^3, minus 2 gives scale 2.
  const auto larger = rounded(values, 1, 6, "mxfp4");
  EXPECT_THAT(larger.scales, ElementsAre(2.0f));
  EXPECT_THAT(dequantized(larger), ElementsAre(4.0f, -0.0f, 0.0f, 2.0f, -8.0f, 0.0f));
}

TEST(Mxfp4, DefinesItsEdges) {
  const auto zeros = rounded(std::vector<float>(40, 0.0f), 1, 40, "mxfp4");
  EXPECT_THAT(zeros.scales, ElementsAre(1.0f, 1.0f));  // a shorter last block has its own scale
  EXPECT_THAT(zeros.codes, Each(0));
  const auto tiny = rounded(std::vector<float>(1, std::numeric_limits<float>::denorm_min()), 1, 1, "mxfp4");
  EXPECT_THAT(tiny.scales, ElementsAre(0x1p-127f));  // 2^-127, the smallest E8M0
  EXPECT_THAT(dequantized(tiny), ElementsAre(0.0f));
  const auto huge = rounded(std::vector<float>(1, std::numeric_limits<float>::max()), 1, 1, "mxfp4");
  EXPECT_THAT(huge.scales, ElementsAre(0x1p125f));  // 6 * 2^126 would be no float32
  EXPECT_EQ(dequantized(huge)[0], 0x1.8p127f);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_THROW(rounded(std::vector<float>{1.0f, bad}, 1, 2, "mxfp4"), Error);
    EXPECT_THROW(rounded(std::vector<float>{1.0f, bad}, 1, 2, "nvfp4"), Error);
  }
  EXPECT_THROW(rounded(std::vector<float>(3, 1.0f), 2, 2, "mxfp4"), Error);
}

// 300 = 1.17 * 2^8: exponent 8, minus 8, scale 1; 300 lies between 288 (1.125 * 2^8) and 320.
TEST(Mxfp8, UsesTheExponentOfItsLargestValue) {
  const auto matrix = rounded(std::vector<float>{300.0f, 0.3f}, 1, 2, "mxfp8e4m3");
  EXPECT_THAT(matrix.scales, ElementsAre(1.0f));
  EXPECT_THAT(dequantized(matrix), ElementsAre(288.0f, 0.3125f));
}

// Two blocks; the global scale maps the largest magnitude 12 to 448 * 6, so the first block has scale 448.
TEST(Nvfp4, ScalesBlocksRelativeToTheMatrix) {
  std::vector<float> values(20, 0.0f);
  values[0] = 12.0f;
  values[1] = -3.0f;
  values[16] = 1.5f;
  values[17] = 0.375f;
  const auto matrix = rounded(values, 1, 20, "nvfp4");
  EXPECT_EQ(matrix.global_scale, 224.0f);
  EXPECT_EQ(matrix.scales[0], 448.0f);
  EXPECT_EQ(matrix.scales[1], 56.0f);      // 224 * 1.5 / 6
  EXPECT_EQ(dequantized(matrix), values);  // 12 = 6 * 2, 3 = 1.5 * 2, 1.5 = 6 / 4, 0.375 = 1.5 / 4
  const auto zeros = rounded(std::vector<float>(16, 0.0f), 1, 16, "nvfp4");
  EXPECT_EQ(zeros.global_scale, 1.0f);
  EXPECT_THAT(dequantized(zeros), Each(0.0f));
}

// Row by row 448 and -4.48 give the scales 1 and 0.01; 300 lies between 288 and 320, 0.045 / 0.01 = 4.5 is an E4M3
// number.
TEST(Fp8, HasAScalePerChannel) {
  const auto matrix = rounded(std::vector<float>{448.0f, 300.0f, -4.48f, 0.045f}, 2, 2, "fp8e4m3");
  EXPECT_THAT(matrix.scales, ElementsAre(1.0f, 4.48f / 448.0f));
  EXPECT_THAT(dequantized(matrix), ElementsAre(448.0f, 288.0f));
  EXPECT_THAT(dequantized(matrix, 1), ElementsAre(-448.0f * matrix.scales[1], 4.5f * matrix.scales[1]));
}

TEST(FloatMatrix, RefusesCodesThatAreNoNumbers) {
  for (const char* text : {"fp8e4m3", "fp8e5m2", "mxfp8e4m3", "mxfp8e5m2"}) {
    auto matrix = rounded(std::vector<float>(32, 1.0f), 1, 32, text);
    const int first = first_code_not_finite(matrix.format.kind);
    matrix.codes[31] = static_cast<std::uint8_t>(first - 1);
    EXPECT_NO_THROW(validate(matrix, "w")) << text;
    for (const int bad : {first, first | 0x80, 0xFF}) {
      matrix.codes[31] = static_cast<std::uint8_t>(bad);
      EXPECT_THROW(validate(matrix, "w"), Error) << text << " " << bad;
      EXPECT_NO_THROW(validate_layout(matrix, "w"));
    }
  }
}

TEST(FloatMatrix, IsValidatedBeforeUse) {
  const auto good = rounded(std::vector<float>(64, 1.0f), 1, 64, "mxfp4");
  EXPECT_NO_THROW(validate(good, "w"));
  const auto broken = [&](auto&& change) {
    QuantizedMatrix matrix = good;
    change(matrix);
    EXPECT_THROW(validate(matrix, "w"), Error);
  };
  broken([](auto& m) { m.codes.pop_back(); });
  broken([](auto& m) { m.scales.pop_back(); });
  broken([](auto& m) { m.codes[0] = 16; });
  broken([](auto& m) { m.scales[0] = std::numeric_limits<float>::quiet_NaN(); });
  broken([](auto& m) { m.scales[0] = 3.0f; });  // no power of two
  broken([](auto& m) { m.group_size = 16; });
  broken([](auto& m) { m.global_scale = 2; });
  broken([](auto& m) { m.rows = -1; });
  broken([](auto& m) { m.rows = std::int64_t{1} << 62; });
  broken([](auto& m) { m.global_scale = 0; });
}

// What llm-compressor and compressed-tensors wrote for the same weights (../shared/oracle/checkpoints), code for code.
class ToolsOwnFiles : public ::testing::TestWithParam<const char*> {};

float bfloat16_rounded(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
}

// The tool keeps its weights in bfloat16 and so rounds a block's largest / 6 to bfloat16, which we do not.
std::uint8_t tools_nvfp4_scale(std::span<const float> block, float global_scale) {
  float largest = 0;
  for (const float value : block) largest = std::max(largest, std::abs(value));
  return encode_e4m3(global_scale * bfloat16_rounded(largest / 6.0f));
}

float decoded_scale(std::uint8_t stored, const QuantFormat& format) {
  return format.scale_type == ScaleType::kE4M3 ? decode_e4m3(stored) : decode_e8m0(stored);
}

TEST_P(ToolsOwnFiles, HaveOurCodesAndScales) {
  QREASON_REQUIRE_SHARED(oracle, "oracle");
  const std::string name = GetParam();
  const QuantFormat format = parse_quant_format(name);
  testing::SafetensorsReader model(oracle / "qwen2-tiny/model.safetensors");
  testing::SafetensorsReader file(oracle / "checkpoints" / ("ct-" + name) / "model.safetensors");
  int linears = 0;
  std::size_t blocks = 0, blocks_of_other_scale = 0;
  for (const std::string& tensor : file.names()) {
    if (!tensor.ends_with(".weight_packed")) continue;
    ++linears;
    const std::string base = tensor.substr(0, tensor.size() - 14);
    const auto weight = model.read(base + ".weight");
    auto values = weight.as<float>();
    for (float& value : values) value = bfloat16_rounded(value);
    std::optional<float> global_scale;
    if (name == "nvfp4") global_scale = file.read(base + ".weight_global_scale").as<float>()[0];
    const auto matrix = rounded(values, weight.shape[0], weight.shape[1], GetParam(), global_scale);
    const auto packed = file.read(tensor).bytes;
    const auto scales = file.read(base + ".weight_scale").bytes;
    ASSERT_EQ(matrix.scales.size(), scales.size()) << base;
    const auto size = static_cast<std::size_t>(format.group_size);
    for (std::size_t block = 0; block < scales.size(); ++block, ++blocks) {
      if (matrix.scales[block] != decoded_scale(scales[block], format)) {
        ASSERT_EQ(name, "nvfp4") << base << " block " << block;
        ASSERT_EQ(scales[block], tools_nvfp4_scale(std::span(values).subspan(block * size, size), *global_scale));
        ++blocks_of_other_scale;
        continue;
      }
      for (std::size_t i = block * size; i < (block + 1) * size; ++i) {
        ASSERT_EQ(matrix.codes[i], packed[i / 2] >> (4 * (i % 2)) & 15) << base << " element " << i;
      }
    }
  }
  EXPECT_EQ(linears, 14);
  EXPECT_LT(blocks_of_other_scale, blocks / 50);
}

INSTANTIATE_TEST_SUITE_P(Formats, ToolsOwnFiles, ::testing::Values("mxfp4", "nvfp4"));

}  // namespace
}  // namespace qreason
