// Against a server of another hand (cpp-httplib): what it understands of our requests, what we take of its answers.
#include "net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "support/local_server.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Flow = HttpClient::Flow;

template <class Ask>
HttpError failure_of(Ask&& ask) {
  try {
    ask();
  } catch (const HttpError& error) {
    return error;
  }
  return {HttpFailure::kRequest, "http://none", "no failure"};
}

class HttpClientTest : public ::testing::Test {
 protected:
  HttpError failure(const HttpRequest& request) {
    return failure_of([&] { client.fetch(request); });
  }
  testing::LocalServer local;
  HttpClient client;
};

TEST_F(HttpClientTest, SendsMethodHeadersAndBodyAndTakesTheAnswer) {
  local.server.Post("/echo", [](const httplib::Request& request, httplib::Response& response) {
    response.set_header("X-Seen", request.get_header_value("X-Mine") + "|" + request.get_header_value("X-Empty") + "|" +
                                      request.get_header_value("Content-Type"));
    response.status = 201;
    response.set_content(request.body, "application/octet-stream");
  });
  local.start();
  const std::string body("a\0b\xff", 4);
  const HttpResponse response =
      client.fetch({.method = "POST",
                    .url = local.url("/echo?q=1"),
                    .headers = {{"X-Mine", "one"}, {"X-Empty", ""}, {"Content-Type", "application/json"}},
                    .body = body});
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, body);
  EXPECT_EQ(response.headers.find("x-SEEN"), "one||application/json");
  EXPECT_EQ(response.headers.find("x-see"), std::nullopt);
}

TEST_F(HttpClientTest, AsksForTheHeadAlone) {
  local.server.Get("/file", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(std::string(1000, 'x'), "text/plain");
  });
  local.start();
  const HttpResponse response = client.fetch({.method = "HEAD", .url = local.url("/file")});
  EXPECT_EQ(response.headers.find("Content-Length"), "1000");
  EXPECT_EQ(response.body, "");
}

TEST_F(HttpClientTest, KeepsItsConnectionBetweenRequests) {
  std::set<int> ports;
  local.server.Get("/", [&](const httplib::Request& request, httplib::Response& response) {
    ports.insert(request.remote_port);
    response.set_content("x", "text/plain");
  });
  local.start();
  for (int i = 0; i < 4; ++i) client.fetch({.url = local.url()});
  EXPECT_EQ(ports.size(), 1u);
  HttpClient().fetch({.url = local.url()});
  EXPECT_EQ(ports.size(), 2u);
}

TEST_F(HttpClientTest, GoesOnFromAByte) {
  const std::string whole = "0123456789";
  local.server.Get("/ranges", [&](const httplib::Request&, httplib::Response& response) {
    response.set_content(whole, "text/plain");  // httplib cuts the range out
  });
  local.server.Get("/none", [&](const httplib::Request&, httplib::Response& response) {
    response.set_content_provider("text/plain", [&](std::size_t, httplib::DataSink& sink) {
      sink.write(whole.data(), whole.size());
      sink.done();
      return true;
    });
  });
  local.start();
  const HttpResponse rest = client.fetch({.url = local.url("/ranges"), .offset = 4});
  EXPECT_EQ(rest.status, 206);
  EXPECT_EQ(rest.offset, 4u);
  EXPECT_EQ(rest.body, "456789");
  EXPECT_EQ(failure({.url = local.url("/ranges"), .offset = 10}).status(), 416);
}

TEST_F(HttpClientTest, GivesTheBodyToASinkThatMayStop) {
  local.server.Get("/endless", [](const httplib::Request&, httplib::Response& response) {
    response.set_chunked_content_provider("text/event-stream", [](std::size_t, httplib::DataSink& sink) {
      const std::string event = "data: token\n\n";
      return sink.write(event.data(), event.size());
    });
  });
  local.server.Get("/small", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("small", "text/plain");
  });
  local.start();
  std::string taken;
  const HttpResponse head =
      client.stream({.url = local.url("/endless")}, [&](const HttpResponse& so_far, std::string_view chunk) {
        EXPECT_EQ(so_far.headers.find("Content-Type"), "text/event-stream");
        taken += chunk;
        return taken.size() > 1000 ? Flow::kStop : Flow::kGoOn;
      });
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_THAT(taken, ::testing::StartsWith("data: token\n\ndata: token\n\n"));
  EXPECT_EQ(client.fetch({.url = local.url("/small")}).body, "small") << "the client goes on";
}

