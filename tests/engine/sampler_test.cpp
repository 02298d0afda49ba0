// The sampler against a straightforward one that sorts, and against exact probabilities.
#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/error.h"
#include "base/random.h"
#include "engine/softmax_weights.h"

namespace qreason {
namespace {

struct Kept {
  std::int32_t token;
  double probability;
};

// The definition in the header, with a full sort and double precision: the kept tokens, largest first.
std::vector<Kept> reference_distribution(const std::vector<float>& logits, const SamplingParameters& parameters) {
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](std::int32_t token) { return static_cast<double>(logits[static_cast<std::size_t>(token)]); };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return logit(a) > logit(b); });
  if (parameters.top_k > 0 && static_cast<std::size_t>(parameters.top_k) < order.size()) {
    order.resize(static_cast<std::size_t>(parameters.top_k));
  }
  double sum = 0;
  std::vector<Kept> kept;
  for (const auto token : order) {
    kept.push_back({token, std::exp((logit(token) - logit(order[0])) / parameters.temperature)});
    sum += kept.back().probability;
  }
  double mass = 0;
  std::size_t count = 0;
  while (count < kept.size() && (count == 0 || mass < parameters.top_p * sum)) mass += kept[count++].probability;
  if (parameters.top_p == 1) count = kept.size();
  kept.resize(count);
  for (Kept& one : kept) one.probability /= mass;
  return kept;
}

// Walks `kept` as the sampler does: largest first, or in the order of ids where nothing is cut off. nullopt when u lies
// within rounding of a border.
std::optional<std::int32_t> reference_draw(std::vector<Kept> kept, bool all, double u) {
  if (all) std::sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) { return a.token < b.token; });
  double passed = 0;
  for (const Kept& one : kept) {
    passed += one.probability;
    if (std::abs(u - passed) < 1e-5) return std::nullopt;
    if (u < passed) return one.token;
  }
  return kept.back().token;
}

std::vector<float> random_logits(std::size_t count, double deviation, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal(0, deviation);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = static_cast<float>(normal(generator));
  return logits;
}

TEST(SoftmaxWeights, EqualExpToThreeTenMillionths) {
  std::vector<float> logits;
  for (int i = 0; i <= 90000; ++i) logits.push_back(-static_cast<float>(i) * 0.001f);
  std::vector<float> weights(logits.size());
  const double sum = softmax_weights(logits, 0.0f, 1.0f, weights);
  double want_sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double want = logits[i] < -87.0f ? 0.0 : std::exp(static_cast<double>(logits[i]));
    EXPECT_NEAR(weights[i], want, 3e-7 * want) << logits[i];
    want_sum += want;
  }
  EXPECT_NEAR(sum, want_sum, 1e-6 * want_sum);
  EXPECT_EQ(weights[0], 1.0f);
}

TEST(Sampler, DrawsWhatTheSortingReferenceDraws) {
  int compared = 0;
  for (const std::size_t vocabulary : {1u, 2u, 15u, 16u, 17u, 1000u, 1025u, 5000u}) {
    for (const double deviation : {0.0, 0.5, 3.0}) {
      const auto logits = random_logits(vocabulary, deviation, vocabulary);
      for (const double temperature : {0.2, 0.6, 1.0, 3.0}) {
        for (const double top_p : {1e-9, 0.3, 0.95, 0.999, 1.0}) {
          for (const std::int64_t top_k : {0, 1, 2, 30, 100000}) {
            const SamplingParameters parameters{.temperature = temperature, .top_p = top_p, .top_k = top_k};
            const auto kept = reference_distribution(logits, parameters);
            const bool all = top_p == 1 && (top_k == 0 || top_k >= static_cast<std::int64_t>(vocabulary));
            for (std::uint64_t index = 0; index < 3; ++index) {
              const SampleKey key{.seed = 7, .problem = vocabulary, .sample = 3};
              const auto want = reference_draw(kept, all, counter_uniform(7, vocabulary, 3, index));
              if (!want) continue;
              ++compared;
              EXPECT_EQ(sample_token(logits, parameters, key, index), *want)
                  << vocabulary << " logits, T " << temperature << ", p " << top_p << ", k " << top_k;
            }
          }
        }
      }
    }
  }
  EXPECT_GT(compared, 6000);
}

