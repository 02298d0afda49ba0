// Which rows are pairs, and what of them is reckoned; worked by hand.
#include "study/row_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "support/study_run.h"

namespace qreason {
namespace {
using testing::a_run;

SeedGroup group_with(const std::string& grades, const std::string& task = "GSM8K") {
  return group_runs({a_run("m", task, 42, grades).run});
}

TEST(EqualSize, PairsModelsWithinATenthOfTheirSize) {
  const SeedGroup all = group_with("11111111"), none = group_with("00000000"), half = group_with("11110000");
  // Of the large model 8, 4.2 and 2; of the small one 4 and 2.19; another of the large one's size.
  const std::vector<SizedRow> rows = {{"large", 8, 8, &all},  {"large", 4.2, 8, &all},   {"large", 2, 8, &none},
                                      {"small", 4, 4, &half}, {"small", 2.19, 4, &half}, {"other", 4.1, 8, &half}};
  const std::vector<RowPair> pairs = pairs_of_equal_size(rows);
  std::vector<std::array<std::size_t, 2>> got;
  for (const RowPair& pair : pairs) got.push_back({pair.first, pair.second});
  // 2 and 2.19; 4 and 4.1; 4 and 4.2; not 4.1 and 4.2, which are of models of one size.
  EXPECT_THAT(got, ::testing::ElementsAre(std::array<std::size_t, 2>{4, 2}, std::array<std::size_t, 2>{3, 5},
                                          std::array<std::size_t, 2>{3, 1}));
  // The larger model less the smaller one: 0 - 1/2, 1/2 - 1/2, 1 - 1/2. Four of four differences of one sign: 2 / 2^4.
  EXPECT_DOUBLE_EQ(pairs[0].statistics.difference, -0.5);
  EXPECT_DOUBLE_EQ(pairs[1].statistics.difference, 0);
  EXPECT_DOUBLE_EQ(pairs[2].statistics.difference, 0.5);
  EXPECT_DOUBLE_EQ(pairs[0].statistics.p_sign_flip, 0.125);
  EXPECT_DOUBLE_EQ(*pairs[0].p_holm, 0.375);  // three tests
  EXPECT_DOUBLE_EQ(*pairs[1].p_holm, 1);
}

TEST(RowPairs, SayHowManyProblemsWouldFindTheDifference) {
  const SeedGroup base = group_with("11111111"), half = group_with("11110000"), other = group_with("111");
  const std::vector<RowPair> pairs = compare_rows({&base, &half, &base, &other}, {{0, 1}, {0, 2}, {0, 3}});
  ASSERT_EQ(pairs.size(), 2U);  // other problems are no pair
  // Variance of 0 0 0 0 -1 -1 -1 -1, ddof 1: 2 / 7. (1.959964 + 0.841621)^2 * (2 / 7) / 0.25 = 8.97.
  EXPECT_EQ(pairs[0].problems_to_find, 9);
  EXPECT_EQ(pairs[1].problems_to_find, std::nullopt);
}

}  // namespace
}  // namespace qreason
