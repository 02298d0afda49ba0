// Against numpy, scipy and statsmodels: ../shared/oracle/statistics (its README gives definitions and tolerances).
#include "study/statistics.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "study/composite_statistics.h"
#include "study/distributions.h"
#include "study/multiple_testing.h"
#include "study/proportion_intervals.h"
#include "study/published.h"
#include "study/statistics_oracle.h"

namespace qreason {
namespace {
using namespace testing::statistics_oracle;

TEST(Statistics, DescribesOneMethodOverItsSeedsAsStatsmodels) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  const auto groups = all_groups(folder);
  for (const Json& row : golden(folder, "groups.json")) {
    SCOPED_TRACE(label(row));
    const SeedGroup& group = groups.at(key_of(row, row["method"].get<std::string>()));
    const GroupStatistics got = describe(group);
    EXPECT_EQ(group.problems(), row["n"].get<std::size_t>());
    EXPECT_TRUE(near(got.accuracy.mean, row["mean"].get<double>()));
    EXPECT_TRUE(near(got.accuracy.std, row["std"]));
    EXPECT_TRUE(near(got.clustered_se, row["clustered_se"]));
    EXPECT_TRUE(near(got.clustered_ci95, row["clustered_ci95"]));
    EXPECT_TRUE(near(got.report_ci95, row["report_ci95"]));
    EXPECT_TRUE(near(got.tokens->mean, row["tokens_mean"].get<double>()));
    EXPECT_TRUE(near(got.truncation_rate, row["truncation_rate"]));
    EXPECT_TRUE(near(got.accuracy_of_finished, row["accuracy_of_finished"]));
    EXPECT_TRUE(near(got.within_variance, row["within_variance"]));
  }
}

TEST(Statistics, ComparesWithTheBaselineAsScipy) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  const auto groups = all_groups(folder);
  for (const Json& row : golden(folder, "pairs.json")) {
    SCOPED_TRACE(label(row));
    const SeedGroup& baseline = groups.at(key_of(row, row["baseline"].get<std::string>()));
    const PairStatistics got = compare(baseline, groups.at(key_of(row, row["method"].get<std::string>())));
    EXPECT_TRUE(near(got.difference, row["difference"].get<double>()));
    EXPECT_TRUE(near(got.clustered_se, row["clustered_se"]));
    EXPECT_TRUE(near(got.clustered_ci95, row["clustered_ci95"]));
    EXPECT_TRUE(near(got.report_ci95, row["report_ci95"]));
    EXPECT_TRUE(near(got.p_t, row["p_t"]));
    const double p = row["p_sign_flip"];
    EXPECT_TRUE(near(got.p_sign_flip, p, p < 1e-12 ? 1e-6 : 1e-9));
    EXPECT_TRUE(near(got.recovery_percent, row["recovery_percent"]));
    EXPECT_TRUE(near(got.tokens.of_means, row["token_ratio_of_means"]));
    EXPECT_TRUE(near(got.tokens.of_means_se, row["token_ratio_of_means_se"], 1e-8));
    EXPECT_TRUE(near(got.tokens.mean_of_ratios, row["token_mean_of_ratios"]));
    EXPECT_TRUE(near(got.tokens.of_means_both_right, row["token_ratio_of_means_both_right"]));
    EXPECT_TRUE(near(describe(baseline).seed_disagreement, row["baseline_seed_disagreement"]));
    const double stratified = row["p_stratified"];
    EXPECT_TRUE(near(got.p_stratified, stratified, stratified < 1e-12 ? 1e-6 : 1e-9));
    EXPECT_EQ(name_of(got.verdict_by_points), row["verdict_by_points"].get<std::string>());
    ASSERT_EQ(got.verdict_by_interval.has_value(), !row["verdict_by_interval"].is_null());
    if (got.verdict_by_interval) {
      EXPECT_EQ(name_of(*got.verdict_by_interval), row["verdict_by_interval"].get<std::string>());
    }
    ASSERT_EQ(got.mcnemar.size(), row["mcnemar"].size());
    for (std::size_t k = 0; k < got.mcnemar.size(); ++k) {
      const Json& want = row["mcnemar"][k];
      EXPECT_EQ(got.mcnemar[k].seed, want["seed"].get<std::uint64_t>());
      EXPECT_EQ(got.mcnemar[k].both_right, want["both_right"].get<std::int64_t>());
      EXPECT_EQ(got.mcnemar[k].right_to_wrong, want["right_to_wrong"].get<std::int64_t>());
      EXPECT_EQ(got.mcnemar[k].wrong_to_right, want["wrong_to_right"].get<std::int64_t>());
      EXPECT_TRUE(near(got.mcnemar[k].p_exact, want["p_exact"].get<double>()));
      EXPECT_TRUE(near(got.mcnemar[k].p_mid, want["p_mid"].get<double>()));
    }
    ASSERT_EQ(got.flips.has_value(), !row["flips"].is_null());
    if (got.flips) {
      EXPECT_EQ(got.flips->right_to_wrong, row["flips"]["right_to_wrong"].get<std::int64_t>());
      EXPECT_EQ(got.flips->wrong_to_right, row["flips"]["wrong_to_right"].get<std::int64_t>());
      EXPECT_EQ(got.flips->pairs, row["flips"]["pairs"].get<std::int64_t>());
    }
  }
}

