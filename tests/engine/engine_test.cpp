// The engine: the same request gives the same tokens whatever runs beside it; limits, stops, preemption.
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "base/error.h"
#include "engine/plain_generation.h"
#include "kernels/backend.h"
#include "support/guarded_backend.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::plain_generation;
using testing::random_tokens;
using testing::RandomModel;
using testing::request;
using testing::Small;
using testing::small_config;

struct BatchCase {
  const char* name;
  ComputeType type;
  Arithmetic arithmetic = Arithmetic::kPortable;
  Architecture architecture = Architecture::kQwen2;
};

class EngineBatches : public ::testing::TestWithParam<BatchCase> {};

TEST_P(EngineBatches, ARequestsTokensDoNotDependOnBatchThreadsOrChunks) {
  const Arithmetic arithmetic = GetParam().arithmetic;
  if (const std::string missing = missing_for(arithmetic); !missing.empty()) GTEST_SKIP() << "needs " << missing;
  const RandomModel model(small_config(GetParam().architecture));
  Executor packing(1, cpu_backend(arithmetic));
  Decoder decoder(model, {.type = GetParam().type, .executor = &packing});
  std::vector<Answer> want;
  for (std::uint64_t i = 0; i < 32; ++i) want.push_back(plain_generation(decoder, request(i), arithmetic));
  for (const int threads : {1, 2}) {
    Executor executor(threads, cpu_backend(arithmetic));
    for (const std::size_t count : {1u, 2u, 7u, 32u}) {
      for (const std::int64_t chunk : {5, 512}) {
        std::vector<Request> requests;
        for (std::size_t i = 0; i < count; ++i) requests.push_back(request(count - 1 - i));
        const auto answers = generate_all(decoder, executor,
                                          {.max_batch = 16, .prefill_chunk = chunk, .cache_bytes = 1 << 24}, requests);
        for (std::size_t i = 0; i < count; ++i) {
          EXPECT_EQ(answers[i].tokens, want[count - 1 - i].tokens) << threads << " threads, batch " << count;
          EXPECT_EQ(answers[i].finish_reason, want[count - 1 - i].finish_reason);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, EngineBatches,
    ::testing::Values(BatchCase{"Float32", ComputeType::kFloat32}, BatchCase{"BFloat16", ComputeType::kBFloat16},
                      BatchCase{"Fast", ComputeType::kBFloat16, Arithmetic::kFast},
                      BatchCase{"HeadNorms", ComputeType::kFloat32, Arithmetic::kPortable, Architecture::kQwen3},
                      BatchCase{"SlidingWindow", ComputeType::kFloat32, Arithmetic::kPortable, Architecture::kMistral}),
    [](const auto& one) { return one.param.name; });

TEST(Engine, ATightCachePreemptsAndGivesTheSameTokens) {
  Small small;
  std::vector<Request> requests;
  std::vector<Answer> want;
  for (std::uint64_t i = 0; i < 12; ++i) {
    requests.push_back(request(i, 90));
    requests.back().stop_tokens.clear();
    want.push_back(plain_generation(small.decoder, requests.back()));
  }
  const std::uint64_t page = small.decoder.cache_layout().page_bytes();
  Engine engine(small.decoder, small.executor, {.max_batch = 8, .prefill_chunk = 64, .cache_bytes = 20 * page});
  for (const Request& one : requests) engine.submit(one);
  std::map<std::int64_t, Answer> answers;
  std::map<std::int64_t, std::vector<std::int32_t>> seen;
  int steps = 0;
  while (!engine.idle()) {
    ASSERT_LT(++steps, 5000);
    for (auto& finished : engine.step([&](auto number, auto token) { seen[number].push_back(token); })) {
      answers[finished.request] = finished.answer;
    }
    EXPECT_LE(engine.pages().pages_in_use(), 20);
  }
  EXPECT_GT(engine.preemptions(), 0);
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(answers[static_cast<std::int64_t>(i)].tokens, want[i].tokens) << i;
    EXPECT_EQ(seen[static_cast<std::int64_t>(i)], want[i].tokens) << i;  // each token told once, preempted or not
  }
  EXPECT_EQ(engine.pages().pages_in_use(), 0);
  EXPECT_EQ(engine.tokens_generated(), 12 * 90);
}

// 20 pages of float32 are 68 of 4-bit codes: room for all that run together.
TEST(Engine, ACacheOfCodesHoldsMoreSequencesAndGivesTheSameTokens) {
  RandomModel model(small_config(Architecture::kQwen2));
  ModelPlan plan = model.plan();
  plan.set_format(Site::kKey, parse_quant_format("kv4-head-asym"));
  plan.set_format(Site::kValue, parse_quant_format("kv4-head-asym"));
  model.set_plan(plan);
  Executor executor(2);
  std::vector<std::vector<Answer>> answers;
  for (const CachePages pages : {CachePages::kFloat32, CachePages::kCodes}) {
    const Decoder decoder(model, {.pages = pages});
    Engine engine(decoder, executor, {.max_batch = 8, .prefill_chunk = 64, .cache_bytes = 20 * 3 * 2 * 1536});
    EXPECT_EQ(engine.pages().pages_available(), pages == CachePages::kCodes ? 68 : 20);
    for (std::uint64_t i = 0; i < 12; ++i) {
      Request one = request(i, 90);
      one.stop_tokens.clear();
      engine.submit(one);
    }
    answers.emplace_back(12);
    while (!engine.idle()) {
      for (auto& [number, answer] : engine.step()) answers.back()[static_cast<std::size_t>(number)] = answer;
    }
    EXPECT_EQ(engine.preemptions() == 0, pages == CachePages::kCodes);
  }
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(answers[0][i].tokens, answers[1][i].tokens) << i;
}

TEST(Engine, ACacheForOneSequenceServesManyOneByOne) {
  Small small;
  const std::uint64_t page = small.decoder.cache_layout().page_bytes();
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 5; ++i) requests.push_back(request(i, 200));
  for (Request& one : requests) one.stop_tokens.clear();
  const auto answers = generate_all(small.decoder, small.executor, {.context = 80, .cache_bytes = 5 * page}, requests);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].tokens.size(), 80 - requests[i].prompt.size());
    EXPECT_EQ(answers[i].finish_reason, FinishReason::kLength);
  }
}

