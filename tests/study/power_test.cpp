// Against scipy (Connor 1987 by norm.ppf, exact power by sums of binom): ../shared/oracle/statistics.
#include "study/power.h"

#include <gtest/gtest.h>

#include "study/statistics_oracle.h"

namespace qreason {
namespace {
using namespace testing::statistics_oracle;

TEST(Power, OfMcNemarsTestIsConnors) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  for (const Json& row : golden(folder, "power.json")["mcnemar"]) {
    SCOPED_TRACE(row.dump());
    const double difference = row["difference"], discordance = row["discordance"], power = row["power"];
    const double n = mcnemar_problems(difference, discordance, power);
    EXPECT_TRUE(near(n, row["n_connor_real"].get<double>()));
    EXPECT_EQ(static_cast<std::int64_t>(std::ceil(n)), row["n_connor"].get<std::int64_t>());
    EXPECT_TRUE(near(exact_mcnemar_power(row["n_connor"].get<std::int64_t>(), difference, discordance),
                     row["exact_test_power_at_n_connor"].get<double>(), 1e-8));
    const std::int64_t exact = exact_mcnemar_problems(difference, discordance, power);
    const auto want = row["n_exact_test"].get<std::int64_t>();
    EXPECT_LE(std::abs(exact - want), std::max<std::int64_t>(2, want / 100));
    EXPECT_GE(exact_mcnemar_power(exact, difference, discordance), power);
    EXPECT_TRUE(near(exact_mcnemar_power(want, difference, discordance),
                     row["exact_test_power_at_n_exact"].get<double>(), 1e-8));
  }
}

TEST(Power, OfSeveralSeedsIsMillers) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  const Json all = golden(folder, "power.json");
  const auto variance_of = [](const Json& row, std::int64_t baseline_seeds, std::int64_t variant_seeds) {
    return variance_of_difference({.between = row["between_variance"].get<double>(),
                                   .within_baseline = row["within_variance_baseline"].get<double>(),
                                   .within_variant = row["within_variance_variant"].get<double>()},
                                  baseline_seeds, variant_seeds);
  };
  for (const Json& row : all["clustered"]) {
    SCOPED_TRACE(row.dump());
    const double power = row["power"];
    const double variance =
        variance_of(row, row["seeds_baseline"].get<std::int64_t>(), row["seeds_variant"].get<std::int64_t>());
    const double n = clustered_problems(variance, row["difference"].get<double>(), power);
    EXPECT_TRUE(near(n, row["n_real"].get<double>()));
    EXPECT_EQ(static_cast<std::int64_t>(std::ceil(n)), row["n"].get<std::int64_t>());
    EXPECT_TRUE(near(minimum_detectable(variance, 198, power), row["minimum_detectable_at_198"].get<double>()));
    EXPECT_TRUE(near(minimum_detectable(variance, 1319, power), row["minimum_detectable_at_1319"].get<double>()));
  }
  for (const Json& row : all["clustered_simulated"]) {
    const auto seeds = row["seeds"].get<std::int64_t>();
    const double n =
        clustered_problems(variance_of(row, seeds, seeds), row["difference"].get<double>(), row["power"].get<double>());
    EXPECT_EQ(static_cast<std::int64_t>(std::ceil(n)), row["n"].get<std::int64_t>()) << row;
  }
}

}  // namespace
}  // namespace qreason
