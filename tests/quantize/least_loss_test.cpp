// The search that stops adding up what is beaten, against sums of everything.
#include "quantize/least_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"

namespace qreason {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class Table : public SummedLosses {
 public:
  explicit Table(std::vector<std::vector<double>> terms) : terms_(std::move(terms)) {}
  std::int64_t units() const override { return static_cast<std::int64_t>(terms_.front().size()); }
  void begin(std::int64_t candidate) override { candidate_ = candidate; }
  void find_terms(std::span<const std::int64_t> units, std::span<double> terms) override {
    for (const std::int64_t unit : units) {
      terms[unit] = terms_[candidate_][unit];
      ++found;
    }
  }
  std::int64_t found = 0;

 private:
  std::vector<std::vector<double>> terms_;
  std::int64_t candidate_ = -1;
};

// Squares of which a few are large, as tokens are; candidates that differ by `spread`.
std::vector<std::vector<double>> random_terms(std::uint32_t seed, std::int64_t candidates, std::int64_t units,
                                              double spread) {
  MersenneTwister random(seed);
  const auto uniform = [&] { return random.next_u32() * 0x1p-32; };
  std::vector<double> common;
  for (std::int64_t unit = 0; unit < units; ++unit) common.push_back(std::pow(uniform(), 8));
  std::vector<std::vector<double>> terms;
  for (std::int64_t candidate = 0; candidate < candidates; ++candidate) {
    const double factor = 1 + spread * uniform();
    terms.emplace_back();
    for (const double term : common) terms.back().push_back(term * factor * (0.9 + 0.2 * uniform()));
  }
  return terms;
}

TEST(LeastLoss, IsThatOfAllSums) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    const auto terms = random_terms(seed, 20, 1 + seed * 3, seed % 3 == 0 ? 0.001 : 0.5);
    Table table(terms), whole(terms);
    const LeastLoss got = find_least(20, table, Judging::kUntilBeaten);
    const LeastLoss want = find_least(20, whole, Judging::kToTheEnd);
    std::int64_t best = 0;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      const double sum = std::accumulate(terms[i].begin(), terms[i].end(), 0.0);
      EXPECT_EQ(want.sums[i], sum);
      EXPECT_LE(got.sums[i], sum * (1 + 1e-12));
      EXPECT_GE(got.sums[i], got.sums[static_cast<std::size_t>(got.best)]);
      if (sum < want.sums[static_cast<std::size_t>(best)]) best = static_cast<std::int64_t>(i);
    }
    EXPECT_EQ(want.best, best);
    EXPECT_EQ(got.best, best);
    EXPECT_EQ(got.sums[0], want.sums[0]);
    EXPECT_EQ(got.sums[static_cast<std::size_t>(best)], want.sums[static_cast<std::size_t>(best)]);
  }
}

TEST(LeastLoss, LeavesOutMostOfWhatIsBeatenByFar) {
  auto terms = random_terms(1, 20, 1600, 0.01);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    for (double& term : terms[i]) term *= i == 7 ? 1 : 4;
  }
  Table table(terms);
  EXPECT_EQ(find_least(20, table, Judging::kUntilBeaten).best, 7);
  EXPECT_LT(table.found, 1600 * 4);  // two whole ones and the beginnings of the rest
}

TEST(LeastLoss, TakesTheFirstOfEqualSums) {
  for (const Judging judging : {Judging::kUntilBeaten, Judging::kToTheEnd}) {
    Table table({{3, 1, 1}, {1, 2, 1}, {2, 1, 1}, {1, 1, 2}});
    const LeastLoss least = find_least(4, table, judging);
    EXPECT_EQ(least.best, 1);
    EXPECT_EQ(least.failed, 0);
  }
  Table zeros({{0, 0}, {0, 0}});
  EXPECT_EQ(find_least(2, zeros, Judging::kUntilBeaten).best, 0);
}

TEST(LeastLoss, PassesOverSumsThatAreNoNumber) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const Judging judging : {Judging::kUntilBeaten, Judging::kToTheEnd}) {
    Table table({{kNan, 1}, {5, 2}, {1, kNan}, {inf, 1}, {4, 2}});
    const LeastLoss least = find_least(5, table, judging);
    EXPECT_EQ(least.best, 4);
    EXPECT_EQ(least.failed, 3);
    Table none({{kNan, 1}, {1, inf}});
    EXPECT_EQ(find_least(2, none, judging).best, -1);
  }
  Table one(std::vector<std::vector<double>>{{2.0}});
  EXPECT_EQ(find_least(1, one, Judging::kUntilBeaten).best, 0);
}

}  // namespace
}  // namespace qreason