TEST(Engine, EndsAtTheLengthLimitTheContextAndTheStopToken) {
  Small small;
  Request greedy{.prompt = {1, 2, 3}, .sampling = {.temperature = 0, .max_tokens = 10}, .key = {}, .stop_tokens = {}};
  const auto run = [&](const Request& one) { return generate_all(small.decoder, small.executor, {}, {one}).front(); };
  const Answer ten = run(greedy);
  EXPECT_EQ(ten.tokens.size(), 10u);
  EXPECT_EQ(name_of(ten.finish_reason), "length");

  Request stopped = greedy;
  stopped.stop_tokens = {100000, ten.tokens[4]};
  const Answer answer = run(stopped);
  const auto first = std::find(ten.tokens.begin(), ten.tokens.end(), ten.tokens[4]);
  EXPECT_EQ(answer.tokens, std::vector<std::int32_t>(ten.tokens.begin(), first));
  EXPECT_EQ(name_of(answer.finish_reason), "stop");

  Request endless = greedy;
  endless.sampling.max_tokens = 100000;
  EXPECT_EQ(run(endless).tokens.size(), 253u);  // 256 positions
}

TEST(Engine, SamplesOfOneProblemDiffer) {
  Small small;
  std::vector<Request> requests(6, request(1));
  for (std::uint64_t i = 0; i < 6; ++i) requests[i].key.sample = i / 2;
  const auto answers = generate_all(small.decoder, small.executor, {}, requests);
  EXPECT_EQ(answers[0].tokens, answers[1].tokens);
  EXPECT_NE(answers[0].tokens, answers[2].tokens);
  EXPECT_NE(answers[2].tokens, answers[4].tokens);
}

