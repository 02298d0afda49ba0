#include "quantize/bit_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

#include "base/error.h"
#include "quantize/recipe_support.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

BitChoice sum_of(const std::vector<BitPart>& parts, const std::vector<std::size_t>& choices) {
  BitChoice sum;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    sum.size += parts[i].at(choices.at(i)).size;
    sum.loss += parts[i].at(choices.at(i)).loss;
  }
  return sum;
}

// The least loss, and the smallest size with it, among all combinations; nullopt where none fits.
std::optional<BitChoice> by_trying_all(const std::vector<BitPart>& parts, std::int64_t budget) {
  std::optional<BitChoice> best;
  std::vector<std::size_t> choices(parts.size());
  for (;;) {
    const BitChoice sum = sum_of(parts, choices);
    const bool better = !best || sum.loss < best->loss || (sum.loss == best->loss && sum.size < best->size);
    if (sum.size <= budget && better) best = sum;
    std::size_t at = 0;
    while (at < parts.size() && ++choices[at] == parts[at].size()) choices[at++] = 0;
    if (at == parts.size()) return best;
  }
}

// By a table over all sizes, part after part.
double by_table(const std::vector<BitPart>& parts, std::int64_t budget) {
  std::map<std::int64_t, double> least{{0, 0.0}};
  for (const BitPart& part : parts) {
    std::map<std::int64_t, double> next;
    for (const auto& [size, loss] : least) {
      for (const BitChoice& choice : part) {
        if (size + choice.size > budget) continue;
        const auto [place, added] = next.emplace(size + choice.size, loss + choice.loss);
        if (!added) place->second = std::min(place->second, loss + choice.loss);
      }
    }
    least = std::move(next);
  }
  double best = least.begin()->second;
  for (const auto& [size, loss] : least) best = std::min(best, loss);
  return best;
}

TEST(BitBudget, IsSpentAsByHand) {
  // Three bytes more in the first save 5, in the second 2, in the third 4: with six to spend the first and the third.
  const std::vector<BitPart> parts{{{2, 9}, {5, 4}}, {{2, 9}, {5, 7}}, {{2, 9}, {5, 5}}};
  EXPECT_THAT(spend_bits(parts, 12), ElementsAre(1, 0, 1));
  EXPECT_THAT(spend_bits(parts, 11), ElementsAre(1, 0, 0));
  EXPECT_THAT(spend_bits(parts, 15), ElementsAre(1, 1, 1));
  EXPECT_THAT(spend_bits(parts, 6), ElementsAre(0, 0, 0));
  // What is larger and worse is never taken.
  EXPECT_THAT(spend_bits(std::vector<BitPart>{{{3, 1}, {4, 2}, {5, 1}}}, 9), ElementsAre(0));
  EXPECT_TRUE(spend_bits({}, 0).empty());
}

// The greedy choice by loss a byte is not the best one: the exact search finds that.
TEST(BitBudget, IsNotSpentGreedily) {
  const std::vector<BitPart> parts{{{0, 10}, {6, 3}}, {{0, 10}, {5, 5}}, {{0, 10}, {5, 5}}};
  EXPECT_THAT(spend_bits(parts, 10), ElementsAre(0, 1, 1));
}

// Whole numbers as losses, so that sums are exact and ties are common.
TEST(BitBudget, IsSpentAsWellAsByTryingAll) {
  std::mt19937 random(11);
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution<>(low, high)(random); };
  int fits = 0;
  for (int run = 0; run < 3000; ++run) {
    std::vector<BitPart> parts(static_cast<std::size_t>(draw(1, 6)));
    for (BitPart& part : parts) {
      part.resize(static_cast<std::size_t>(draw(1, 4)));
      for (BitChoice& choice : part) choice = {draw(0, 12), static_cast<double>(draw(-3, 12))};
    }
    const std::int64_t budget = draw(0, 50);
    const auto best = by_trying_all(parts, budget);
    SCOPED_TRACE(run);
    if (!best) {
      EXPECT_THROW(spend_bits(parts, budget), Error);
      continue;
    }
    ++fits;
    const BitChoice found = sum_of(parts, spend_bits(parts, budget));
    EXPECT_EQ(found.loss, best->loss);
    EXPECT_EQ(found.size, best->size);
    EXPECT_EQ(spend_bits(parts, budget), spend_bits(parts, budget));
  }
  EXPECT_GT(fits, 1000);
}

// As many parts as a model of 30 blocks has, alike as those are, with losses that fall as the square of the step.
TEST(BitBudget, IsSpentAsWellAsByATable) {
  std::mt19937 random(5);
  std::lognormal_distribution<> sensitivity(0, 1.5);
  std::vector<BitPart> parts;
  for (int i = 0; i < 210; ++i) {
    const std::int64_t weights = std::vector<std::int64_t>{3, 1, 1, 3, 8, 8, 8}[static_cast<std::size_t>(i % 7)];
    const double loss = sensitivity(random);
    BitPart part;
    for (const int bits : {2, 3, 4, 5}) part.push_back({weights * (8 * bits + 5), loss * std::pow(0.25, bits)});
    parts.push_back(part);
  }
  for (const double bits : {2.7, 3.1, 3.625, 4.4}) {
    const auto budget = static_cast<std::int64_t>(bits * 8 * 32 * 30);
    const BitChoice found = sum_of(parts, spend_bits(parts, budget));
    EXPECT_LE(found.size, budget);
    const double best = by_table(parts, budget);
    EXPECT_NEAR(found.loss, best, 1e-12 * best) << bits;
  }
}

TEST(BitBudget, RefusesWhatMakesNoSense) {
  const auto refuse = [](const std::vector<BitPart>& parts, std::int64_t budget) {
    return message_of([&] { spend_bits(parts, budget); });
  };
  EXPECT_THAT(refuse({{{2, 1}}, {{3, 1}, {4, 0}}}, 4), HasSubstr("4 bytes, expected 5 or more"));
  EXPECT_THAT(refuse({{{2, 1}}, {}}, 4), HasSubstr("part 1"));
  EXPECT_THAT(refuse({{{-2, 1}}}, 4), HasSubstr("a size of -2"));
  EXPECT_THAT(refuse({{{2, std::numeric_limits<double>::quiet_NaN()}}}, 4), HasSubstr("a loss of nan"));
}

}  // namespace
}  // namespace qreason
