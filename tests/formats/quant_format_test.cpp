#include "formats/quant_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "base/error.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;

bool is_valid(const QuantFormat& format) {
  try {
    validate(format, "format");
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Every combination of the fields, valid or not.
std::vector<QuantFormat> all_formats() {
  std::vector<QuantFormat> formats;
  for (int role = 0; role < 5; ++role) {
    for (int kind = 0; kind < 4; ++kind) {
      for (int bits = 1; bits <= 9; ++bits) {
        for (int symmetry = 0; symmetry < 2; ++symmetry) {
          for (int granularity = 0; granularity < 6; ++granularity) {
            for (const int group : {0, 16, 32, 100}) {
              for (int rule = 0; rule < 3; ++rule) {
                for (int rest = 0; rest < 2 * 3 * 5; ++rest) {
                  formats.push_back(
                      {.role = static_cast<Role>(role),
                       .kind = static_cast<NumberKind>(kind),
                       .bits = bits,
                       .symmetry = static_cast<Symmetry>(symmetry),
                       .granularity = static_cast<Granularity>(granularity),
                       .group_size = group,
                       .rule = static_cast<RangeRule>(rule),
                       .search = static_cast<RangeSearch>(rest % 2),
                       .clip_ratio = std::vector<float>{1.0f, 0.95f, 0.1f}[static_cast<std::size_t>(rest / 2 % 3)],
                       .scale_type = static_cast<ScaleType>(rest / 6)});
                }
              }
            }
          }
        }
      }
    }
  }
  return formats;
}

TEST(QuantFormat, EveryValidOnePrintsAndParsesBack) {
  std::set<std::string> texts;
  for (const QuantFormat& format : all_formats()) {
    if (!is_valid(format)) continue;
    const std::string text = to_string(format);
    EXPECT_TRUE(texts.insert(text).second) << text << " stands for two formats";
    ASSERT_NO_THROW({ EXPECT_EQ(parse_quant_format(text), format) << text; }) << text;
  }
  EXPECT_GT(texts.size(), 1000u);
}

TEST(QuantFormat, ReadsTheExamplesOfItsHeader) {
  const QuantFormat w4g128{.bits = 4, .granularity = Granularity::kGroup, .group_size = 128};
  EXPECT_EQ(parse_quant_format("w4g128-asym"), w4g128);
  EXPECT_EQ(parse_quant_format("w4g128-asym-true"), w4g128.with_rule(RangeRule::kTrueRange));
  EXPECT_EQ(parse_quant_format("a8-token-sym-full").rule, RangeRule::kFullRange);
  EXPECT_EQ(to_string(parse_quant_format("w8c-full-sym-sbf16")), "w8c-sym-full-sbf16");
  EXPECT_EQ(parse_quant_format("w4g128-asym-mse"), w4g128.with_search(RangeSearch::kMse));
  EXPECT_EQ(parse_quant_format("w8c-sym"), (QuantFormat{.bits = 8, .symmetry = Symmetry::kSymmetric}));
  const QuantFormat a8{
      .role = Role::kActivation, .bits = 8, .granularity = Granularity::kToken, .rule = RangeRule::kTokenRange};
  EXPECT_EQ(parse_quant_format("a8-token-asym"), a8);
  EXPECT_EQ(parse_quant_format("a8-token-asym-clip0.9"), a8.clipped(0.9f));
  EXPECT_EQ(
      parse_quant_format("k4-head-asym"),
      (QuantFormat{.role = Role::kKey, .bits = 4, .granularity = Granularity::kHead, .rule = RangeRule::kTokenRange}));
  EXPECT_EQ(parse_quant_format("kv8-g64-asym"), (QuantFormat{.role = Role::kKeyValue,
                                                             .bits = 8,
                                                             .granularity = Granularity::kTokenGroup,
                                                             .group_size = 64,
                                                             .rule = RangeRule::kTokenRange}));
  EXPECT_EQ(parse_quant_format("mxfp4"), (QuantFormat{.kind = NumberKind::kFp4E2M1,
                                                      .bits = 4,
                                                      .symmetry = Symmetry::kSymmetric,
                                                      .granularity = Granularity::kGroup,
                                                      .group_size = 32,
                                                      .scale_type = ScaleType::kE8M0}));
  EXPECT_EQ(parse_quant_format("w4g128-asym-mse-sf16"),
            w4g128.with_search(RangeSearch::kMse).with_scale_type(ScaleType::kFloat16));
  EXPECT_EQ(parse_quant_format("fp8e4m3-sbf16").scale_type, ScaleType::kBFloat16);
  EXPECT_EQ(parse_quant_format("a:fp8e4m3").granularity, Granularity::kToken);
  EXPECT_EQ(parse_quant_format("kv:nvfp4").group_size, 16);
  EXPECT_EQ(to_string(parse_quant_format("w:mxfp4")), "mxfp4");
  EXPECT_EQ(to_string(parse_quant_format("a4-token-clip0.9-asym")), "a4-token-asym-clip0.9");
  EXPECT_EQ(to_string(parse_quant_format("a4-token-asym-clip1")), "a4-token-asym");
}

TEST(QuantFormat, KnowsItsCodes) {
  EXPECT_EQ(parse_quant_format("w4c-asym").max_code(), 15);
  EXPECT_EQ(parse_quant_format("w4c-asym").code_offset(), 0);
  EXPECT_EQ(parse_quant_format("w4c-sym").max_code(), 7);
  EXPECT_EQ(parse_quant_format("w4c-sym").code_offset(), 8);
  EXPECT_EQ(parse_quant_format("w2c-sym").max_code(), 1);
  EXPECT_EQ(parse_quant_format("w8c-asym").max_code(), 255);
}

constexpr const char* kNoFormats[] = {"",
                                      "w",
                                      "w4",
                                      "4g128-asym",
                                      "w4g128",
                                      "w4g128-",
                                      "w4g128-asym-",
                                      "w4g0-asym",
                                      "w4g-asym",
                                      "w04c-sym",
                                      "w1c-sym",
                                      "w9c-sym",
                                      "w99999999999c-sym",
                                      "w4g128-asym-sym",
                                      "w4g128-asym-mse-mse",
                                      "w4x-sym",
                                      "w4c-token-asym",
                                      "w-4c-sym",
                                      "w4c-symm",
                                      "w4c-sym ",
                                      " w4c-sym",
                                      "W4c-sym",
                                      "a8-asym",
                                      "a8g128-asym",
                                      "a8-head-asym",
                                      "a8-token",
                                      "a8-g0-asym",
                                      "a8-g-asym",
                                      "a8-token-asym-clip",
                                      "a8-token-asym-clip0",
                                      "a8-token-asym-clip1.1",
                                      "a8-token-asym-clipnan",
                                      "a8-token-asym-clip0.9x",
                                      "w4c-sym-clip0.9",
                                      "w4c-asym-true-mse",
                                      "w4c-asym-true-zero",
                                      "a8-token-asym-full",
                                      "w4c-sym-full-mse",
                                      "a8-token-asym-mse",
                                      "q:mxfp4",
                                      "mxfp5",
                                      "w:",
                                      ":",
                                      "w:w4c-sym",
                                      "mxfp4-sym",
                                      "mxfp4-g64",
                                      "mxfp4-tensor",
                                      "fp8e4m3-mse",
                                      "fp8e4m3-clip0.5",
                                      "fp8e4m3-token",
                                      "a:fp8e4m3-channel-tensor",
                                      "w4c-asym-token",
                                      "kv4-head-asym-clip-0.5",
                                      "w4c-sym-sf16-sf16",
                                      "w4c-sym-sf16-sbf16",
                                      "w4c-sym-sf8",
                                      "mxfp4-sf16",
                                      "nvfp4-sbf16"};

TEST(QuantFormat, RefusesEverythingElseAndNamesThePart) {
  for (const char* text : kNoFormats) {
    try {
      parse_quant_format(text);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage) << text;
      EXPECT_THAT(error.what(), HasSubstr(text)) << text;
    }
  }
  EXPECT_THROW(parse_quant_format(std::string(1000000, 'w')), Error);
  EXPECT_THROW(parse_quant_format(std::string_view("w4c-sym\0", 8)), Error);
}

}  // namespace
}  // namespace qreason
