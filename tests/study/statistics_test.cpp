// Against numpy, scipy and statsmodels: ../shared/oracle/statistics (its README gives definitions and tolerances).
#include "study/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <tuple>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "study/distributions.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

using Key = std::tuple<std::string, std::string, std::string, std::string>;  // study, model, task, method

// The README's tolerance: relative 1e-9 or absolute 1e-12.
::testing::AssertionResult near(double got, double want, double relative = 1e-9) {
  if (std::abs(got - want) <= std::max(1e-12, relative * std::abs(want))) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << got << ", expected " << want;
}
::testing::AssertionResult near(std::optional<double> got, const Json& want) {
  if (got.has_value() == want.is_null())
    return ::testing::AssertionFailure() << (got ? "a value" : "none") << ", expected " << want;
  return got ? near(*got, want.get<double>()) : ::testing::AssertionSuccess();
}
::testing::AssertionResult near(std::optional<Interval> got, const Json& want) {
  if (got.has_value() == want.is_null())
    return ::testing::AssertionFailure() << (got ? "a value" : "none") << ", expected " << want;
  if (!got) return ::testing::AssertionSuccess();
  const auto low = near(got->low, want[0].get<double>());
  return low ? near(got->high, want[1].get<double>()) : low;
}

Run to_run(const Json& row) {
  Run run{.name = row["model"].get<std::string>() + "/" + row["method"].get<std::string>(),
          .seed = row["seed"].get<std::uint64_t>(),
          .ids = {},
          .grades = {},
          .tokens = {},
          .steps = {},
          .truncated = {}};
  const std::string grades = row["grades"];
  for (const char c : grades) run.grades.push_back(c - '0');
  run.tokens = row["tokens"].get<std::vector<std::int64_t>>();
  for (const char c : row["finish"].get<std::string>()) run.truncated.emplace_back(c == 'l');
  run.steps.assign(grades.size(), 1);
  if (row.contains("ids"))
    run.ids = row["ids"].get<std::vector<std::string>>();
  else
    for (std::size_t i = 0; i < grades.size(); ++i) run.ids.push_back("q" + std::to_string(i));
  return run;
}

Key key_of(const Json& row, const std::string& method) {
  return {row["study"].get<std::string>(), row["model"].get<std::string>(), row["task"].get<std::string>(), method};
}
std::string label(const Json& row) {
  return row["study"].get<std::string>() + " " + row["model"].get<std::string>() + " " +
         row["task"].get<std::string>() + " " + row["method"].get<std::string>();
}

std::map<Key, SeedGroup> all_groups(const fs::path& folder) {
  std::map<Key, std::vector<Run>> runs;
  for (const Json& row : parse_json(read_text_file(folder / "runs.json"), "runs.json"))
    runs[key_of(row, row["method"].get<std::string>())].push_back(to_run(row));
  std::map<Key, SeedGroup> groups;
  for (const auto& [key, list] : runs) groups[key] = group_runs(list);
  return groups;
}

Json golden(const fs::path& folder, const std::string& name) {
  return parse_json(read_text_file(folder / "golden" / name), name);
}

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
  }
}

TEST(Statistics, ComparesWithTheBaselineAsScipy) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  const auto groups = all_groups(folder);
  for (const Json& row : golden(folder, "pairs.json")) {
    SCOPED_TRACE(label(row));
    const PairStatistics got = compare(groups.at(key_of(row, row["baseline"].get<std::string>())),
                                       groups.at(key_of(row, row["method"].get<std::string>())));
    EXPECT_TRUE(near(got.difference, row["difference"].get<double>()));
    EXPECT_TRUE(near(got.clustered_se, row["clustered_se"]));
    EXPECT_TRUE(near(got.clustered_ci95, row["clustered_ci95"]));
    EXPECT_TRUE(near(got.report_ci95, row["report_ci95"]));
    EXPECT_TRUE(near(got.p_t, row["p_t"]));
    const double p = row["p_sign_flip"];
    EXPECT_TRUE(near(got.p_sign_flip, p, p < 1e-12 ? 1e-6 : 1e-9));
    EXPECT_TRUE(near(got.recovery_percent, row["recovery_percent"]));
    EXPECT_TRUE(near(got.token_ratio_of_means, row["token_ratio_of_means"]));
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
