#include "formats/quantized_matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "formats/float_codecs.h"
#include "formats/group_kernels.h"
#include "formats/reference_quantizer.h"
#include "support/closeness.h"
#include "support/forced_isa.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;

constexpr float kInf = std::numeric_limits<float>::infinity();

// Groups of every kind a weight matrix may hold: ordinary, one-sided, tiny, huge, with ties, constant, zero.
std::vector<std::vector<float>> groups_of(std::size_t length) {
  PythonRandom random(length);
  std::vector<std::vector<float>> groups;
  const auto add = [&](auto&& value) {
    std::vector<float> group(length);
    for (float& element : group) element = value();
    groups.push_back(std::move(group));
  };
  const auto uniform = [&] { return static_cast<float>(random.random() - 0.5); };
  add(uniform);
  add([&] { return std::abs(uniform()) + 0.01f; });
  add([&] { return -std::abs(uniform()); });
  add([&] { return uniform() * 1e-6f; });
  add([&] { return uniform() * 1e-38f; });
  add([&] { return uniform() * 1e-44f; });
  add([&] { return uniform() * 1e38f; });
  add([&] { return static_cast<float>(random.randint(-15, 15)) * 0.5f; });
  add([&] { return random.random() < 0.05 ? 30.0f * uniform() : uniform(); });
  add([] { return 100.0f; });
  add([] { return -0.0f; });
  return groups;
}

std::vector<QuantFormat> weight_formats() {
  std::vector<QuantFormat> formats;
  for (int bits = 2; bits <= 8; ++bits) {
    for (const char* rest : {"c-asym", "c-sym", "c-asym-true", "c-sym-true", "c-asym-mse", "c-sym-mse",
                             "c-asym-token-range-clip0.9", "c-asym-sbf16", "c-sym-mse-sbf16", "c-asym-mse-sbf16"}) {
      formats.push_back(parse_quant_format("w" + std::to_string(bits) + rest));
    }
  }
  return formats;
}

TEST(GroupKernels, GiveTheParametersAndCodesOfTheReferenceQuantizer) {
  for (const Isa isa : supported_isas()) {
    const testing::ForcedIsa forced(isa);
    const GroupKernels* kernels = &group_kernels();
    for (const std::size_t length : {1u, 2u, 3u, 5u, 8u, 15u, 16u, 17u, 31u, 64u, 100u}) {
      for (const auto& group : groups_of(length)) {
        for (const QuantFormat& format : weight_formats()) {
          const GroupParameters want = find_parameters(group, format);
          const GroupParameters got = find_parameters_with(*kernels, group, format);
          ASSERT_EQ(got, want) << kernels->name << " " << to_string(format) << " " << ::testing::PrintToString(group);
          std::vector<std::uint8_t> codes(length), reference(length);
          encode_with(*kernels, group, got, format, codes.data());
          for (std::size_t i = 0; i < length; ++i) {
            reference[i] = static_cast<std::uint8_t>(encode(group[i], want, format) + format.code_offset());
          }
          ASSERT_EQ(codes, reference) << kernels->name << " " << to_string(format);
        }
      }
    }
  }
}

TEST(GroupKernels, AreThoseOfTheInstructionSetInUse) {
  for (const Isa isa : supported_isas()) {
    const testing::ForcedIsa forced(isa);
    EXPECT_EQ(group_kernels().name, name_of(isa));
  }
}

TEST(GroupKernels, RefuseWhatTheReferenceQuantizerRefuses) {
  for (const Isa isa : supported_isas()) {
    const testing::ForcedIsa forced(isa);
    const GroupKernels* kernels = &group_kernels();
    for (const char* text : {"w4c-asym", "w4c-asym-mse", "w4c-sym-true"}) {
      const QuantFormat format = parse_quant_format(text);
      for (std::size_t at : {0u, 7u, 16u, 18u}) {
        for (const float bad : {kInf, -kInf, std::numeric_limits<float>::quiet_NaN()}) {
          std::vector<float> group(19, 1.0f);
          group[at] = bad;
          EXPECT_THROW(find_parameters_with(*kernels, group, format), Error) << kernels->name << " " << at;
        }
      }
      EXPECT_THROW(find_parameters_with(*kernels, {}, format), Error);
    }
    EXPECT_THROW(find_parameters_with(*kernels, std::vector<float>{3e38f, -3e38f}, parse_quant_format("w4c-asym-mse")),
                 Error);
  }
}