// Almost every token of a model that knows nothing is in the nucleus.
TEST(Sampler, DrawsFromAFlatVocabularyWhatTheSortingReferenceDraws) {
  const auto logits = random_logits(50000, 1.0, 5);
  int compared = 0;
  for (const double top_p : {0.5, 0.95, 0.999999}) {
    const SamplingParameters parameters{.temperature = 0.6, .top_p = top_p};
    const auto kept = reference_distribution(logits, parameters);
    for (std::uint64_t index = 0; index < 40; ++index) {
      const auto want = reference_draw(kept, false, counter_uniform(7, 1, 3, index));
      if (!want) continue;
      ++compared;
      EXPECT_EQ(sample_token(logits, parameters, {.seed = 7, .problem = 1, .sample = 3}, index), *want) << top_p;
    }
  }
  EXPECT_GT(compared, 20);
}

// transformers 5.24, RepetitionPenaltyLogitsProcessor(1.5) on these logits with the tokens 3, 0, 3, 1.
TEST(Sampler, PenalizesEachRepeatedTokenOnce) {
  std::vector<float> logits{1.5f, -2.0f, 0.75f, 3.0f, -1.0f};
  penalize_repetition(logits, std::vector<std::int32_t>{3, 0, 3, 1}, 1.5);
  EXPECT_EQ(logits, (std::vector<float>{1.0f, -3.0f, 0.75f, 2.0f, -1.0f}));
}

// vLLM's words: a token's logit loses frequency times its count, and presence where that is not 0; worked by hand.
TEST(Sampler, PenalizesPresenceOnceAndFrequencyEachTime) {
  std::vector<float> logits{1.5f, -2.0f, 0.75f, 3.0f, -1.0f};
  penalize_presence(logits, std::vector<std::int32_t>{3, 0, 3, 3, 1}, 0.5, 0.25);
  EXPECT_EQ(logits, (std::vector<float>{0.75f, -2.75f, 0.75f, 1.75f, -1.0f}));
  penalize_presence(logits, {}, 2, 2);
  EXPECT_EQ(logits, (std::vector<float>{0.75f, -2.75f, 0.75f, 1.75f, -1.0f}));
}

TEST(Sampler, TellsLogProbabilities) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    std::vector<float> logits = random_logits(200, 4.0, seed);
    logits[7] = logits[150] = 40;  // of equal ones the lower id comes first
    const auto taken = static_cast<std::int32_t>(seed * 9);
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    const auto want = [&](std::int32_t token) { return static_cast<double>(logits[token]) - std::log(sum); };
    const TokenLogprobs found = log_probabilities(logits, taken, 5);
    EXPECT_NEAR(found.taken, want(taken), 1e-5);
    ASSERT_EQ(found.top.size(), 5u);
    EXPECT_EQ(found.top[0].first, 7);
    EXPECT_EQ(found.top[1].first, 150);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(found.top[i].second, want(found.top[i].first), 1e-5);
    std::vector<float> sorted = logits;
    std::sort(sorted.rbegin(), sorted.rend());
    EXPECT_EQ(logits[found.top[4].first], sorted[4]);
    EXPECT_TRUE(log_probabilities(logits, taken, 0).top.empty());
  }
  EXPECT_EQ(log_probabilities(std::vector<float>(3, 0.5f), 1, 20).top.size(), 3u);
}

