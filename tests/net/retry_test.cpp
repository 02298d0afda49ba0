#include "net/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/chrono.h>

#include "net/url.h"

namespace qreason {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

HttpError status(int code, const std::string& retry_after = "") {
  HttpResponse response{.status = code};
  if (!retry_after.empty()) response.headers.add("retry-after", retry_after);
  return {"http://hub/x", std::move(response), {}};
}

HttpError failure(HttpFailure kind) {
  return {kind, "http://hub/x", "failed"};
}

TEST(Retry, AsksAgainOnlyWhatMayPass) {
  for (const int code : {408, 425, 429, 500, 502, 503, 504}) EXPECT_TRUE(may_pass(status(code))) << code;
  for (const int code : {304, 400, 401, 403, 404, 409, 416, 422, 501, 505})
    EXPECT_FALSE(may_pass(status(code))) << code;
  for (const auto kind : {HttpFailure::kNoHost, HttpFailure::kConnect, HttpFailure::kCut, HttpFailure::kStalled})
    EXPECT_TRUE(may_pass(failure(kind)));
  for (const auto kind : {HttpFailure::kRequest, HttpFailure::kTls, HttpFailure::kTooLarge, HttpFailure::kRedirect,
                          HttpFailure::kProtocol})
    EXPECT_FALSE(may_pass(failure(kind)));
}

TEST(Retry, PausesDoubleAndHonourRetryAfter) {
  const RetryPolicy policy{.first_seconds = 1, .longest_seconds = 10};
  EXPECT_DOUBLE_EQ(retry_pause(policy, 1, status(500), 0), 0.5);
  EXPECT_DOUBLE_EQ(retry_pause(policy, 3, status(500), 0), 2);
  EXPECT_DOUBLE_EQ(retry_pause(policy, 3, status(500), 0.5), 3);
  EXPECT_DOUBLE_EQ(retry_pause(policy, 1000, status(500), 0), 5);
  EXPECT_DOUBLE_EQ(retry_pause(policy, 1, status(429, "7"), 0), 7);
  EXPECT_DOUBLE_EQ(retry_pause(policy, 4, status(429, "2"), 0), 4);
}

TEST(Retry, ReadsRetryAfterAsSecondsAndAsADate) {
  EXPECT_EQ(status(429, "120").retry_after(), 120);
  EXPECT_EQ(status(429).retry_after(), std::nullopt);
  EXPECT_EQ(status(429, "soon").retry_after(), std::nullopt);
  EXPECT_EQ(status(429, "-3").retry_after(), std::nullopt);
  EXPECT_EQ(status(429, "Wed, 21 Oct 2015 07:28:00 GMT").retry_after(), 0);
  const auto later = std::chrono::system_clock::now() + std::chrono::seconds(100);
  const std::string date = fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(later));
  EXPECT_NEAR(status(503, date).retry_after().value_or(-1), 100, 20);
}

TEST(Retry, ReadsWhenAnExhaustedLimitIsFilledAgain) {
  const auto limited = [](const std::string& limit) {
    return HttpError("http://hub/x", {.status = 429, .headers = {{"RateLimit", limit}}}, {}).retry_after();
  };
  EXPECT_EQ(limited("\"api\";r=0;t=55"), 55);
  EXPECT_EQ(limited("\"api\";r=10;t=55"), std::nullopt);
  EXPECT_EQ(limited("\"api\";r=0;t=soon"), std::nullopt);
}

TEST(Retry, TriesUntilItWorksOrIsNoUse) {
  const Retries::Options quick{.policy = {.attempts = 3, .first_seconds = 0}};
  int calls = 0;
  const auto fails = [&calls](int times, int code) {
    calls = 0;
    return [&calls, times, code] {
      if (++calls <= times) throw status(code);
      return 7;
    };
  };
  EXPECT_EQ(with_retries(quick, fails(2, 503)), 7);
  EXPECT_EQ(calls, 3);
  EXPECT_THROW(with_retries(quick, fails(3, 503)), HttpError);
  EXPECT_EQ(calls, 3);
  EXPECT_THROW(with_retries(quick, fails(1, 404)), HttpError);
  EXPECT_EQ(calls, 1);
}

