#include "analysis/divergence.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/perplexity.h"
#include "base/error.h"
#include "model/naive_decoder.h"
#include "support/closeness.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::NaiveDecoder;
using testing::random_tokens;
using testing::RandomModel;
using testing::Row;
using testing::small_config;

TEST(Windows, AreConsecutiveAndWhole) {
  const auto tokens = random_tokens(25, 101, 1);
  const auto windows = cut_windows(tokens, 8);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[2].data(), tokens.data() + 16);
  EXPECT_EQ(windows[2].size(), 8u);
  EXPECT_EQ(cut_windows(tokens, 8, 2).size(), 2u);
  EXPECT_EQ(cut_windows(tokens, 100).front().size(), 25u);  // a text shorter than one window is one
  EXPECT_THROW(cut_windows(tokens, 1), Error);
  EXPECT_THROW(cut_windows(std::span(tokens).first(1), 8), Error);
}

TEST(Divergence, OfHandWorkedDistributions) {
  // p = (1/2, 1/4, 1/4), q = (1/4, 1/4, 1/2): KL = 1/2 ln 2 + 1/4 ln 1 + 1/4 ln (1/2) = ln(2) / 4.
  const std::vector<float> p{std::log(2.0f), 0, 0}, q{7, 7, 7 + std::log(2.0f)};
  EXPECT_NEAR(kl_divergence(p, q), std::log(2.0) / 4, 1e-6);
  EXPECT_EQ(kl_divergence(p, p), 0);
}

TEST(Divergence, QuantilesInterpolateAsNumpyDoes) {
  std::vector<double> values{4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 2.5);  // numpy.quantile([4, 1, 3, 2], 0.5)
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 3.7);
  EXPECT_DOUBLE_EQ(quantile(values, 1.0), 4);
  std::vector<double> one{5};
  EXPECT_DOUBLE_EQ(quantile(one, 0.99), 5);
  EXPECT_THROW(quantile({}, 0.5), Error);
}

double naive_nll(const Row& logits, std::int32_t target) {
  double sum = 0;
  for (const double value : logits) sum += std::exp(value);
  return std::log(sum) - logits[static_cast<std::size_t>(target)];
}

TEST(Divergence, AndPerplexityEqualTheirFormulas) {
  const RandomModel model(small_config(Architecture::kLlama)), other(small_config(Architecture::kLlama), 2);
  const auto tokens = random_tokens(70, 101, 8);
  const auto windows = cut_windows(tokens, 30);
  ASSERT_EQ(windows.size(), 2u);
  double nll = 0, nll_other = 0, kl = 0;
  int same = 0;
  for (const TokenWindow window : windows) {
    const std::vector<std::int32_t> ids(window.begin(), window.end());
    const auto p = NaiveDecoder(model).logits(ids), q = NaiveDecoder(other).logits(ids);
    for (std::size_t t = 0; t + 1 < ids.size(); ++t) {
      nll += naive_nll(p[t], ids[t + 1]);
      nll_other += naive_nll(q[t], ids[t + 1]);
      for (std::int32_t i = 0; i < 101; ++i) {
        kl += std::exp(-naive_nll(p[t], i)) * (naive_nll(q[t], i) - naive_nll(p[t], i));
      }
      const auto top = [](const Row& row) { return std::max_element(row.begin(), row.end()) - row.begin(); };
      same += top(p[t]) == top(q[t]) ? 1 : 0;
    }
  }
  Executor executor(2);
  Decoder decoder(model, {}), second(other, {});
  const PerplexityResult got = perplexity(decoder, windows, executor);
  EXPECT_EQ(got.tokens, 58);
  EXPECT_EQ(got.windows, 2);
  EXPECT_NEAR(got.mean_nll, nll / 58, 1e-5);
  EXPECT_NEAR(got.perplexity, std::exp(nll / 58), 1e-4 * got.perplexity);

  const DivergenceResult result = divergence(decoder, second, windows, executor);
  EXPECT_EQ(result.tokens, 58);
  EXPECT_NEAR(result.kl_mean, kl / 58, 1e-4);
  EXPECT_NEAR(result.same_top1, same / 58.0, 1e-12);
  EXPECT_NEAR(result.perplexity_base, std::exp(nll / 58), 1e-4 * result.perplexity_base);
  EXPECT_NEAR(result.perplexity_model, std::exp(nll_other / 58), 1e-4 * result.perplexity_model);
  EXPECT_LE(result.kl_p50, result.kl_p90);
  EXPECT_LE(result.kl_p99, result.kl_max);
}

TEST(Divergence, OfAModelFromItselfIsZeroAlsoInPieces) {
  ModelConfig config = small_config(Architecture::kLlama);
  config.max_positions = 1024;
  const RandomModel model(config);
  Decoder a(model, {}), b(model, {});
  Executor executor(2);
  const auto tokens = random_tokens(600, 101, 2);  // more rows than a piece
  const auto windows = cut_windows(tokens, 600);
  const DivergenceResult result = divergence(a, b, windows, executor);
  EXPECT_EQ(result.kl_max, 0);
  EXPECT_EQ(result.same_top1, 1);
  EXPECT_EQ(result.perplexity_base, result.perplexity_model);
  EXPECT_EQ(result.tokens, 599);
}

TEST(Divergence, OfDifferentVocabulariesIsAnError) {
  ModelConfig config = small_config(Architecture::kLlama);
  const RandomModel model(config);
  config.vocab_size = 102;
  const RandomModel other(config);
  Decoder a(model, {}), b(other, {});
  Executor executor(1);
  const auto tokens = random_tokens(20, 101, 2);
  EXPECT_THROW(divergence(a, b, cut_windows(tokens, 10), executor), Error);
}

}  // namespace
}  // namespace qreason