TEST(Statistics, ComposesTasksPerSeed) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  const auto groups = all_groups(folder);
  for (const Json& row : golden(folder, "composites.json")) {
    SCOPED_TRACE(label(row));
    std::vector<CompositePart> parts;
    for (const auto& [task, weight] : row["weights"].items()) {
      const Key key{row["study"].get<std::string>(), row["model"].get<std::string>(), task,
                    row["method"].get<std::string>()};
      const auto found = groups.find(key);
      if (found != groups.end()) parts.push_back({weight.get<double>(), &found->second});
    }
    if (parts.size() != row["weights"].size()) continue;  // Avg names AIME-120, itself a composite
    const auto got = compose(parts);
    ASSERT_TRUE(got);
    EXPECT_TRUE(near(got->accuracy.mean, row["mean"].get<double>()));
    EXPECT_TRUE(near(got->accuracy.std, row["std"]));
    EXPECT_TRUE(near(got->clustered_se, row["clustered_se"]));
  }
}

// The differences of composites, whose p has no golden value; bounds of it do: with a lattice it is exact.
TEST(Statistics, ComparesComposites) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  const auto groups = all_groups(folder);
  int compared = 0;
  for (const Json& row : golden(folder, "composites.json")) {
    if (!row.contains("difference") || row["difference"].is_null()) continue;
    SCOPED_TRACE(label(row));
    std::vector<PairStatistics> pairs;
    std::vector<double> weights;
    for (const auto& [task, weight] : row["weights"].items()) {
      const Key key{row["study"].get<std::string>(), row["model"].get<std::string>(), task,
                    row["method"].get<std::string>()};
      Key base = key;
      std::get<3>(base) = "bf16";
      pairs.push_back(compare(groups.at(base), groups.at(key)));
      weights.push_back(weight.get<double>());
    }
    std::vector<ComparedPart> parts;
    for (std::size_t i = 0; i < pairs.size(); ++i) parts.push_back({weights[i], &pairs[i]});
    const CompositeDifference got = compose_differences(parts);
    EXPECT_TRUE(near(got.difference, row["difference"].get<double>()));
    EXPECT_TRUE(near(got.clustered_se, row["difference_se"]));
    EXPECT_TRUE(near(got.ci95, row["difference_ci95_normal"]));
    EXPECT_EQ(got.sign_flip.exact, row["task"] == "AIME-120");
    ++compared;
  }
  EXPECT_GT(compared, 10);
}