// Two rows, groups of 4 with a shorter last one, worked by hand: s = (max - min) / 15 with 0 inside, z = round(-min /
// s).
TEST(RoundToNearest, GivesEveryGroupItsOwnParameters) {
  const std::vector<float> weights{0,  15, 7.5f, 1,    -1.5f, 0,  //
                                   -8, 7,  0.5f, 1.5f, 30,    2.9f};
  const auto matrix = round_to_nearest(weights, 2, 6, parse_quant_format("w4g4-asym"));
  EXPECT_EQ(matrix.groups, 2);
  EXPECT_EQ(matrix.group_size, 4);
  EXPECT_THAT(matrix.scales, ElementsAre(1.0f, 0.1f, 1.0f, 2.0f));
  EXPECT_THAT(matrix.zeros, ElementsAre(0, 15, 8, 0));
  EXPECT_THAT(matrix.codes, ElementsAre(0, 15, 8, 1, 0, 15, 0, 15, 8, 10, 15, 1));
  std::vector<float> row(6);
  dequantize_row(matrix, 0, row);
  EXPECT_TRUE(testing::all_close(row, std::vector<float>{0, 15, 8, 1, -1.5f, 0}, {.absolute = 1e-6}));
  dequantize_row(matrix, 1, row);
  EXPECT_THAT(row, ElementsAre(-8, 7, 0, 2, 30, 2));
}

TEST(RoundToNearest, StoresSymmetricCodesWithTheirOffset) {
  const auto matrix = round_to_nearest(std::vector<float>{-7, 7, 0, 3.5f}, 1, 4, parse_quant_format("w4c-sym"));
  EXPECT_THAT(matrix.codes, ElementsAre(1, 15, 8, 12));
  EXPECT_TRUE(matrix.zeros.empty());
  std::vector<float> row(4);
  dequantize_row(matrix, 0, row);
  EXPECT_THAT(row, ElementsAre(-7, 7, 0, 4));
}

// 1.5 / 15 = 0.1 is 0.0999755859375 in float16 and 0.10009765625 in bfloat16. 0.25 over them: 2.5 - 1e-8 in float32,
// 2.5006, 2.4976.
TEST(RoundToNearest, JudgesRoundingByTheScaleThatIsStored) {
  const std::vector<float> weights{0.0f, 1.5f, 0.25f};
  const auto with = [&](const char* text) {
    const auto matrix = round_to_nearest(weights, 1, 3, parse_quant_format(text));
    EXPECT_NO_THROW(validate(matrix, text));
    return matrix;
  };
  EXPECT_THAT(with("w4c-asym").scales, ElementsAre(0.1f));
  EXPECT_THAT(with("w4c-asym").codes, ElementsAre(0, 15, 2));
  EXPECT_THAT(with("w4c-asym-sf16").scales, ElementsAre(0.0999755859375f));
  EXPECT_THAT(with("w4c-asym-sf16").codes, ElementsAre(0, 15, 3));
  EXPECT_THAT(with("w4c-asym-sbf16").scales, ElementsAre(0.10009765625f));
  EXPECT_THAT(with("w4c-asym-sbf16").codes, ElementsAre(0, 15, 2));
  EXPECT_THAT(with("w4c-sym-sf16").scales, ElementsAre(0.2142333984375f));  // 1.5 / 7 = 1755.43 / 2^13
  // The search too: without it, step 0 is the range itself; the scale of whichever step wins is a float16 number.
  const auto searched = with("w3c-asym-mse-sf16");
  EXPECT_EQ(searched.scales[0], decode_float16(encode_float16(searched.scales[0])));
}

TEST(RoundToNearest, RefusesScalesThatTheirTypeCannotHold) {
  const std::vector<float> weights{0.0f, 2e6f};
  EXPECT_NO_THROW(round_to_nearest(weights, 1, 2, parse_quant_format("w4c-asym-sbf16")));
  EXPECT_THROW(round_to_nearest(weights, 1, 2, parse_quant_format("w4c-asym-sf16")), Error);
  // The floor of 1e-5 keeps the smallest scales of weights above the smallest float16.
  const auto tiny = round_to_nearest(std::vector<float>{0.0f, 1e-9f}, 1, 2, parse_quant_format("w8c-asym-sf16"));
  EXPECT_THAT(tiny.scales, ElementsAre(0x1p-24f));
}