TEST(Engine, RefusesWhatItsCacheCannotHoldAloneAndSaysWhatWouldFit) {
  Small small;
  const std::uint64_t five_pages = 5 * small.decoder.cache_layout().page_bytes();  // 80 positions
  const auto submit = [&](std::int64_t context, std::int64_t max_tokens) {
    Engine engine(small.decoder, small.executor, {.context = context, .cache_bytes = five_pages});
    engine.submit({.prompt = {1, 2, 3}, .sampling = {.max_tokens = max_tokens}, .key = {}, .stop_tokens = {}});
    return engine.context();
  };
  EXPECT_EQ(submit(0, 78), 256);  // the 81st token is the answer's last: it needs no place
  EXPECT_EQ(submit(80, 200), 80);
  try {
    submit(0, 200);
    FAIL() << "203 positions in 80";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("0 sequences of 203 positions"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("a context of at most 80"));
  }
  Engine none(small.decoder, small.executor, {.cache_bytes = 1024});
  EXPECT_THAT([&] { none.submit({.prompt = {1}, .sampling = {.max_tokens = 1}, .key = {}, .stop_tokens = {}}); },
              ::testing::ThrowsMessage<Error>(::testing::EndsWith("of cache memory for one")));
  EXPECT_THROW(submit(0, 79), Error);
  EXPECT_THROW(submit(0, 100000), Error);
}

TEST(Engine, RequestsWithTheSamePromptComputeItOnce) {
  Small small;
  const std::vector<std::int32_t> prompt = random_tokens(45, 101, 8);
  Engine engine(small.decoder, small.executor, {.max_batch = 4, .prefill_chunk = 7});
  std::vector<Answer> want;
  std::int64_t later_tokens = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Request one = request(3);
    one.prompt = prompt;
    one.key.seed = seed;
    want.push_back(plain_generation(small.decoder, one));
    engine.submit(one);
    later_tokens += static_cast<std::int64_t>(want.back().tokens.size());
    if (want.back().finish_reason == FinishReason::kLength) --later_tokens;  // its last token is not computed
  }
  std::int64_t finished = 0;
  while (!engine.idle()) {
    for (const auto& [number, answer] : engine.step()) {
      EXPECT_EQ(answer.tokens, want[static_cast<std::size_t>(number)].tokens) << number;
      ++finished;
    }
  }
  EXPECT_EQ(finished, 10);
  // The prompt, and for each of the other nine its last token, whose logits are asked for.
  EXPECT_EQ(engine.tokens_computed(), 45 + 9 + later_tokens);
}