TEST(Statistics, FlipsSignsOfWeightedTasksTogether) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  for (const Json& row : golden(folder, "stratified.json")) {
    std::vector<WeightedDifferences> tasks;
    for (const Json& task : row["tasks"])
      tasks.push_back({task["weight"].get<double>(), task["seeds"].get<std::int64_t>(),
                       task["seed_sums_of_difference"].get<std::vector<std::int64_t>>()});
    const WeightedTest got = weighted_sign_flip(tasks);
    EXPECT_TRUE(near(got.statistic, row["statistic"].get<double>()));
    EXPECT_TRUE(near(got.p, row["p_sign_flip"].get<double>()));
    EXPECT_TRUE(got.exact);
  }
}

// Weights on no lattice: an upper bound of the p that enumerating all signs gives, and a close one.
TEST(Statistics, BoundsTheTestOfWeightsWithoutALattice) {
  std::vector<WeightedDifferences> tasks = {{.weight = std::sqrt(0.2), .scale = 3, .differences = {1, -2, -3, -1, 2}},
                                            {.weight = 0.7, .scale = 1, .differences = {-1, -1, 1, -1, -1, 1, -1}}};
  double observed = 0;
  std::vector<double> terms;
  for (const auto& task : tasks)
    for (const std::int64_t d : task.differences) {
      terms.push_back(task.weight * static_cast<double>(d) /
                      static_cast<double>(task.scale * static_cast<std::int64_t>(task.differences.size())));
      observed += terms.back();
    }
  double p = 0;
  const std::size_t all = std::size_t{1} << terms.size();
  for (std::size_t signs = 0; signs < all; ++signs) {
    double sum = 0;
    for (std::size_t i = 0; i < terms.size(); ++i) sum += (signs >> i) % 2 == 1 ? terms[i] : -terms[i];
    p += std::abs(sum) >= std::abs(observed) - 1e-12 ? 1 : 0;
  }
  p /= static_cast<double>(all);
  const WeightedTest got = weighted_sign_flip(tasks);
  EXPECT_FALSE(got.exact);
  EXPECT_GE(got.p, p - 1e-12);
  EXPECT_LE(got.p, p + 0.002);
}

// 300 problems each that all turned wrong: 2^-600 is the least chance there is, and 0 none of its upper bounds.
TEST(Statistics, BoundsTheLeastChancesFromAbove) {
  const std::vector<std::int64_t> wrong(300, -1);
  const WeightedTest got = weighted_sign_flip({{.weight = 0.31, .scale = 1, .differences = wrong},
                                               {.weight = 0.69, .scale = 3, .differences = wrong},
                                               {.weight = 0.2345678, .scale = 7, .differences = wrong}});
  EXPECT_FALSE(got.exact);
  EXPECT_GT(got.p, 0);
  EXPECT_LT(got.p, 1e-18);
}

TEST(Statistics, TestsDiscordantPairsExactly) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  for (const Json& row : golden(folder, "mcnemar.json")) {
    const McNemar got =
        mcnemar_test(row["right_to_wrong"].get<std::int64_t>(), row["wrong_to_right"].get<std::int64_t>());
    const double p = row["p_exact"];
    EXPECT_TRUE(near(got.p_exact, p, p < 1e-12 ? 1e-6 : 1e-9)) << row;
    EXPECT_TRUE(near(got.p_mid, row["p_mid"].get<double>(), p < 1e-12 ? 1e-6 : 1e-9)) << row;
  }
}

TEST(Statistics, RefusesRunsThatDoNotFitTogether) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  int count = 0;
  for (const Json& reject : parse_json(read_text_file(folder / "rejects.json"), "rejects.json")) {
    const auto attempt = [&] {
      std::map<std::string, std::vector<qreason::Run>> methods;
      for (const Json& row : reject["runs"]) methods[row["method"].get<std::string>()].push_back(to_run(row));
      std::vector<SeedGroup> groups;
      for (const auto& [method, runs] : methods) groups.push_back(group_runs(runs));
      if (groups.size() == 2) compare(groups[0], groups[1]);
    };
    EXPECT_THROW(attempt(), Error) << reject["id"] << ": " << reject["reason"];
    ++count;
  }
  EXPECT_GT(count, 4);
}