TEST(Retry, CountsFromTheBeginningWhenTheWorkCameFurther) {
  Retries retries({.policy = {.attempts = 2, .first_seconds = 0}});
  for (int i = 0; i < 10; ++i) {
    EXPECT_NO_THROW(retries.after(failure(HttpFailure::kCut)));
    retries.advanced();
  }
  EXPECT_NO_THROW(retries.after(failure(HttpFailure::kCut)));
  EXPECT_THROW(retries.after(failure(HttpFailure::kCut)), HttpError);
}

TEST(Retry, WaitsNotLongerThanItsPatienceAndNotWhileSomebodyObjects) {
  Retries impatient({.policy = {.patience_seconds = 100}});
  EXPECT_THROW(impatient.after(status(429, "101")), HttpError);
  Retries watched({.policy = {.first_seconds = 1000}, .watch = [] { throw Error("watch", "enough"); }});
  EXPECT_THROW(watched.after(failure(HttpFailure::kCut)), Error);
}

TEST(Url, ShowsNoSecrets) {
  EXPECT_EQ(shown_url("https://hub/x/y?X-Signature=abc#part"), "https://hub/x/y");
  EXPECT_EQ(shown_url("https://me:pass@hub/x"), "https://hub/x");
  EXPECT_EQ(shown_url("https://me:pa@ss@hub/x@y"), "https://hub/x@y");
  EXPECT_EQ(shown_url("me:pass@hub"), "hub");
  EXPECT_EQ(shown_url("https://hub/x?mail=me@home"), "https://hub/x");
  // No URLs: people do not write % for what passwords may not hold.
  for (const char* url : {"http://me:pa/ss@hub:80/v1", "http://me:pa?ss@hub:80/v1", "http://me:pa#ss@hub:80/v1",
                          "http://me:pa ss@hub:80/v1", "me:pa/ss@hub:80/v1"})
    EXPECT_THAT(shown_url(url), AllOf(EndsWith("hub:80/v1"), Not(HasSubstr("pa")), Not(HasSubstr("ss")))) << url;
  EXPECT_THAT(shown_url("http://hub/\x1b[31m"), Not(HasSubstr("\x1b")));
}

TEST(Url, StrikesPasswordsOutOfMessages) {
  EXPECT_EQ(without_passwords("no such file: http://me:pass@hub:80/v1, nor \"https://you:word@hub\""),
            "no such file: http://hub:80/v1, nor \"https://hub\"");
  EXPECT_EQ(without_passwords("--url=http://me:pa/ss@hub://"), "--url=http://hub://");
  EXPECT_EQ(without_passwords("http://hub/a@b and me@home"), "http://hub/a@b and me@home");
  EXPECT_EQ(without_passwords("nothing of it"), "nothing of it");
  EXPECT_EQ(password_of("http://me:p%40ss@hub/x"), "p@ss");
  EXPECT_EQ(password_of("http://me@hub/x"), "");
}

TEST(Url, KnowsItsOrigin) {
  EXPECT_EQ(origin_of("http://Hub.example"), origin_of("HTTP://hub.example:80/x"));
  EXPECT_FALSE(origin_of("http://hub") == origin_of("https://hub"));
  EXPECT_FALSE(origin_of("http://hub:80") == origin_of("http://hub:81"));
  EXPECT_FALSE(origin_of("http://hub") == origin_of("http://hub.evil"));
  EXPECT_EQ(origin_of("http://hub@evil/").host, "evil");
}

TEST(Url, EncodesSegments) {
  EXPECT_EQ(url_segment("a/b c?%\xc3\xa9"), "a%2Fb%20c%3F%25%C3%A9");
  EXPECT_EQ(url_path("Q4/a-b_c.~gguf"), "Q4/a-b_c.~gguf");
}

}  // namespace
}  // namespace qreason
