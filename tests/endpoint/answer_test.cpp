// What is believed of an answer, and what not. The well-formed ones are those of vLLM 0.32 and llama-cpp-python 0.3.
#include "endpoint/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "endpoint/token_counts.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

ServerAnswer whole(EndpointApi api, const std::string& text) {
  AnswerReader reader(api, {.text_bytes = 100});
  reader.take_whole(parse_json(text, "test"));
  return std::move(reader).finish();
}

ServerAnswer pieces(EndpointApi api, const std::vector<std::string>& texts) {
  AnswerReader reader(api, {.text_bytes = 100});
  for (const std::string& text : texts) reader.take_piece(parse_json(text, "test"));
  return std::move(reader).finish();
}

TEST(AnswerReader, ReadsWholeAnswersOfBothKinds) {
  const auto chat = whole(EndpointApi::kChat,
                          R"({"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"four",
                             "reasoning":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}})");
  EXPECT_EQ(chat.text, "four");
  EXPECT_EQ(chat.finish_reason, "stop");
  EXPECT_EQ(chat.prompt_tokens, 9);
  EXPECT_EQ(chat.output_tokens, 2);
  EXPECT_EQ(chat.model, "m");
  const auto text = whole(EndpointApi::kCompletions, R"({"choices":[{"text":"4","finish_reason":"length"}]})");
  EXPECT_EQ(text.text, "4");
  EXPECT_EQ(text.finish_reason, "length");
  EXPECT_EQ(text.output_tokens, std::nullopt);
}

TEST(AnswerReader, JoinsPiecesAndTakesTheCountsBehindThem) {
  const auto answer = pieces(EndpointApi::kCompletions,
                             {R"({"id":"a","choices":[{"index":0,"text":"fo","finish_reason":null}]})",
                              R"({"id":"a","choices":[{"index":0,"text":"ur"}],"usage":null})",
                              R"({"id":"a","choices":[{"index":0,"text":"","finish_reason":"stop"}]})",
                              R"({"id":"a","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}})"});
  EXPECT_EQ(answer.text, "four");
  EXPECT_EQ(answer.output_tokens, 2);
}

TEST(AnswerReader, PutsAThoughtThatStandsApartWhereGradersLookForIt) {
  EXPECT_EQ(whole(EndpointApi::kChat, R"({"choices":[{"message":{"reasoning_content":"2+2","reasoning":"2+2",
                                         "content":"4"},"finish_reason":"stop"}]})")
                .text,
            "<think>\n2+2\n</think>\n\n4");
  EXPECT_EQ(pieces(EndpointApi::kChat, {R"({"choices":[{"delta":{"role":"assistant","reasoning":"2+"}}]})",
                                        R"({"choices":[{"delta":{"reasoning":"2"}}]})",
                                        R"({"choices":[{"delta":{"content":"4"},"finish_reason":"stop"}]})"})
                .text,
            "<think>\n2+2\n</think>\n\n4");
  EXPECT_EQ(whole(EndpointApi::kChat,
                  R"({"choices":[{"message":{"reasoning":"2+","content":null},"finish_reason":"length"}]})")
                .text,
            "<think>\n2+");
}

struct Faulty {
  const char *answer, *complaint;
};
class FaultyAnswer : public ::testing::TestWithParam<Faulty> {};

TEST_P(FaultyAnswer, IsRefused) {
  EXPECT_THAT([] { whole(EndpointApi::kCompletions, GetParam().answer); },
              ThrowsMessage<Error>(HasSubstr(GetParam().complaint)));
}

INSTANTIATE_TEST_SUITE_P(
    AnswerReader, FaultyAnswer,
    ::testing::Values(Faulty{"[1]", "an object with choices"}, Faulty{"{}", "choices"},
                      Faulty{R"({"choices":{}})", "a list"}, Faulty{R"({"choices":[]})", "0 choices"},
                      Faulty{R"({"choices":[{"text":"a"},{"text":"b"}]})", "2 choices"},
                      Faulty{R"({"choices":["a"]})", "a choice"},
                      Faulty{R"({"choices":[{"index":1,"text":"a","finish_reason":"stop"}]})", "choice 1"},
                      Faulty{R"({"choices":[{"text":5,"finish_reason":"stop"}]})", "text"},
                      Faulty{R"({"choices":[{"text":"a","finish_reason":7}]})", "finish_reason"},
                      Faulty{R"({"choices":[{"text":"a","finish_reason":"abort"}]})", "\"abort\""},
                      Faulty{R"({"choices":[{"text":"a"}]})", "no finish_reason"},
                      Faulty{R"({"error":{"message":"out of\u001b[2J memory"}})", "out of\\u001b[2J memory"}));

TEST(AnswerReader, RefusesPiecesThatDoNotBelongTogether) {
  EXPECT_THAT(
      [] {
        pieces(EndpointApi::kCompletions, {R"({"id":"a","choices":[{"text":"x"}]})",
                                           R"({"id":"b","choices":[{"text":"y","finish_reason":"stop"}]})"});
      },
      ThrowsMessage<Error>(HasSubstr("two answers")));
  EXPECT_THAT(
      [] {
        pieces(EndpointApi::kCompletions,
               {R"({"choices":[{"text":"x","finish_reason":"stop"}]})", R"({"choices":[{"text":"y"}]})"});
      },
      ThrowsMessage<Error>(HasSubstr("behind its end")));
  EXPECT_THAT([] { pieces(EndpointApi::kCompletions, {R"({"choices":[{"text":"x"}]})"}); },
              ThrowsMessage<Error>(HasSubstr("cut")));
  EXPECT_THAT(
      [] { pieces(EndpointApi::kCompletions, std::vector<std::string>(11, R"({"choices":[{"text":"0123456789"}]})")); },
      ThrowsMessage<Error>(HasSubstr("100 bytes")));
}

TEST(TokenCounts, StandWhereTheyArePossible) {
  const auto judge = [](std::optional<std::int64_t> told, std::optional<std::int64_t> counted) {
    return judge_count("n", told, 100, "some text", counted);
  };
  EXPECT_EQ(judge(50, 48).tokens, 50);
  EXPECT_EQ(judge(50, std::nullopt).tokens, 50);
  EXPECT_EQ(judge(50, 48).remark, "");
  EXPECT_EQ(judge(std::nullopt, 48).tokens, 48);
  EXPECT_EQ(judge(std::nullopt, 48).remark, "n: the server did not say, counted here");
  EXPECT_EQ(judge(std::nullopt, std::nullopt).tokens, -1);
  EXPECT_EQ(judge(101, 48).tokens, 48);
  EXPECT_EQ(judge(-5, std::nullopt).tokens, -1);
  EXPECT_EQ(judge(0, std::nullopt).tokens, -1);
  EXPECT_EQ(judge(3, 90).tokens, 90);
  EXPECT_EQ(judge(95, 4).tokens, 4);
  EXPECT_EQ(judge(500, 400).tokens, -1);
  EXPECT_EQ(judge_count("n", 1, 100, "", 0).tokens, 1);
  EXPECT_EQ(judge_count("n", INT64_MAX, INT64_MAX, "x", 1).tokens, 1);
}

}  // namespace
}  // namespace qreason