TEST(ProportionIntervals, AreStatsmodels) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  const auto check = [](const Json& row) {
    const auto k = row["correct"].get<std::int64_t>(), n = row["n"].get<std::int64_t>();
    EXPECT_TRUE(near(wilson_interval(k, n), row["wilson"])) << k << " of " << n;
    EXPECT_TRUE(near(jeffreys_equal_tailed(k, n), row["jeffreys_equal_tailed"])) << k << " of " << n;
    EXPECT_TRUE(near(jeffreys_interval(k, n), row["jeffreys"])) << k << " of " << n;
    EXPECT_TRUE(near(clopper_pearson_interval(k, n), row["clopper_pearson"])) << k << " of " << n;
  };
  for (const Json& row : golden(folder, "intervals.json")) check(row);
  for (const Json& row : golden(folder, "runs.json")) {
    check(row);
    EXPECT_TRUE(near(wilson_interval(row["truncated"].get<std::int64_t>(), row["n"].get<std::int64_t>()),
                     row["truncation_wilson"]));
  }
}

TEST(MultipleTesting, AdjustsAsStatsmodels) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  const auto values = [](const Json& list) {
    PValues p;
    for (const Json& one : list) p.push_back(one.is_null() ? std::nullopt : std::optional(one.get<double>()));
    return p;
  };
  for (const Json& row : golden(folder, "families.json")) {
    SCOPED_TRACE(row["id"].get<std::string>());
    const PValues p = values(row["p"]), by_holm = holm(p), by_bh = benjamini_hochberg(p);
    for (std::size_t i = 0; i < p.size(); ++i) {
      EXPECT_TRUE(near(by_holm[i], row["holm"][i], p[i].value_or(1) < 1e-12 ? 1e-6 : 1e-9));
      EXPECT_TRUE(near(by_bh[i], row["benjamini_hochberg"][i], p[i].value_or(1) < 1e-12 ? 1e-6 : 1e-9));
    }
  }
}

TEST(Published, DiffersByStandardErrorsOverSeeds) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  const auto optional = [](const Json& value) {
    return value.is_null() ? std::nullopt : std::optional(value.get<double>());
  };
  for (const Json& row : golden(folder, "published.json")) {
    SCOPED_TRACE(row["id"].get<std::string>());
    const PublishedDifference got = compare_published(
        {row["ours_mean"].get<double>(), optional(row["ours_std"]), row["ours_seeds"].get<std::int64_t>()},
        {row["published_mean"].get<double>(), optional(row["published_std"]),
         row["published_seeds"].get<std::int64_t>()});
    EXPECT_TRUE(near(got.difference, row["difference"].get<double>()));
    EXPECT_TRUE(near(got.standard_errors, row["standard_errors"]));
    EXPECT_TRUE(near(got.degrees, row["welch_df"]));
    EXPECT_TRUE(near(got.p_welch, row["p_welch"]));
  }
}

// scipy.stats 1.17: t.ppf(0.975, df), norm.ppf(0.975), betainc(2.5, 0.5, 0.3).
TEST(Distributions, MeetScipy) {
  EXPECT_TRUE(near(student_t_quantile(0.975, 1), 12.706204736432095));
  EXPECT_TRUE(near(student_t_quantile(0.975, 29), 2.045229642132703));
  EXPECT_TRUE(near(student_t_quantile(0.025, 1318), -student_t_quantile(0.975, 1318)));
  EXPECT_TRUE(near(normal_quantile(0.975), 1.959963984540054));
  EXPECT_TRUE(near(student_t_two_sided(0, 5), 1.0));
  EXPECT_TRUE(near(fair_binomial_cdf(1, 3), 0.5));  // (1 + 3) / 8
}

}  // namespace
}  // namespace qreason
