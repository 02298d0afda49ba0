#include "model/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/random_model.h"

namespace qreason {
namespace {

TEST(RopeTable, AnglesAreFloat32ProductsAsInTransformers) {
  ModelConfig config = testing::small_config(Architecture::kLlama);
  config.head_dim = 4;
  RopeTable table(config);
  table.reserve(9000);
  // Pairs: inverse frequencies 1 and 10000^(-1/2) = 0.01 (as float32: 0.00999999977648258...).
  const float angle = 8191.0f * 0.01f;
  EXPECT_EQ(table.cosine()[8191 * 2], static_cast<float>(std::cos(8191.0)));
  EXPECT_EQ(table.cosine()[8191 * 2 + 1], static_cast<float>(std::cos(static_cast<double>(angle))));
  EXPECT_EQ(table.sine()[8191 * 2 + 1], static_cast<float>(std::sin(static_cast<double>(angle))));
}

TEST(RopeTable, GrowingKeepsWhatIsThere) {
  const RopeTable small(testing::small_config(Architecture::kLlama)),
      large(testing::small_config(Architecture::kLlama));
  small.reserve(3);
  const float* first = small.cosine();
  const std::vector<float> before(first, first + 3 * 6);
  small.reserve(5000);
  large.reserve(5000);
  EXPECT_EQ(before, std::vector<float>(small.cosine(), small.cosine() + 3 * 6));
  EXPECT_EQ(before, std::vector<float>(first, first + 3 * 6));  // still there for a step that began before
  EXPECT_EQ(std::vector<float>(large.sine(), large.sine() + 5000 * 6),
            std::vector<float>(small.sine(), small.sine() + 5000 * 6));
}

}  // namespace
}  // namespace qreason