TEST(RoundToNearest, DoesNotDependOnTheNumberOfThreads) {
  PythonRandom random(3);
  std::vector<float> weights(13 * 70);
  for (float& weight : weights) weight = static_cast<float>(random.random() - 0.5);
  const QuantFormat format = parse_quant_format("w3g32-asym-mse");
  ThreadPool one(1);
  const auto want = round_to_nearest(weights, 13, 70, format, &one);
  for (int threads = 2; threads <= 4; ++threads) {
    ThreadPool pool(threads);
    const auto got = round_to_nearest(weights, 13, 70, format, &pool);
    EXPECT_EQ(got.codes, want.codes);
    EXPECT_EQ(got.scales, want.scales);
    EXPECT_EQ(got.zeros, want.zeros);
  }
}

TEST(RoundToNearest, RefusesWhatItCannotRound) {
  const std::vector<float> weights(6, 1.0f);
  const QuantFormat format = parse_quant_format("w4c-sym");
  EXPECT_THROW(round_to_nearest(weights, 2, 2, format), Error);
  EXPECT_THROW(round_to_nearest(weights, 0, 6, format), Error);
  EXPECT_THROW(round_to_nearest(weights, -2, -3, format), Error);
  EXPECT_THROW(round_to_nearest({}, 0, 0, format), Error);
  for (const char* text : {"fp8e4m3-tensor", "a:mxfp4", "a8-token-sym", "w8t-sym"}) {
    EXPECT_THROW(round_to_nearest(weights, 2, 3, parse_quant_format(text)), Error) << text;
  }
  EXPECT_THROW(round_to_nearest(std::vector<float>{1, 2, 3, kInf}, 2, 2, format), Error);
}

TEST(QuantizedMatrix, FollowsItsGroupIndex) {
  QuantizedMatrix matrix{
      .format = parse_quant_format("w4g2-asym"), .rows = 1, .columns = 4, .groups = 2, .group_size = 2};
  matrix.codes = {1, 2, 3, 4};
  matrix.scales = {1.0f, 10.0f};
  matrix.zeros = {0, 1};
  matrix.group_index = {1, 0, 0, 1};
  ASSERT_NO_THROW(validate(matrix, "w"));
  std::vector<float> row(4);
  dequantize_row(matrix, 0, row);
  EXPECT_THAT(row, ElementsAre(0, 2, 3, 30));
  EXPECT_THROW(dequantize_row(matrix, 1, row), Error);
  EXPECT_THROW(dequantize_row(matrix, -1, row), Error);
  row.pop_back();
  EXPECT_THROW(dequantize_row(matrix, 0, row), Error);
}

TEST(QuantizedMatrix, IsValidatedBeforeUse) {
  const auto good = round_to_nearest(std::vector<float>(24, 1.0f), 2, 12, parse_quant_format("w3g5-asym"));
  EXPECT_NO_THROW(validate(good, "w"));
  const auto broken = [&](const char* what, auto&& change) {
    QuantizedMatrix matrix = good;
    change(matrix);
    try {
      validate(matrix, "tensor w");
      ADD_FAILURE() << "accepted: " << what;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::StartsWith("tensor w: ")) << what;
    }
  };
  broken("a code less", [](auto& m) { m.codes.pop_back(); });
  broken("a scale more", [](auto& m) { m.scales.push_back(1); });
  broken("no zeros", [](auto& m) { m.zeros.clear(); });
  broken("zeros of a symmetric format", [](auto& m) { m.format.symmetry = Symmetry::kSymmetric; });
  broken("a code of 4 bits", [](auto& m) { m.codes[3] = 8; });
  broken("a zero of 4 bits", [](auto& m) { m.zeros[0] = 8; });
  broken("an infinite scale", [](auto& m) { m.scales[0] = kInf; });
  broken("too few groups", [](auto& m) { m.groups = 2; });
  broken("no group size", [](auto& m) { m.group_size = 0; });
  broken("negative rows", [](auto& m) { m.rows = -2; });
  broken("a product that overflows", [](auto& m) { m.rows = m.columns = std::int64_t{1} << 33; });
  broken("a short group index", [](auto& m) { m.group_index = {0, 1}; });
  broken("a group that is not there", [](auto& m) { m.group_index.assign(12, 3); });
  broken("a negative group", [](auto& m) { m.group_index.assign(12, -1); });
  broken("a float format", [](auto& m) { m.format = parse_quant_format("mxfp4"); });
  broken("12 bits", [](auto& m) { m.format.bits = 12; });
}

}  // namespace
}  // namespace qreason
