#include "base/sampling.h"

#include <gtest/gtest.h>

#include <limits>

namespace qreason {
namespace {

std::string_view faulty_key(const SamplingParameters& sampling) {
  const auto fault = find_fault(sampling);
  return fault ? fault->key : "";
}

TEST(SamplingParameters, AreCheckedByRangesThatHoldEverywhere) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(faulty_key({}), "");
  EXPECT_EQ(faulty_key({.temperature = 0, .top_p = 1, .top_k = 1, .max_tokens = 1}), "");
  for (const double wrong : {-0.1, 100.1, nan}) EXPECT_EQ(faulty_key({.temperature = wrong}), "temperature");
  for (const double wrong : {0.0, 1.1, nan}) EXPECT_EQ(faulty_key({.top_p = wrong}), "top_p");
  EXPECT_EQ(faulty_key({.top_k = -1}), "top_k");
  EXPECT_EQ(faulty_key({.max_tokens = 0}), "max_tokens");
  EXPECT_EQ(find_fault({.top_p = 2})->got, "2");
}

TEST(SamplingParameters, AreWrittenUnderTheKeysOfTheirFaults) {
  EXPECT_EQ(to_json(SamplingParameters{}).dump(), R"({"temperature":0.6,"top_p":0.95,"top_k":0,"max_tokens":32768})");
}

}  // namespace
}  // namespace qreason
