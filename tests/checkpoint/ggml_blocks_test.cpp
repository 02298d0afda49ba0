// ggml's block formats against the reference dequantizers of the gguf package (tests/data/make_gguf_goldens.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "checkpoint/gguf.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
using testing::project_path;

constexpr GgmlType kAllTypes[] = {GgmlType::kF32,  GgmlType::kF16,  GgmlType::kQ4_0, GgmlType::kQ4_1,
                                  GgmlType::kQ5_0, GgmlType::kQ5_1, GgmlType::kQ8_0, GgmlType::kQ4_K,
                                  GgmlType::kQ5_K, GgmlType::kQ6_K, GgmlType::kBF16};

std::vector<float> dequantized(GgmlType type, std::span<const std::byte> bytes) {
  const GgmlBlock block = block_of(type);
  std::vector<float> values(bytes.size() / static_cast<std::size_t>(block.bytes) *
                            static_cast<std::size_t>(block.elements));
  dequantize_ggml(type, bytes, values);
  return values;
}

TEST(GgmlBlocks, DecodeToTheBitsOfTheReference) {
  // Random codes under random, zero, subnormal, largest, infinite and NaN scales. Of a NaN only that it is one: its
  // payload depends on the order of the operands of a sum, which no program fixes.
  const SafetensorsFile golden(project_path("tests/data/checkpoint/ggml_blocks.safetensors"));
  for (const GgmlType type : kAllTypes) {
    const std::string name(name_of(type));
    SCOPED_TRACE(name);
    const std::vector<float> got = dequantized(type, golden.bytes(name + ".blocks").bytes());
    const std::vector<float> want = golden.read_f32(name + ".values");
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (std::isnan(got[i]) && std::isnan(want[i])) continue;
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(want[i]))
          << i << ": " << got[i] << " for " << want[i];
    }
  }
}

TEST(GgmlBlocks, DecodeAHandMadeQ4_0Block) {
  // d = 0.5 (0x3800); byte j holds j in its low nibble and 15 - j in its high one: w = (q - 8) / 2.
  std::vector<std::byte> block(18);
  block[1] = std::byte{0x38};
  for (unsigned j = 0; j < 16; ++j) block[2 + j] = static_cast<std::byte>(j | (15 - j) << 4);
  const std::vector<float> values = dequantized(GgmlType::kQ4_0, block);
  for (int j = 0; j < 16; ++j) {
    EXPECT_EQ(values[static_cast<std::size_t>(j)], static_cast<float>(j - 8) / 2);
    EXPECT_EQ(values[static_cast<std::size_t>(j + 16)], static_cast<float>(7 - j) / 2);
  }
}

// What gguf 0.19's reference dequantizer gives of the scale 125 (1/4) over the codes 0 to 15 and back, and of the
// scales at the ends over the largest element, 6.
TEST(GgmlBlocks, DecodeMxfp4AsTheReference) {
  std::vector<std::byte> block(17);
  block[0] = std::byte{125};
  for (unsigned j = 0; j < 16; ++j) block[1 + j] = static_cast<std::byte>(j | (15 - j) << 4);
  const std::vector<float> values = dequantized(GgmlType::kMXFP4, block);
  EXPECT_THAT(values, ::testing::ElementsAre(0, 0.125, 0.25, 0.375, 0.5, 0.75, 1, 1.5, 0, -0.125, -0.25, -0.375, -0.5,
                                             -0.75, -1, -1.5, -1.5, -1, -0.75, -0.5, -0.375, -0.25, -0.125, 0, 1.5, 1,
                                             0.75, 0.5, 0.375, 0.25, 0.125, 0));
  for (const auto& [scale, largest] :
       {std::pair{0, 0x1.8p-125f}, {1, 0x1.8p-124f}, {2, 0x1.8p-123f}, {252, 0x1.8p127f}, {255, INFINITY}}) {
    block[0] = static_cast<std::byte>(scale);
    EXPECT_EQ(dequantized(GgmlType::kMXFP4, block)[7], largest) << scale;
  }
}

TEST(GgmlBlocks, DecodeEveryTensorOfLlamaCppsFilesToTheReferencesBits) {
  QREASON_REQUIRE_SHARED(folder, "oracle/checkpoints/gguf");
  const auto path = project_path("tests/data/checkpoint/gguf_tensors.json");
  const Json golden = parse_json(read_text_file(path), path.string());
  EXPECT_EQ(golden.size(), 10u);
  for (const auto& [name, sums] : golden.items()) {
    SCOPED_TRACE(name);
    const GgufFile file(folder / name);
    EXPECT_EQ(file.tensors().size(), sums.size());
    for (const auto& [tensor_name, sum] : sums.items()) {
      const GgufTensor& tensor = file.tensor(tensor_name);
      const std::vector<float> values = dequantized(tensor.type, tensor.bytes);
      EXPECT_EQ(sha256_hex(std::as_bytes(std::span(values))), sum.get<std::string>()) << tensor_name;
    }
  }
}

TEST(GgmlBlocks, RefuseHalfABlockAndAnOutputOfAnotherSize) {
  std::vector<std::byte> bytes(18 * 2);
  std::vector<float> values(64);
  EXPECT_NO_THROW(dequantize_ggml(GgmlType::kQ4_0, bytes, values));
  EXPECT_THROW(dequantize_ggml(GgmlType::kQ4_0, std::span(bytes).first(35), values), Error);
  EXPECT_THROW(dequantize_ggml(GgmlType::kQ4_0, bytes, std::span(values).first(63)), Error);
}

}  // namespace
}  // namespace qreason
