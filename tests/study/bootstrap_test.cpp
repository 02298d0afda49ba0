// Against scipy.stats.bootstrap and the exact distribution of the resampled mean: ../shared/oracle/statistics.
#include "study/bootstrap.h"

#include <gtest/gtest.h>

#include "study/statistics_oracle.h"

namespace qreason {
namespace {
using namespace testing::statistics_oracle;

::testing::AssertionResult inside(double value, const Json& range) {
  // The ranges are sums of fractions, rounded.
  if (value >= range[0].get<double>() - 1e-12 && value <= range[1].get<double>() + 1e-12)
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << value << " not in " << range;
}

// Every pair with a bootstrap in the golden file: its row, the baseline, the variant.
template <class Check>
void for_each_pair(const std::filesystem::path& folder, const Check& check) {
  const auto groups = all_groups(folder);
  for (const Json& row : golden(folder, "pairs.json")) {
    SCOPED_TRACE(label(row));
    check(row, groups.at(key_of(row, row["baseline"].get<std::string>())),
          groups.at(key_of(row, row["method"].get<std::string>())));
  }
}

TEST(Bootstrap, WithoutResamplingIsTheIdealOne) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  for_each_pair(folder, [](const Json& row, const SeedGroup& baseline, const SeedGroup& variant) {
    const auto got = compare(baseline, variant).bootstrap;
    const Json& want = row["bootstrap_ideal"];
    ASSERT_EQ(got.has_value(), !want.is_null());
    if (!got) return;
    EXPECT_TRUE(near(got->estimate, want["estimate"].get<double>()));
    EXPECT_TRUE(near(got->percentile, want["percentile"]));
    EXPECT_TRUE(near(got->bca, want["bca"]));
    EXPECT_TRUE(near(got->z0, want["z0"]));
    EXPECT_TRUE(near(got->acceleration, want["acceleration"]));
    if (want["degenerate"].get<bool>()) return;
    EXPECT_TRUE(near(got->p_below, want["p_below"]));
    EXPECT_TRUE(near(got->bca_levels, want["bca_levels"]));
  });
}

TEST(BootstrapResampling, LiesWhereTheExactDistributionLetsIt) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  for_each_pair(folder, [](const Json& row, const SeedGroup& baseline, const SeedGroup& variant) {
    const PairStatistics pair = compare(baseline, variant);
    const std::vector<std::int64_t> ones(pair.differences.size(), pair.scale);
    const auto got = resampled_bootstrap(pair.differences, ones);
    const Json& want = row["bootstrap_ideal"];
    ASSERT_EQ(got.has_value(), !want.is_null());
    if (!got || want["degenerate"].get<bool>()) return;
    EXPECT_TRUE(inside(got->percentile.low, want["percentile_accept"][0]));
    EXPECT_TRUE(inside(got->percentile.high, want["percentile_accept"][1]));
    EXPECT_TRUE(inside(got->bca.low, want["bca_accept"][0]));
    EXPECT_TRUE(inside(got->bca.high, want["bca_accept"][1]));
    EXPECT_TRUE(near(got->acceleration, want["acceleration"]));
  });
}

TEST(Bootstrap, OfTheRatioOfTokensAgreesWithScipy) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  int compared = 0;
  for_each_pair(folder, [&](const Json& row, const SeedGroup& baseline, const SeedGroup& variant) {
    if (!row.contains("token_ratio_bootstrap_scipy") || row["token_ratio_bootstrap_scipy"].is_null()) return;
    const Json& want = row["token_ratio_bootstrap_scipy"];
    ASSERT_EQ(baseline.seeds.size(), variant.seeds.size());
    const auto got = resampled_bootstrap(tokens_per_problem(variant, 1), tokens_per_problem(baseline, 1));
    ASSERT_TRUE(got);
    const auto close = [](double value, const Json& mean, const Json& deviation) {
      return ::testing::AssertionResult(std::abs(value - mean.get<double>()) <= 6 * deviation.get<double>())
             << value << ", expected " << mean << " +- " << deviation;
    };
    for (const auto& [kind, interval] : {std::pair("percentile", got->percentile), std::pair("bca", got->bca)}) {
      EXPECT_TRUE(close(interval.low, want[kind]["mean"][0], want[kind]["sd_of_one"][0])) << kind;
      EXPECT_TRUE(close(interval.high, want[kind]["mean"][1], want[kind]["sd_of_one"][1])) << kind;
    }
    EXPECT_TRUE(near(got->acceleration, want["acceleration"]));
    ++compared;
  });
  EXPECT_GT(compared, 2);
}

TEST(Bootstrap, IsTheSameForTheSameSeed) {
  const std::vector<std::int64_t> long_ones = {900, 400, 1200, 77, 310, 555},
                                  short_ones = {800, 500, 900, 70, 300, 500};
  const auto once = resampled_bootstrap(long_ones, short_ones), again = resampled_bootstrap(long_ones, short_ones);
  EXPECT_EQ(once->bca.low, again->bca.low);
  EXPECT_EQ(once->bca.high, again->bca.high);
  const auto other = resampled_bootstrap(long_ones, short_ones, {.seed = 2});
  EXPECT_NE(once->p_below, other->p_below);
}

TEST(Bootstrap, OfOneProblemOrOfNoTokensIsNone) {
  EXPECT_FALSE(exact_bootstrap({1}, 1));
  EXPECT_FALSE(resampled_bootstrap({1}, {1}));
  EXPECT_FALSE(resampled_bootstrap({1, 2}, {0, 0}));
}

}  // namespace
}  // namespace qreason
