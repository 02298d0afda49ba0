// t-SNE against scikit-learn's exact one (tests/data/make_figure_goldens.py).
#include "analysis/tsne.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "support/golden_json.h"

namespace qreason {
namespace {

struct Golden {
  nlohmann::json json = testing::golden_json("analysis/tsne.json");
  std::vector<float> points;
  std::size_t n = json["points"].size();
  Golden() {
    for (const auto& row : json["points"])
      for (const auto& value : row) points.push_back(value.get<float>());
  }
  std::vector<double> flat(const char* name) const {
    std::vector<double> values;
    for (const auto& row : json[name])
      for (const auto& value : row) values.push_back(value.get<double>());
    return values;
  }
  std::vector<double> distances() const { return squared_distances(points, 4); }
};

TEST(Tsne, JointProbabilitiesAreScikitLearns) {
  const Golden golden;
  const std::vector<double> got = joint_probabilities(golden.distances(), golden.json["perplexity"]);
  const std::vector<double> wanted = golden.flat("joint");
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-6);
  EXPECT_NEAR(std::accumulate(got.begin(), got.end(), 0.0), 1, 1e-12);
}

TEST(Tsne, StartsAtThePrincipalComponents) {
  const Golden golden;
  const std::vector<double> got = principal_start(golden.distances()), wanted = golden.flat("start");
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const double sign = got[axis] * wanted[axis] < 0 ? -1 : 1;  // a component has no sign of its own
    for (std::size_t i = 0; i < golden.n; ++i) EXPECT_NEAR(got[2 * i + axis], sign * wanted[2 * i + axis], 1e-9);
    std::size_t largest = 0;
    for (std::size_t i = 0; i < golden.n; ++i)
      if (std::abs(got[2 * i + axis]) > std::abs(got[2 * largest + axis])) largest = i;
    EXPECT_GT(got[2 * largest + axis], 0);
  }
}

TEST(Tsne, TakesScikitLearnsSteps) {
  const Golden golden;
  const TsneResult result = tsne(
      golden.flat("joint"), golden.flat("start"),
      {.exaggerated = golden.json["early"].get<std::int64_t>(), .iterations = golden.json["late"].get<std::int64_t>()});
  const std::vector<double> wanted = golden.flat("places");
  ASSERT_EQ(result.positions.size(), wanted.size());
  double largest = 0;
  for (const double value : wanted) largest = std::max(largest, std::abs(value));
  EXPECT_GT(largest, 1);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(result.positions[i], wanted[i], 1e-6 * largest);
}

// Where the descent ends depends on the last bits of where it started, scikit-learn's too.
TEST(Tsne, DescendsAsFarAsScikitLearn) {
  const Golden golden;
  const auto probabilities = joint_probabilities(golden.distances(), golden.json["perplexity"]);
  const std::vector<double> ends = golden.json["divergences"];
  const auto [least, most] = std::minmax_element(ends.begin(), ends.end());
  const TsneResult result = tsne(probabilities, golden.flat("start"));
  EXPECT_GT(result.divergence, *least - 1e-3);
  EXPECT_LT(result.divergence, *most + 1e-3);
  EXPECT_EQ(tsne(probabilities, golden.flat("start")).positions, result.positions);
}

TEST(Tsne, DivergenceIsTheDefinition) {
  const Golden golden;
  const auto p = joint_probabilities(golden.distances(), golden.json["perplexity"]);
  const std::vector<double> start = golden.flat("start");
  const TsneResult result = tsne(p, start, {.iterations = 0});
  EXPECT_EQ(result.positions, start);
  double sum = 0, total = 0;
  const auto near = [&](std::size_t i, std::size_t j) {
    return 1 / (1 + std::pow(start[2 * i] - start[2 * j], 2) + std::pow(start[2 * i + 1] - start[2 * j + 1], 2));
  };
  for (std::size_t i = 0; i < golden.n; ++i)
    for (std::size_t j = 0; j < golden.n; ++j) sum += i == j ? 0 : near(i, j);
  for (std::size_t i = 0; i < golden.n; ++i)
    for (std::size_t j = 0; j < golden.n; ++j)
      if (i != j) total += p[i * golden.n + j] * std::log(p[i * golden.n + j] / (near(i, j) / sum));
  EXPECT_NEAR(result.divergence, total, 1e-12);
}

TEST(Tsne, SamePointsAreNoTrouble) {
  const std::vector<float> points(12 * 3, 1.5f);
  const std::vector<double> distances = squared_distances(points, 3);
  const TsneResult result = tsne(joint_probabilities(distances, 3), principal_start(distances), {.iterations = 5});
  for (const double value : result.positions) EXPECT_TRUE(std::isfinite(value));
}

TEST(Tsne, RefusesWhatIsNoSetOfPoints) {
  EXPECT_THROW(joint_probabilities(std::vector<double>(9, 1.0), 1.5), Error);   // three points
  EXPECT_THROW(joint_probabilities(std::vector<double>(20, 1.0), 1.5), Error);  // no square
  EXPECT_THROW(joint_probabilities(std::vector<double>(25, 1.0), 4), Error);
  EXPECT_THROW(joint_probabilities(std::vector<double>(25, 1.0), 1), Error);
  EXPECT_THROW(tsne(std::vector<double>(25, 0.04), std::vector<double>(8, 0.0)), Error);
}

}  // namespace
}  // namespace qreason
