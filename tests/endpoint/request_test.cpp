#include "endpoint/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace qreason {
namespace {

using ::testing::ElementsAre;

const AnswerRequest kRequest{
    .prompt = "2+2", .sampling = {.temperature = 0.6, .top_p = 0.95, .max_tokens = 100}, .seed = 7, .stop = {"Q:"}};

TEST(Dialect, SaysEverythingThatDecidesAnAnswerAlsoWhereItIsOff) {
  const OrderedJson body = Dialect().body(EndpointApi::kCompletions, "m", kRequest);
  EXPECT_EQ(body.dump(),
            R"({"model":"m","prompt":"2+2","add_special_tokens":false,"max_tokens":100,"temperature":0.6,"top_p":0.95,)"
            R"("top_k":0,"min_p":0,"repetition_penalty":1.0,"repeat_penalty":1.0,"seed":7,"stop":["Q:"],"stream":true,)"
            R"("stream_options":{"include_usage":true}})");
  const OrderedJson chat = Dialect().body(EndpointApi::kChat, "m", kRequest);
  EXPECT_EQ(chat["messages"].dump(), R"([{"role":"user","content":"2+2"}])");
  EXPECT_FALSE(chat.contains("prompt"));
}

// The refusals are those of SGLang, OpenAI, pydantic and vLLM.
TEST(Dialect, SaysInOtherWordsWhatAServerRefuses) {
  Dialect dialect;
  const auto body = [&] { return dialect.body(EndpointApi::kCompletions, "m", kRequest); };
  EXPECT_EQ(dialect.respell(complaint_of(R"({"message":"top_k must be -1 (disable), or at least 1, got 0."})")),
            "top_k");
  EXPECT_EQ(body()["top_k"], -1);
  EXPECT_EQ(dialect.respell(
                complaint_of(R"({"error":{"message":"Unrecognized request argument supplied: top_k","param":null}})")),
            "top_k");
  EXPECT_FALSE(body().contains("top_k"));
  EXPECT_EQ(dialect.respell("top_k"), "");
  EXPECT_EQ(dialect.respell(complaint_of(R"({"detail":[{"loc":["body","stream_options"],"input":{"seed":1}}]})")),
            "stream_options");
  EXPECT_EQ(dialect.respell(
                complaint_of(R"({"error":{"message":"Use 'max_completion_tokens' instead.","param":"max_tokens"}})")),
            "max_tokens");
  EXPECT_EQ(body()["max_completion_tokens"], 100);
  EXPECT_EQ(dialect.respell(complaint_of(R"({"error":{"message":"x","param":"body.seed","code":400}})")), "seed");
  EXPECT_FALSE(body().contains("seed"));
  EXPECT_EQ(dialect.respell(complaint_of("streaming is not supported")), "");
  EXPECT_EQ(dialect.respell(complaint_of("stream: not supported")), "stream");
  EXPECT_EQ(body()["stream"], false);
  EXPECT_EQ(dialect.respell(complaint_of("<html>")), "");
  EXPECT_THAT(dialect.left_out(), ElementsAre("stream_options", "top_k", "seed"));
}

TEST(RequestSeed, IsOfSeedProblemAndSampleAlone) {
  std::set<std::uint32_t> seeds;
  for (std::uint64_t seed : {0ULL, 1ULL, 42ULL, 1ULL << 40})
    for (const char* problem : {"a", "b", "10"})
      for (std::uint64_t sample : {0ULL, 1ULL}) seeds.insert(request_seed(seed, problem, sample));
  EXPECT_EQ(seeds.size(), 24U);
  EXPECT_LE(*seeds.rbegin(), 0x7FFFFFFFU);
  EXPECT_EQ(request_seed(42, "10", 0), request_seed(42, "10", 0));
}

}  // namespace
}  // namespace qreason
