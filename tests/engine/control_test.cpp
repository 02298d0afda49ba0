// What ends, forces and explains an answer: cancelling, budgets of thoughts, ends that a request asks for,
// log-probabilities.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "engine/plain_generation.h"

namespace qreason {
namespace {

using testing::plain_generation;
using testing::request;
using testing::Small;

// The others' tokens stay, its pages are free, and what there is of its answer is what it would have begun with.
TEST(Engine, CancelsARequestWaitingOrRunning) {
  Small small;
  std::vector<Request> requests;
  std::vector<Answer> want;
  for (std::uint64_t i = 0; i < 4; ++i) {
    requests.push_back(request(i, 30));
    requests.back().stop_tokens.clear();
    want.push_back(plain_generation(small.decoder, requests.back()));
  }
  Engine engine(small.decoder, small.executor, {.max_batch = 3, .cache_bytes = 1 << 24});
  for (const Request& one : requests) engine.submit(one);
  for (int step = 0; step < 7; ++step) engine.step();
  const Answer running = engine.cancel(1), waiting = engine.cancel(3);
  EXPECT_EQ(running.finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(running.tokens, std::vector(want[1].tokens.begin(), want[1].tokens.begin() + 7));
  EXPECT_TRUE(waiting.tokens.empty());
  EXPECT_THROW(engine.cancel(1), Error);
  EXPECT_THROW(engine.cancel(4), Error);
  std::map<std::int64_t, Answer> answers;
  while (!engine.idle()) {
    for (auto& finished : engine.step()) answers[finished.request] = finished.answer;
  }
  EXPECT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].tokens, want[0].tokens);
  EXPECT_EQ(answers[2].tokens, want[2].tokens);
  EXPECT_EQ(engine.pages().pages_in_use(), 0);
  EXPECT_THROW(engine.cancel(0), Error);
}

// Also where the sequence gave up its pages in between: what is forced does not depend on what runs beside it.
TEST(Engine, KeepsThoughtsToTheirBudget) {
  Small small;
  const ThoughtTokens thought{.end = 3, .closing = {4, 3, 5}, .going_on = {6}};
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 12; ++i) {
    requests.push_back(request(i, 90));
    requests.back().stop_tokens.clear();
    requests.back().thought = thought;
    requests.back().sampling.thinking_budget = 40;
    requests.back().sampling.thinking_minimum = 8;
  }
  const auto alone = generate_all(small.decoder, small.executor, {.max_batch = 1, .cache_bytes = 1 << 24}, requests);
  const std::uint64_t page = small.decoder.cache_layout().page_bytes();
  const auto tight = generate_all(small.decoder, small.executor, {.max_batch = 8, .cache_bytes = 20 * page}, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::vector<std::int32_t>& tokens = alone[i].tokens;
    EXPECT_EQ(tight[i].tokens, tokens) << i;
    const auto end = std::find(tokens.begin(), tokens.end(), thought.end) - tokens.begin();
    EXPECT_GE(end, 8) << i;
    EXPECT_LE(end, 41) << i;
  }
}

TEST(Engine, EndsWhereTheRequestSaysSo) {
  Small small;
  Request one = request(5, 40);
  one.stop_tokens.clear();
  const Answer whole = plain_generation(small.decoder, one);
  int seen = 0;
  one.ends_at = [&](std::int32_t token) {
    EXPECT_EQ(token, whole.tokens[static_cast<std::size_t>(seen)]);
    return ++seen == 9;
  };
  const Answer got = generate_all(small.decoder, small.executor, {}, {one}).front();
  EXPECT_EQ(got.tokens, std::vector(whole.tokens.begin(), whole.tokens.begin() + 9));
  EXPECT_EQ(got.finish_reason, FinishReason::kStop);
}

// Of the model's own distribution, which the decoder says token by token, whatever penalties and temperature change.
TEST(Engine, TellsTheLogProbabilityOfEveryToken) {
  Small small;
  Request one = request(6, 12);
  one.stop_tokens.clear();
  one.sampling.repetition_penalty = 1.3;
  one.sampling.frequency_penalty = 0.7;
  one.top_logprobs = 3;
  const Answer got = generate_all(small.decoder, small.executor, {}, {one}).front();
  ASSERT_EQ(got.logprobs.size(), got.tokens.size());
  SequenceCache cache(PagePool(small.decoder.cache_layout()));
  DecoderStep step;
  std::vector<std::int32_t> next = one.prompt;
  std::vector<float> logits;
  for (std::size_t i = 0; i < got.tokens.size(); ++i) {
    const DecoderInput input{.tokens = next, .cache = &cache, .logits = DecoderInput::Logits::kLast};
    small.decoder.forward({&input, 1}, step, logits, small.executor);
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    EXPECT_NEAR(got.logprobs[i].taken, static_cast<double>(logits[got.tokens[i]]) - std::log(sum), 1e-5) << i;
    ASSERT_EQ(got.logprobs[i].top.size(), 3u);
    EXPECT_EQ(logits[got.logprobs[i].top[0].first], *std::max_element(logits.begin(), logits.end()));
    next = {got.tokens[i]};
  }
}

}  // namespace
}  // namespace qreason
