// What is asked of a server at the start, and how often.
#include "endpoint/server_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "support/endpoint_server.h"
#include "support/raw_server.h"

namespace qreason {
namespace {
using testing::FakeServer;
using ::testing::HasSubstr;
using testing::RawConnection;
using testing::RawServer;
using ::testing::StartsWith;

constexpr int kAttempts = 8;
Patience patience() {
  return {.policy = {.attempts = kAttempts, .first_seconds = 0.001, .longest_seconds = 0.01}, .place = "the server"};
}

ServerManners manners_at(const std::string& url) {
  ServerConnection connection({.url = url, .key = {}}, {});
  return learn_manners(connection,
                       {.api = EndpointApi::kCompletions,
                        .model = "served/toy",
                        .request = {.prompt = "What is 2 plus 3?", .sampling = {.temperature = 0.6F}, .seed = 1}},
                       patience());
}

TEST(LearnManners, AsksEachQuestionAgainAsOftenAsAnAnswer) {
  std::atomic<int> busy{0};
  const FakeServer server([&](const Json& body, int, httplib::Response& response) {
    // The second time the same request comes, and that with another seed, are busy all but the last time.
    const bool first = busy++ == 0;
    if (first || busy % kAttempts == 1 || body["temperature"] == 0) return false;
    if (busy % 3 == 0)
      response.set_content(FakeServer::piece("cut"), "text/event-stream");
    else
      response.status = busy % 2 == 0 ? 429 : 503;
    return true;
  });
  const ServerManners manners = manners_at(server.url());
  EXPECT_THAT(manners.seed, StartsWith("honoured"));
  EXPECT_THAT(manners.top_k, StartsWith("not told apart"));
  EXPECT_TRUE(manners.known());
}

TEST(LearnManners, KnowsNothingOfAQuestionThatFailsForGood) {
  std::atomic<int> asked{0};
  const FakeServer server([&](const Json&, int, httplib::Response& response) {
    if (asked++ == 0) return false;
    response.status = 503;
    return true;
  });
  const ServerManners manners = manners_at(server.url());
  EXPECT_THAT(manners.seed, StartsWith("not known"));
  EXPECT_FALSE(manners.known()) << "so that a later run asks";
  EXPECT_EQ(asked, 1 + 2 * kAttempts);
}

TEST(ServerFacts, WaitForAServerThatWarmsUp) {
  std::atomic<int> asked{0};
  const RawServer server([&](const RawConnection& connection, const std::string& head) {
    const std::string body = head.starts_with("GET /v1/models") ? R"({"data":[{"id":"m"}]})" : "{}";
    if (++asked < kAttempts)
      connection.send("HTTP/1.1 503 Loading\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    else
      connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                      "\r\n\r\n" + body);
  });
  ServerConnection connection({.url = server.url("/v1"), .key = {}}, {});
  EXPECT_EQ(ask_server_facts(connection, patience()).models, std::vector<std::string>{"m"});
}

// The port is that of a server that has gone.
TEST(ServerFacts, WaitForAServerThatDoesNotListenYet) {
  int asked = 1;
  Patience waiting = patience();
  waiting.on_again = [&](const std::string&) { ++asked; };
  std::string url;
  {
    const RawServer gone([](const RawConnection&, const std::string&) {});
    url = gone.url("/v1");
  }
  ServerConnection connection({.url = url, .key = {}}, {});
  EXPECT_THROW(ask_server_facts(connection, waiting), HttpError);
  EXPECT_EQ(asked, kAttempts) << "as often as one that answers 503";
  ServerConnection nowhere({.url = "http://no-such-host.invalid/v1", .key = {}}, {});
  asked = 1;
  EXPECT_THAT([&] { ask_server_facts(nowhere, waiting); },
              ::testing::ThrowsMessage<HttpError>(HasSubstr("no connection")));
  EXPECT_EQ(asked, 3);
}

TEST(ServerConnection, RefusesMoreTextThanTokensCanBe) {
  constexpr std::size_t kTokens = 10;
  std::atomic<std::size_t> size{64 * kTokens};
  const FakeServer server([&](const Json&, int, httplib::Response& response) {
    response.set_content(FakeServer::piece(std::string(size, 'x')) + FakeServer::end(nullptr), "text/event-stream");
    return true;
  });
  ServerConnection connection({.url = server.url(), .key = {}}, {});
  const auto ask = [&] {
    return connection.ask(EndpointApi::kCompletions, {{"prompt", "What is 2 plus 3?"}, {"stream", true}}, kTokens);
  };
  EXPECT_EQ(ask().text.size(), size);
  ++size;
  EXPECT_THAT(ask, ::testing::ThrowsMessage<Error>(HasSubstr("more than 640 bytes of text")));
}

TEST(ServerConnection, TakesDripsForSilence) {
  const RawServer server([&](const RawConnection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
    while (connection.send(": still here\n")) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  });
  ServerConnection connection({.url = server.url("/v1"), .key = {}}, {.silence_seconds = 0.5});
  EXPECT_THAT(
      [&] {
        connection.ask(EndpointApi::kCompletions, {{"prompt", "x"}, {"stream", true}}, 10);
      },
      ::testing::ThrowsMessage<HttpError>(HasSubstr("no piece of an answer")));
}

}  // namespace
}  // namespace qreason
