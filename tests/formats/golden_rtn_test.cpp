// Round-to-nearest against the published reference implementation (tests/data/oracle, its README tells what and how).
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "formats/quantized_matrix.h"
#include "formats/reference_quantizer.h"
#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/safetensors_reader.h"

namespace qreason {
namespace {

struct GoldenCase {
  const char* model;
  const char* name;
  const char* format;
};

class GoldenRoundToNearest : public ::testing::TestWithParam<GoldenCase> {};

// Codes are stored two a byte, the low nibble first.
std::vector<std::uint8_t> unpack_nibbles(const std::vector<std::uint8_t>& bytes) {
  std::vector<std::uint8_t> codes;
  for (const std::uint8_t byte : bytes) {
    codes.push_back(byte & 15);
    codes.push_back(byte >> 4);
  }
  return codes;
}

// Whether a scale is that of the search step before or after the golden one; steps are 1 % of the whole range apart.
bool one_step_off(float got, float want, float unsearched) {
  return std::abs(std::abs(got - want) / unsearched - 0.01f) < 1e-4f;
}

TEST_P(GoldenRoundToNearest, HasTheCodesZerosAndScalesOfTheReference) {
  const GoldenCase& golden_case = GetParam();
  const std::string folder = std::string(golden_case.model) + "/";
  QREASON_REQUIRE_ORACLE(model_file, folder + "model.safetensors");
  QREASON_REQUIRE_ORACLE(golden_file, folder + golden_case.name + ".safetensors");
  const QuantFormat format = parse_quant_format(golden_case.format);
  testing::SafetensorsReader model(model_file), golden(golden_file);
  int linears = 0, groups_off = 0;
  for (const std::string& name : golden.names()) {
    if (!name.ends_with(".codes")) continue;
    ++linears;
    const std::string base = name.substr(0, name.size() - 6);
    const auto weight = model.read("model." + base + ".weight");
    const auto values = weight.as<float>();
    const auto got = round_to_nearest(values, weight.shape[0], weight.shape[1], format);
    const auto unsearched =
        round_to_nearest(values, weight.shape[0], weight.shape[1], format.with_search(RangeSearch::kNone));
    ASSERT_NO_THROW(validate(got, base.c_str()));
    const auto codes = unpack_nibbles(golden.read(name).bytes);
    const auto scales = golden.read(base + ".scales").as<float>();
    ASSERT_EQ(codes.size(), got.codes.size()) << base;
    ASSERT_EQ(scales.size(), got.scales.size()) << base;
    const auto zeros = got.zeros.empty() ? std::vector<std::uint8_t>() : golden.read(base + ".zeros").bytes;
    ASSERT_EQ(zeros.size(), got.zeros.size()) << base;
    for (std::size_t group = 0; group < scales.size(); ++group) {
      if (std::abs(got.scales[group] - scales[group]) > 1e-6f * scales[group]) {
        ASSERT_EQ(format.search, RangeSearch::kMse) << base << " group " << group;
        ASSERT_TRUE(one_step_off(got.scales[group], scales[group], unsearched.scales[group])) << base << " " << group;
        ++groups_off;
        continue;
      }
      if (!zeros.empty()) {
        EXPECT_EQ(got.zeros[group], zeros[group]) << base << " group " << group;
      }
      const std::size_t row = group / static_cast<std::size_t>(got.groups),
                        in_row = group % static_cast<std::size_t>(got.groups);
      for (std::int64_t i = 0; i < got.group_size; ++i) {
        const std::size_t at = row * static_cast<std::size_t>(got.columns) +
                               in_row * static_cast<std::size_t>(got.group_size) + static_cast<std::size_t>(i);
        ASSERT_EQ(got.codes[at], codes[at]) << base << " group " << group << " element " << i;
      }
    }
  }
  EXPECT_EQ(linears, 14);
  EXPECT_LE(groups_off, format.search == RangeSearch::kMse ? 3 : 0);
  RecordProperty("groups_off", groups_off);
}

std::vector<GoldenCase> golden_cases() {
  std::vector<GoldenCase> cases;
  for (const char* model : {"qwen2-tiny", "llama-tiny"}) {
    cases.push_back({model, "rtn-w4g32-asym", "w4g32-asym"});
    cases.push_back({model, "rtn-w4g32-asym-mse", "w4g32-asym-mse"});
    cases.push_back({model, "rtn-w4pc-sym", "w4c-sym"});
    cases.push_back({model, "rtn-w4pc-sym-mse", "w4c-sym-mse"});
    cases.push_back({model, "rtn-w3g32-asym", "w3g32-asym"});
    cases.push_back({model, "rtn-w3g32-asym-mse", "w3g32-asym-mse"});
  }
  return cases;
}

std::string case_name(const ::testing::TestParamInfo<GoldenCase>& info) {
  std::string name = std::string(info.param.model) + "_" + info.param.name;
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Oracle, GoldenRoundToNearest, ::testing::ValuesIn(golden_cases()), case_name);

}  // namespace
}  // namespace qreason
