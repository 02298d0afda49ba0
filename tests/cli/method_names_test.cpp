// The methods that are built, against the one table of names.
#include "base/method_names.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "quantize/methods/method_table.h"
#include "study/collect.h"

namespace qreason {
namespace {

TEST(MethodNames, HoldEveryMethodThatIsBuilt) {
  const auto families = method_families();
  for (const Method& method : all_methods()) {
    EXPECT_EQ(std::count(families.begin(), families.end(), method.name), 1) << method.name;
    const RunName name = split_run_name(fmt::format("my-model-{}-w4g64", method.name));
    EXPECT_EQ(name.model, "my-model");
    EXPECT_EQ(name.method, fmt::format("{}-w4g64", method.name));
    EXPECT_FALSE(is_baseline(method.name)) << method.name;
  }
  EXPECT_TRUE(is_baseline(kBaselineMethod));
  EXPECT_FALSE(is_baseline(kUnknownMethod));
}

}  // namespace
}  // namespace qreason