TEST_F(HttpClientTest, HandsOnWhatASinkThrows) {
  local.server.Get(
      "/", [](const httplib::Request&, httplib::Response& response) { response.set_content("body", "text/plain"); });
  local.start();
  const auto sink = [](const HttpResponse&, std::string_view) -> Flow { throw Error("disk", "full"); };
  try {
    client.stream({.url = local.url()}, sink);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "disk: full");
  }
}

TEST_F(HttpClientTest, TellsWhatAFailingServerSaysAndKeepsItFromTheSink) {
  local.server.Get("/plain", [](const httplib::Request&, httplib::Response& response) {
    response.status = 403;
    response.set_content("not\nfor you", "text/plain");
  });
  local.server.Get("/json", [](const httplib::Request&, httplib::Response& response) {
    response.status = 404;
    response.set_content(R"({"error": {"message": "no such model", "code": 5}})", "application/json");
  });
  local.server.Get("/html", [](const httplib::Request&, httplib::Response& response) {
    response.status = 500;
    response.set_content("<html><body>Oops</body></html>", "text/html");
  });
  local.server.Get("/long", [](const httplib::Request&, httplib::Response& response) {
    response.status = 500;
    response.set_content(std::string(1 << 20, 'x'), "text/plain");
  });
  local.start();
  const auto sink = [](const HttpResponse&, std::string_view) -> Flow { throw Error("sink", "called"); };
  EXPECT_STREQ(failure_of([&] { client.stream({.url = local.url("/plain?token=secret")}, sink); }).what(),
               (local.url("/plain") + ": status 403 (not for you)").c_str());
  const HttpError json = failure({.url = local.url("/json")});
  EXPECT_THAT(json.what(), HasSubstr("/json: status 404 (no such model)"));
  EXPECT_EQ(json.failure(), HttpFailure::kStatus);
  EXPECT_EQ(json.status(), 404);
  EXPECT_THAT(json.response().body, HasSubstr("\"code\": 5"));
  EXPECT_THAT(failure({.url = local.url("/html")}).what(), ::testing::EndsWith("/html: status 500"));
  EXPECT_EQ(failure({.url = local.url("/long")}).response().body.size(), HttpLimits{}.failure_bytes);
}

TEST_F(HttpClientTest, RefusesABodyBeyondItsLimit) {
  local.server.Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(std::string(1001, 'x'), "text/plain");
  });
  local.start();
  EXPECT_EQ(failure({.url = local.url(), .limits = {.body_bytes = 1000}}).failure(), HttpFailure::kTooLarge);
  EXPECT_EQ(client.fetch({.url = local.url(), .limits = {.body_bytes = 1001}}).body.size(), 1001u);
}

TEST_F(HttpClientTest, FollowsRedirectsAndKeepsTheirHeaders) {
  local.server.Get("/a", [](const httplib::Request&, httplib::Response& response) {
    response.set_header("X-Linked-Size", "12");
    response.set_redirect("/b");
  });
  local.server.Get("/b",
                   [](const httplib::Request&, httplib::Response& response) { response.set_redirect("c?x=1", 307); });
  local.server.Get("/c", [](const httplib::Request& request, httplib::Response& response) {
    response.set_content(request.get_param_value("x"), "text/plain");
  });
  local.server.Get("/circle",
                   [](const httplib::Request&, httplib::Response& response) { response.set_redirect("/circle"); });
  local.server.Get("/file", [](const httplib::Request&, httplib::Response& response) {
    response.set_redirect("file:///etc/passwd");
  });
  local.server.Get("/nowhere", [](const httplib::Request&, httplib::Response& response) { response.status = 302; });
  local.server.Post("/a", [](const httplib::Request&, httplib::Response& response) { response.set_redirect("/c"); });
  local.start();
  const HttpResponse response = client.fetch({.url = local.url("/a")});
  EXPECT_EQ(response.body, "1");
  ASSERT_EQ(response.redirects.size(), 2u);
  EXPECT_EQ(response.redirects[0].find("x-linked-size"), "12");
  EXPECT_EQ(failure({.url = local.url("/circle")}).failure(), HttpFailure::kRedirect);
  EXPECT_THAT(failure({.url = local.url("/circle")}).what(), HasSubstr("more than 8 redirects"));
  EXPECT_EQ(failure({.url = local.url("/file")}).failure(), HttpFailure::kRedirect);
  EXPECT_EQ(failure({.url = local.url("/nowhere")}).failure(), HttpFailure::kRedirect);
  EXPECT_THAT(failure({.method = "POST", .url = local.url("/a"), .body = "x"}).what(),
              HasSubstr("a redirect (302) of a POST"));
}