// Prompts that agree to different lengths, some with the same stream of random numbers, under every kind of pressure.
TEST(Engine, PromptsWhoseRotaryAnglesDifferShareNoKeys) {
  ModelConfig config = small_config(Architecture::kLlama);
  config.rope_theta = 100;
  config.rope_scaling = DynamicRopeScaling{.factor = 8, .original_max_positions = 16};
  const RandomModel model(config);
  const Decoder decoder(model, {});
  const std::vector<std::int32_t> text = random_tokens(40, 101, 5);
  std::vector<Request> requests;
  std::vector<Answer> want;
  for (const std::size_t length : {20u, 28u, 10u, 28u, 15u, 36u}) {
    Request one = request(requests.size());
    one.prompt.assign(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
    one.stop_tokens.clear();
    want.push_back(plain_generation(decoder, one));
    requests.push_back(std::move(one));
  }
  Executor executor(2);
  for (const std::int64_t chunk : {7, 512}) {
    const auto answers =
        generate_all(decoder, executor, {.max_batch = 6, .prefill_chunk = chunk, .cache_bytes = 1 << 24}, requests);
    for (std::size_t i = 0; i < want.size(); ++i) EXPECT_EQ(answers[i].tokens, want[i].tokens) << i << " " << chunk;
  }
}

TEST(Engine, SharedBeginningsChangeNoToken) {
  Small small;
  std::mt19937 random(11);
  const auto below = [&](std::uint32_t limit) { return static_cast<std::int64_t>(random() % limit); };
  std::int64_t preemptions = 0, shared = 0;
  for (int run = 0; run < 12; ++run) {
    const std::vector<std::int32_t> common = random_tokens(70, 101, 500 + static_cast<std::uint64_t>(run));
    std::vector<Request> requests;
    std::vector<Answer> want;
    std::int64_t alone = 0;
    for (int i = 0; i < 16; ++i) {
      // Longer than the pages that are kept for growth, so that some are preempted.
      Request one = request(1, 1 + below(150));
      one.stop_tokens.clear();
      one.prompt.assign(common.begin(), common.begin() + 1 + below(3) * 20 + below(5));
      if (below(3) == 0) one.prompt.push_back(static_cast<std::int32_t>(below(101)));
      one.key.seed = static_cast<std::uint64_t>(below(6));
      requests.push_back(one);
      want.push_back(plain_generation(small.decoder, one));
      alone += static_cast<std::int64_t>(one.prompt.size() + want.back().tokens.size());
      if (want.back().finish_reason == FinishReason::kLength) --alone;  // the last token is not computed
    }
    // 46 + 150 positions take 13 pages at most.
    const auto pages = static_cast<std::uint64_t>(13 + below(25));
    Engine engine(small.decoder, small.executor,
                  {.max_batch = 1 + below(12),
                   .prefill_chunk = 1 + below(40),
                   .cache_bytes = pages * small.decoder.cache_layout().page_bytes()});
    for (const Request& one : requests) engine.submit(one);
    for (int steps = 0; !engine.idle(); ++steps) {
      ASSERT_LT(steps, 20000);
      for (const auto& [number, answer] : engine.step()) {
        EXPECT_EQ(answer.tokens, want[static_cast<std::size_t>(number)].tokens) << "run " << run << ", " << number;
      }
    }
    EXPECT_EQ(engine.pages().pages_in_use(), 0);
    preemptions += engine.preemptions();
    if (engine.preemptions() == 0) shared += alone - engine.tokens_computed();
  }
  EXPECT_GT(preemptions, 0);
  EXPECT_GT(shared, 0);
}

// All that a run keeps (pages, scratch, logits) in memory that the host cannot touch.
TEST(Engine, GeneratesTheSameTokensOnAnotherBackend) {
  const RandomModel model(small_config(Architecture::kQwen2));
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 6; ++i) requests.push_back(request(i / 2, 12));
  const testing::GuardedBackend backend;
  Executor guarded(1, backend), host(1);
  const auto answers = [&](Executor& executor) {
    const Decoder decoder(model, {.executor = &executor});
    const Engine::Options options{
        .max_batch = 4, .prefill_chunk = 16, .cache_bytes = 6 * decoder.cache_layout().page_bytes()};
    std::vector<std::vector<std::int32_t>> tokens;
    for (const Answer& answer : generate_all(decoder, executor, options, requests)) tokens.push_back(answer.tokens);
    return tokens;
  };
  EXPECT_EQ(answers(guarded), answers(host));
  EXPECT_GT(backend.kernels, 0);
}

TEST(Engine, RefusesRequestsThatCannotRun) {
  Small small;
  Engine engine(small.decoder, small.executor, {});
  const auto submit = [&](std::vector<std::int32_t> prompt, SamplingParameters sampling = {}) {
    engine.submit({.prompt = std::move(prompt), .sampling = sampling, .key = {}, .stop_tokens = {}});
  };
  EXPECT_THROW(submit({}), Error);
  EXPECT_THROW(submit({101}), Error);
  EXPECT_THROW(submit({-1}), Error);
  EXPECT_THROW(submit(std::vector<std::int32_t>(256, 1)), Error);
  EXPECT_THROW(submit({1}, {.top_p = 2}), Error);
  const auto refuse = [&](const char* what, const auto& change) {
    Request one = request(1);
    change(one);
    EXPECT_THROW(engine.submit(std::move(one)), Error) << what;
  };
  refuse("logprobs", [](Request& one) { one.top_logprobs = 21; });
  refuse("unknown token",
         [](Request& one) { one.thought = ThoughtTokens{.end = 101, .closing = {101}, .going_on = {1}}; });
  refuse("no end", [](Request& one) { one.thought = ThoughtTokens{.end = 3, .closing = {4}, .going_on = {1}}; });
  refuse("no word", [](Request& one) { one.thought = ThoughtTokens{.end = 3, .closing = {3}, .going_on = {}}; });
  EXPECT_TRUE(engine.idle());
  EXPECT_TRUE(engine.step().empty());
  EXPECT_THROW(Engine(small.decoder, small.executor, {.context = 257}), Error);
  EXPECT_THROW(Engine(small.decoder, small.executor, {.context = 1}), Error);
  EXPECT_THROW(Engine(small.decoder, small.executor, {.max_batch = 0}), Error);
}

}  // namespace
}  // namespace qreason
