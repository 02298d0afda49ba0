#include "base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "base/error.h"
#include "support/golden_json.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;

const nlohmann::json& golden() {
  static const nlohmann::json file = testing::golden_json("base/random.json");
  return file;
}

std::uint64_t seed_of(const nlohmann::json& golden_case) {
  return golden_case.at("seed").get<std::uint64_t>();
}

// CPython's own outputs: tests/data/make_random.py.
TEST(PythonRandom, RepeatsCpython) {
  for (const auto& want : golden().at("python")) {
    PythonRandom random(seed_of(want));
    for (const auto& value : want.at("random")) EXPECT_EQ(random.random(), value.get<double>()) << want.at("seed");
    for (const auto& pair : want.at("getrandbits")) {
      EXPECT_EQ(std::to_string(random.getrandbits(pair.at(0))), pair.at(1).get<std::string>()) << want.at("seed");
    }
    for (const auto& bounds : want.at("randint")) {
      EXPECT_EQ(random.randint(bounds.at(0), bounds.at(1)), bounds.at(2).get<std::int64_t>()) << bounds;
    }
    std::vector<int> items(50);
    for (int i = 0; i < 50; ++i) items[static_cast<std::size_t>(i)] = i;
    random.shuffle(items);
    EXPECT_EQ(items, want.at("shuffle").get<std::vector<int>>());
    for (int i = 0; i < 2000; ++i) random.next_u32();
    EXPECT_EQ(random.next_u32(), want.at("after_2000").get<std::uint32_t>());
  }
}

TEST(PythonRandom, RefusesEmptyRanges) {
  PythonRandom random(1);
  EXPECT_THROW(random.randint(1, 0), Error);
  EXPECT_THROW(random.randint(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()),
               Error);
  EXPECT_THROW(random.getrandbits(0), Error);
  EXPECT_THROW(random.getrandbits(65), Error);
  std::vector<int> none, one{7};
  random.shuffle(none);
  random.shuffle(one);
  EXPECT_THAT(one, ElementsAre(7));
}

// numpy.random.RandomState(0).randn(6).
TEST(NumpyLegacyRandom, RepeatsNumpysNormalNumbers) {
  NumpyLegacyRandom random(0);
  for (const double want : {1.764052345967664, 0.4001572083672233, 0.9787379841057392, 2.240893199201458,
                            1.8675579901499675, -0.977277879876411}) {
    EXPECT_DOUBLE_EQ(random.normal(), want);
  }
}

TEST(MersenneTwister, RepeatsNumpysRandomState) {
  for (const auto& want : golden().at("twister")) {
    MersenneTwister twister(static_cast<std::uint32_t>(seed_of(want)));
    std::vector<std::uint32_t> outputs(700);
    for (auto& output : outputs) output = twister.next_u32();
    EXPECT_EQ(outputs[0], want.at("first").get<std::uint32_t>());
    EXPECT_EQ(std::vector<std::uint32_t>(outputs.end() - 5, outputs.end()),
              want.at("u32").get<std::vector<std::uint32_t>>());
  }
  // The ten-thousandth number of the default seed, as the C++ standard gives it for mt19937 ([rand.predef]).
  MersenneTwister twister(5489);
  for (int i = 1; i < 10000; ++i) twister.next_u32();
  EXPECT_EQ(twister.next_u32(), 4123659995u);
}

TEST(NumpyGenerator, RepeatsNumpysDefaultRng) {
  for (const auto& want : golden().at("numpy")) {
    NumpyGenerator generator(seed_of(want));
    for (const auto& value : want.at("random")) EXPECT_EQ(generator.random(), value.get<double>()) << want.at("seed");
    for (const auto& value : want.at("u64")) EXPECT_EQ(std::to_string(generator.next_u64()), value.get<std::string>());
    for (const auto& bounds : want.at("integers")) {
      EXPECT_EQ(generator.integers(bounds.at(0), bounds.at(1)), bounds.at(2).get<std::int64_t>()) << bounds;
    }
    EXPECT_EQ(generator.permutation(60), want.at("permutation").get<std::vector<std::int64_t>>());
    auto large = generator.permutation(100000);
    large.resize(10);
    EXPECT_EQ(large, want.at("permutation_large_head").get<std::vector<std::int64_t>>());
  }
}

TEST(NumpyGenerator, RefusesEmptyRanges) {
  NumpyGenerator generator(1);
  EXPECT_THROW(generator.integers(3, 3), Error);
  EXPECT_THROW(generator.permutation(-1), Error);
  EXPECT_TRUE(generator.permutation(0).empty());
}

// The known answers published with Random123 (Salmon et al.), kat_vectors, philox4x32 with 10 rounds.
TEST(Philox, GivesThePublishedKnownAnswers) {
  EXPECT_THAT(philox4x32({0, 0, 0, 0}, {}), ElementsAre(0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u));
  EXPECT_THAT(philox4x32({~0u, ~0u, ~0u, ~0u}, {.a = ~0u, .b = ~0u}),
              ElementsAre(0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu));
  EXPECT_THAT(philox4x32({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {.a = 0xa4093822u, .b = 0x299f31d0u}),
              ElementsAre(0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u));
}

TEST(CounterUniform, DependsOnEveryWordAndCoversTheUnitInterval) {
  std::set<double> values;
  double sum = 0, squares = 0;
  const int count = 100000;
  for (int i = 0; i < count; ++i) {
    const double value = counter_uniform(7, 8, 9, static_cast<std::uint64_t>(i));
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    values.insert(value);
    sum += value;
    squares += value * value;
  }
  EXPECT_EQ(values.size(), static_cast<std::size_t>(count));
  // Four standard errors of the mean (1/12 variance) and of the second moment (4/45).
  EXPECT_NEAR(sum / count, 0.5, 4 * 0.289 / std::sqrt(count));
  EXPECT_NEAR(squares / count, 1.0 / 3, 4 * 0.298 / std::sqrt(count));
  const double base = counter_uniform(1, 2, 3, 4);
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t flip = std::uint64_t{1} << bit;
    EXPECT_NE(counter_uniform(1 ^ flip, 2, 3, 4), base);
    EXPECT_NE(counter_uniform(1, 2 ^ flip, 3, 4), base);
    EXPECT_NE(counter_uniform(1, 2, 3 ^ flip, 4), base);
    EXPECT_NE(counter_uniform(1, 2, 3, 4 ^ flip), base);
  }
}

// Test vectors of the FNV specification (Fowler, Noll, Vo; RFC draft appendix).
TEST(StableHash, IsFnv1a) {
  EXPECT_EQ(stable_hash(""), 0xcbf29ce484222325u);
  EXPECT_EQ(stable_hash("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(stable_hash("foobar"), 0x85944171f73967e8u);
}

}  // namespace
}  // namespace qreason