TEST(Sampler, FrequenciesFollowTheExactProbabilities) {
  const auto logits = random_logits(40, 1.5, 11);
  for (const SamplingParameters& parameters :
       {SamplingParameters{.temperature = 1.0, .top_p = 1.0}, SamplingParameters{.temperature = 0.6, .top_p = 0.95},
        SamplingParameters{.temperature = 1.3, .top_p = 0.9, .top_k = 12}}) {
    constexpr int kDraws = 40000;
    std::vector<int> counts(logits.size());
    for (int i = 0; i < kDraws; ++i) {
      const SampleKey key{.seed = 42, .problem = static_cast<std::uint64_t>(i % 100), .sample = 1};
      ++counts[static_cast<std::size_t>(sample_token(logits, parameters, key, static_cast<std::uint64_t>(i / 100)))];
    }
    double chi_square = 0, pooled_want = 0;
    int pooled_got = 0, cells = 0, seen = 0;
    for (const Kept& one : reference_distribution(logits, parameters)) {
      const double want = one.probability * kDraws;
      const int got = counts[static_cast<std::size_t>(one.token)];
      seen += got;
      if (want < 10) {
        pooled_want += want;
        pooled_got += got;
        continue;
      }
      chi_square += (got - want) * (got - want) / want;
      ++cells;
    }
    if (pooled_want > 0) {
      chi_square += (pooled_got - pooled_want) * (pooled_got - pooled_want) / pooled_want;
      ++cells;
    }
    EXPECT_EQ(seen, kDraws);  // nothing outside of the kept set
    // Mean cells - 1, variance 2 (cells - 1): four deviations above is a chance of about 1 in 2000 for one stream, and
    // the stream is fixed.
    EXPECT_LT(chi_square, cells - 1 + 4 * std::sqrt(2.0 * (cells - 1)));
  }
}

TEST(Sampler, GreedyTakesTheFirstOfEqualMaxima) {
  const SamplingParameters greedy{.temperature = 0};
  EXPECT_EQ(sample_token(std::vector<float>{1, 5, 2, 5}, greedy, {}, 0), 1);
  std::vector<float> many(100, -3.0f);
  many[70] = many[99] = 2.0f;
  EXPECT_EQ(sample_token(many, greedy, {}, 0), 70);
}

TEST(Sampler, OfEqualLogitsTheLowerIdsAreKept) {
  const std::vector<float> logits(10, 1.0f);
  for (std::uint64_t i = 0; i < 200; ++i) {
    EXPECT_LT(sample_token(logits, {.temperature = 1, .top_p = 1, .top_k = 3}, {}, i), 3);
    // Ten times 0.1: three of them reach 0.3 but for rounding, which may ask for a fourth.
    EXPECT_LT(sample_token(logits, {.temperature = 1, .top_p = 0.29}, {}, i), 3);
  }
}

TEST(Sampler, TinyTemperaturesAreGreedyAndTinyNucleusesKeepOne) {
  const std::vector<float> logits{0.0f, 0.1f, 0.05f};
  for (std::uint64_t i = 0; i < 50; ++i) {
    EXPECT_EQ(sample_token(logits, {.temperature = 1e-300, .top_p = 1}, {}, i), 1);
    EXPECT_EQ(sample_token(logits, {.temperature = 5, .top_p = 1e-12}, {}, i), 1);
  }
}

TEST(Sampler, NaNAndInfinityAreErrors) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const double temperature : {0.0, 0.6}) {
    for (const std::int64_t top_k : {0, 2}) {
      const SamplingParameters parameters{.temperature = temperature, .top_k = top_k};
      std::vector<float> logits(20, 0.5f);
      logits[13] = nan;
      EXPECT_THROW(sample_token(logits, parameters, {}, 0), Error);
      logits[13] = infinity;
      EXPECT_THROW(sample_token(logits, parameters, {}, 0), Error);
      logits[13] = -infinity;
      EXPECT_NE(sample_token(logits, parameters, {}, 0), 13);
    }
  }
}

TEST(Sampler, FindsParametersOutOfRange) {
  EXPECT_FALSE(find_fault({}));
  for (const SamplingParameters& wrong :
       {SamplingParameters{.temperature = -0.1}, SamplingParameters{.temperature = std::nan("")},
        SamplingParameters{.top_p = 0}, SamplingParameters{.top_p = 1.01}, SamplingParameters{.top_k = -1},
        SamplingParameters{.presence_penalty = 2.5}, SamplingParameters{.frequency_penalty = std::nan("")},
        SamplingParameters{.max_tokens = 0}, SamplingParameters{.thinking_budget = -1},
        SamplingParameters{.thinking_minimum = -1}, SamplingParameters{.thinking_budget = 5, .thinking_minimum = 6}}) {
    EXPECT_TRUE(find_fault(wrong));
  }
}

}  // namespace
}  // namespace qreason
