#include "kernels/column_rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "base/isa.h"
#include "support/closeness.h"
#include "support/forced_isa.h"

namespace qreason {
namespace {

constexpr std::int64_t kRows = ColumnRounding::kRows;

struct Buffers {
  std::vector<float> original, current, scales, zeros, feedback, pivots, codes, difference, loss, clipped;
  std::int64_t columns;

  explicit Buffers(std::int64_t count) : columns(count) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    const auto size = static_cast<std::size_t>(columns * kRows);
    for (std::size_t i = 0; i < size; ++i) {
      original.push_back(normal(random));
      scales.push_back(0.1f + std::abs(normal(random)) / 8);
      zeros.push_back(static_cast<float>(i % 8));
    }
    for (std::int64_t i = 0; i < columns * columns; ++i) feedback.push_back(normal(random) / 8);
    for (std::int64_t i = 0; i < columns; ++i) pivots.push_back(1 + std::abs(normal(random)));
    current = original;
    codes.resize(size);
    difference.resize(size);
    loss.resize(kRows);
    clipped.resize(kRows);
  }
  void run() {
    round_columns({.columns = columns,
                   .original = original.data(),
                   .current = current.data(),
                   .scales = scales.data(),
                   .zeros = zeros.data(),
                   .feedback = feedback.data(),
                   .feedback_stride = columns,
                   .pivots = pivots.data(),
                   .lowest = 0,
                   .highest = 7,
                   .codes = codes.data(),
                   .difference = difference.data(),
                   .loss = loss.data(),
                   .clipped = clipped.data()});
  }
};

// Expected: the definition, one row and one column after the other, with the standard library's rounding.
TEST(ColumnRounding, FollowsTheDefinitionOnEveryInstructionSet) {
  for (const Isa isa : supported_isas()) {
    SCOPED_TRACE(std::string(name_of(isa)));
    const testing::ForcedIsa forced(isa);
    Buffers tile(37);
    tile.run();
    Buffers want(37);
    for (std::int64_t r = 0; r < kRows; ++r) {
      float loss = 0, clipped = 0;
      for (std::int64_t j = 0; j < want.columns; ++j) {
        const std::int64_t at = j * kRows + r;
        const float wanted = std::nearbyint(want.current[at] / want.scales[at]) + want.zeros[at];
        const float code = std::fmin(std::fmax(wanted, 0.0f), 7.0f), value = want.scales[at] * (code - want.zeros[at]);
        const float rest = want.current[at] - value;
        loss += rest * rest * want.pivots[j];
        clipped += code == wanted ? 0.0f : 1.0f;
        ASSERT_EQ(tile.codes[at], code) << "row " << r << ", column " << j;
        ASSERT_EQ(tile.difference[at], value - want.original[at]);
        for (std::int64_t behind = j + 1; behind < want.columns; ++behind) {
          want.current[behind * kRows + r] += (want.original[at] - value) * want.feedback[j * want.columns + behind];
        }
      }
      EXPECT_EQ(tile.loss[r], loss);
      EXPECT_EQ(tile.clipped[r], clipped);
    }
    EXPECT_TRUE(testing::bits_equal(tile.current, want.current));
  }
}

}  // namespace
}  // namespace qreason
