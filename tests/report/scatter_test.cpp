// Frontiers and rank correlations, worked by hand and by scipy.
#include "report/scatter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qreason {
namespace {
using ::testing::ElementsAre;

ScatterPoint at(double x, double y) {
  return {.x = x, .y = y, .label = {}, .tip = {}, .classes = {}, .colour = {}};
}

TEST(Frontier, HoldsWhatNothingCheaperBeats) {
  EXPECT_THAT(frontier({at(4, 70), at(1, 20), at(2, 60), at(3, 50), at(8, 70), at(2, 40)}), ElementsAre(1, 2, 0));
  EXPECT_THAT(frontier({at(1, 5)}), ElementsAre(0));
}

// scipy.stats.spearmanr
TEST(RankCorrelation, AgreesWithScipy) {
  EXPECT_DOUBLE_EQ(*rank_correlation({1, 2, 3, 4}, {10, 20, 30, 4000}), 1);
  EXPECT_DOUBLE_EQ(*rank_correlation({1, 2, 3, 4}, {4, 3, 2, 1}), -1);
  EXPECT_NEAR(*rank_correlation({0.1, 0.5, 0.5, 2.0, 9.0}, {3, 1, 4, 4, 5}), 0.7631578947368419, 1e-15);
  EXPECT_EQ(rank_correlation({1, 2}, {1, 2}), std::nullopt);
  EXPECT_EQ(rank_correlation({1, 1, 1}, {1, 2, 3}), std::nullopt);
}

TEST(Scatter, DrawsEveryPointOnceAndLabelsOnlyWhereThereIsRoom) {
  std::vector<ScatterPoint> points;
  for (int i = 0; i < 40; ++i) {
    points.push_back(at(1 + 0.001 * i, 50));
    points.back().label = "a rather long label";
    points.back().tip = "tip";
  }
  const std::string svg =
      draw_scatter(points, {.x = "x (MiB)", .y = "accuracy (%)", .x_kind = ScaleKind::kLog}, kWide, "t");
  const auto count = [&](const std::string& text) {
    std::size_t found = 0;
    for (std::size_t at = svg.find(text); at != std::string::npos; at = svg.find(text, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("<title>tip</title>"), 40U);
  EXPECT_LT(count("a rather long label"), 8U);
  EXPECT_EQ(count(">x (MiB)<"), 1U);
}

}  // namespace
}  // namespace qreason
