// Whether intervals hold the truth as often as they say, and tests reject as often as they should: simulated studies
// against the bands of ../shared/oracle/statistics (numpy; exact sums for one run).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "study/proportion_intervals.h"
#include "study/statistics_oracle.h"

namespace qreason {
namespace {
using namespace testing::statistics_oracle;

class Simulation {
 public:
  explicit Simulation(const Json& row) : row_(row), random_(row["random_seed"].get<std::uint64_t>()) {}

  // Share of the studies for which each quantity's interval holds the truth, or its test rejects.
  std::map<std::string, double> shares() {
    const auto studies = row_["studies"].get<int>();
    for (int i = 0; i < studies; ++i) one_study();
    for (auto& [name, share] : counts_) share /= studies;
    return counts_;
  }

 private:
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }

  std::pair<SeedGroup, SeedGroup> draw() {
    const auto n = row_["n"].get<std::size_t>(), seeds = row_["seeds"].get<std::size_t>();
    SeedGroup empty;
    for (std::size_t i = 0; i < n; ++i) empty.ids.push_back(std::to_string(10000 + i));
    for (std::size_t k = 0; k < seeds; ++k) {
      empty.seeds.push_back(k);
      empty.grades.emplace_back(n, 0);
      empty.tokens.emplace_back(n, 1);
      empty.steps.emplace_back(n, 1);
      empty.truncated.emplace_back(n);
      empty.thoughts.emplace_back(n, Thought::kEnded);
      empty.looping.emplace_back();
    }
    std::pair result(empty, empty);
    for (std::size_t i = 0; i < n; ++i) {
      const Json& type = draw_type();
      const double baseline = type["p_baseline"], variant = type["p_variant"];
      for (std::size_t k = 0; k < seeds; ++k) {
        result.first.grades[k][i] = uniform() < baseline ? 1 : 0;
        result.second.grades[k][i] = uniform() < variant ? 1 : 0;
      }
    }
    return result;
  }
  const Json& draw_type() {
    double rest = uniform();
    for (const Json& type : row_["mixture"]) {
      rest -= type["weight"].get<double>();
      if (rest < 0) return type;
    }
    return row_["mixture"].back();
  }

  void count(const std::string& name, bool holds) { counts_[name] += holds ? 1 : 0; }
  void count(const std::string& name, const Interval& interval, double truth) {
    count(name, interval.low <= truth + 1e-12 && interval.high >= truth - 1e-12);
  }

  void one_study() {
    const auto [baseline, variant] = draw();
    const double accuracy = row_["true_baseline_accuracy"], difference = row_["true_difference"];
    const PairStatistics pair = compare(baseline, variant);
    count("clustered_accuracy", *describe(baseline).report_ci95, accuracy);
    count("clustered_difference", *pair.report_ci95, difference);
    const auto right = std::count(baseline.grades[0].begin(), baseline.grades[0].end(), 1);
    const auto n = static_cast<std::int64_t>(baseline.problems());
    count("wilson_one_run", wilson_interval(right, n), accuracy);
    count("jeffreys_one_run", jeffreys_interval(right, n), accuracy);
    count("bootstrap_percentile_difference", pair.bootstrap->percentile, difference);
    count("bootstrap_bca_difference", pair.bootstrap->bca, difference);
    count("reject_sign_flip_0.05", pair.p_sign_flip <= 0.05);
    count("reject_stratified_0.05", pair.p_stratified <= 0.05);
  }

  const Json& row_;
  std::mt19937_64 random_;
  std::map<std::string, double> counts_;
};

TEST(Coverage, LiesInTheBandsOfTheOracle) {
  QREASON_REQUIRE_SHARED(folder, "oracle/statistics");
  for (const Json& row : golden(folder, "coverage.json")) {
    const std::map<std::string, double> shares = Simulation(row).shares();
    ASSERT_EQ(shares.size(), row["accept_band"].size());
    for (const auto& [name, band] : row["accept_band"].items()) {
      EXPECT_GE(shares.at(name), band[0].get<double>()) << row["id"] << " " << name;
      EXPECT_LE(shares.at(name), band[1].get<double>()) << row["id"] << " " << name;
    }
  }
}

}  // namespace
}  // namespace qreason