TEST_F(HttpClientTest, SendsSecretsToTheFirstServerAlone) {
  testing::LocalServer other;
  std::string seen = "nothing", kept = "nothing";
  other.server.Get("/file", [&](const httplib::Request& request, httplib::Response& response) {
    seen = request.get_header_value("Authorization") + request.get_header_value("Cookie");
    kept = request.get_header_value("X-Mine");
    response.set_redirect(local.url("/back"));
  });
  other.start();
  std::string first = "nothing", same = "nothing", back = "nothing";
  local.server.Get("/a", [&](const httplib::Request& request, httplib::Response& response) {
    first = request.get_header_value("Authorization");
    response.set_redirect("/b");
  });
  local.server.Get("/b", [&](const httplib::Request& request, httplib::Response& response) {
    same = request.get_header_value("Authorization");
    response.set_redirect(other.url("/file"));
  });
  local.server.Get("/back", [&](const httplib::Request& request, httplib::Response& response) {
    back = request.get_header_value("Authorization");
    response.set_content("x", "text/plain");
  });
  local.start();
  client.fetch({.url = local.url("/a"),
                .headers = {{"authorization", "Bearer s3cret"}, {"Cookie", "id=7"}, {"X-Mine", "open"}}});
  EXPECT_EQ(first, "Bearer s3cret");
  EXPECT_EQ(same, "Bearer s3cret");
  EXPECT_EQ(seen, "");
  EXPECT_EQ(kept, "open");
  EXPECT_EQ(back, "") << "the way led through a stranger";
}

TEST_F(HttpClientTest, StrikesSecretsOutOfErrors) {
  local.server.Get("/", [](const httplib::Request& request, httplib::Response& response) {
    response.status = 401;
    response.set_content("bad token " + request.get_header_value("Authorization").substr(7) + " of me:" + "s3cret",
                         "text/plain");
  });
  local.start();
  const HttpError echoed = failure({.url = local.url(), .headers = {{"Authorization", "Bearer s3cret"}}});
  EXPECT_THAT(echoed.what(), HasSubstr("bad token *** of me:***"));
  EXPECT_THAT(echoed.response().body, Not(HasSubstr("s3cret")));
  const std::string mine = local.url("/").replace(0, 7, "http://me:s3cret@");
  EXPECT_THAT(failure({.url = mine, .headers = {{"Authorization", "Bearer x"}}}).what(), Not(HasSubstr("s3cret")));
  const HttpError torn = failure({.url = local.url(), .headers = {{"Authorization", "Bearer s3cret\nX: y"}}});
  EXPECT_EQ(torn.failure(), HttpFailure::kRequest);
  EXPECT_THAT(torn.what(), Not(HasSubstr("s3cret")));
  const std::string with_password = "http://me:s3cret@127.0.0.1:1/x?key=s3cret";
  EXPECT_THAT(failure({.url = with_password}).what(), Not(HasSubstr("s3cret")));
}

TEST_F(HttpClientTest, RefusesWhatIsNoAddress) {
  for (const char* url : {"", "no address", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://[::1", "http://a b/"})
    EXPECT_EQ(failure({.url = url}).failure(), HttpFailure::kRequest) << url;
}

TEST_F(HttpClientTest, GoesThroughTheProxyThatTheEnvironmentNames) {
  std::string asked;
  local.server.Get(".*", [&](const httplib::Request& request, httplib::Response& response) {
    asked = request.target;
    response.set_content("by proxy", "text/plain");
  });
  local.start();
  ::setenv("http_proxy", local.url("").c_str(), 1);
  const std::string body = client.fetch({.url = "http://hub.invalid/file"}).body;
  ::setenv("no_proxy", "127.0.0.1", 1);
  client.fetch({.url = local.url("/direct")});
  ::unsetenv("http_proxy");
  ::unsetenv("no_proxy");
  EXPECT_EQ(body, "by proxy");
  EXPECT_EQ(asked, "/direct");
}

}  // namespace
}  // namespace qreason
