// Servers that lie, cut, stall and never end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>

#include "base/interrupt.h"
#include "net/http_client.h"
#include "support/fixtures.h"
#include "support/raw_server.h"

#include "support/local_server.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using testing::RawConnection;
using testing::RawServer;

HttpError failure_of(const HttpRequest& request, std::string* received = nullptr) {
  try {
    HttpClient().stream(request, [&](const HttpResponse&, std::string_view chunk) {
      if (received != nullptr) *received += chunk;
      return HttpClient::Flow::kGoOn;
    });
  } catch (const HttpError& error) {
    return error;
  }
  return {HttpFailure::kRequest, "http://none", "no failure"};
}

RawServer server_of(const std::string& answer) {
  return RawServer([answer](const RawConnection& connection, const std::string&) { connection.send(answer); });
}

TEST(HttpFaults, CallsAnAnswerThatEndsTooEarlyCut) {
  std::string received;
  const RawServer cut = server_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
  EXPECT_EQ(failure_of({.url = cut.url()}, &received).failure(), HttpFailure::kCut);
  EXPECT_EQ(received, "12345");
  const RawServer in_head = server_of("HTTP/1.1 200 OK\r\nContent-Le");
  EXPECT_EQ(failure_of({.url = in_head.url()}).failure(), HttpFailure::kCut);
  const RawServer silent = server_of("");
  EXPECT_EQ(failure_of({.url = silent.url()}).failure(), HttpFailure::kCut);
  const RawServer in_chunks = server_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n5\r\n12");
  EXPECT_EQ(failure_of({.url = in_chunks.url()}).failure(), HttpFailure::kCut);
  const RawServer reset([](const RawConnection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
    connection.reset();
  });
  EXPECT_EQ(failure_of({.url = reset.url()}).failure(), HttpFailure::kCut);
}

TEST(HttpFaults, TakesNoMoreThanTheLengthThatWasPromised) {
  const RawServer server = server_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n12345");
  EXPECT_EQ(HttpClient().fetch({.url = server.url()}).body, "123");
}

TEST(HttpFaults, CallsWhatIsNoHttpAProtocolFailure) {
  for (const char* answer : {"garbage\r\n\r\n", "220 mail.example ESMTP\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx",
                             "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nxx"}) {
    const RawServer server = server_of(answer);
    EXPECT_EQ(failure_of({.url = server.url()}).failure(), HttpFailure::kProtocol) << answer;
  }
}

TEST(HttpFaults, RefusesARangeThatWasNotAskedFor) {
  for (const char* range :
       {"bytes 0-4/10", "bytes 6-9/10", "pages 5-9/10", "", "bytes */10", "bytes 99999999999999999999999-"}) {
    const RawServer server = server_of(std::string("HTTP/1.1 206 Partial\r\nContent-Length: 5\r\nContent-Range: ") +
                                       range + "\r\n\r\n56789");
    std::string received;
    EXPECT_EQ(failure_of({.url = server.url(), .offset = 5}, &received).failure(), HttpFailure::kProtocol) << range;
    EXPECT_EQ(received, "");
  }
  const RawServer whole = server_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n56789");
  EXPECT_EQ(HttpClient().fetch({.url = whole.url(), .offset = 5}).offset, 0u) << "a server without ranges";
}

TEST(HttpFaults, EndsEndlessHeadersAndBodies) {
  const RawServer headers([](const RawConnection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\n");
    while (connection.send("X-More: " + std::string(1000, 'x') + "\r\n")) {
    }
  });
  EXPECT_EQ(failure_of({.url = headers.url()}).failure(), HttpFailure::kTooLarge);
  const RawServer body([](const RawConnection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    while (connection.send(std::string(1000, 'x'))) {
    }
  });
  EXPECT_EQ(failure_of({.url = body.url(), .limits = {.body_bytes = 100000}}).failure(), HttpFailure::kTooLarge);
  const RawServer interim([](const RawConnection& connection, const std::string&) {
    while (connection.send("HTTP/1.1 103 Early\r\nX-More: " + std::string(1000, 'x') + "\r\n\r\n")) {
    }
  });
  EXPECT_EQ(failure_of({.url = interim.url()}).failure(), HttpFailure::kTooLarge);
}

TEST(HttpFaults, TellsStalledServersFromSlowOnes) {
  const HttpLimits limits{.stall_seconds = 0.6};
  const RawServer mute([](const RawConnection& connection, const std::string&) { connection.wait(); });
  EXPECT_EQ(failure_of({.url = mute.url(), .limits = limits}).failure(), HttpFailure::kStalled);
  const RawServer stalled([](const RawConnection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
    connection.wait();
  });
  EXPECT_EQ(failure_of({.url = stalled.url(), .limits = limits}).failure(), HttpFailure::kStalled);
  const RawServer slow([](const RawConnection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      connection.send("x");
    }
  });
  EXPECT_EQ(HttpClient().fetch({.url = slow.url(), .limits = {.stall_seconds = 30}}).body, "xxxxxxxxxx");
  const HttpError late = failure_of({.url = slow.url(), .limits = {.total_seconds = 0.4}});
  EXPECT_EQ(late.failure(), HttpFailure::kStalled);
  EXPECT_THAT(late.what(), HasSubstr("more than 0.4 s"));
}

TEST(HttpFaults, TellsThatNobodyIsThere) {
  int port = 0;
  {
    const RawServer gone = server_of("");
    port = gone.port();
  }
  EXPECT_EQ(failure_of({.url = "http://127.0.0.1:" + std::to_string(port)}).failure(), HttpFailure::kConnect);
  EXPECT_EQ(failure_of({.url = "http://no-such-host.invalid/"}).failure(), HttpFailure::kNoHost);
}

TEST(HttpFaults, TrustsOnlyCertificatesThatItKnows) {
  const testing::ScratchFolder folder;
  const std::string key = (folder.path() / "key.pem").string(), certificate = (folder.path() / "cert.pem").string();
  ASSERT_EQ(testing::run_command("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext "
                                 "subjectAltName=IP:127.0.0.1 -keyout " +
                                 key + " -out " + certificate)
                .exit_code,
            0);
  httplib::SSLServer server(certificate.c_str(), key.c_str());
  const testing::LocalServer plain;
  server.Get("/",
             [](const httplib::Request&, httplib::Response& response) { response.set_content("safe", "text/plain"); });
  server.Get("/down", [](const httplib::Request&, httplib::Response& response) {
    response.set_redirect("http://127.0.0.1:1/");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  const std::string url = "https://127.0.0.1:" + std::to_string(port);
  EXPECT_EQ(failure_of({.url = url}).failure(), HttpFailure::kTls);
  ::setenv("SSL_CERT_FILE", certificate.c_str(), 1);
  EXPECT_EQ(HttpClient().fetch({.url = url}).body, "safe");
  const HttpError down = failure_of({.url = url + "/down"});
  ::unsetenv("SSL_CERT_FILE");
  server.stop();
  thread.join();
  EXPECT_EQ(down.failure(), HttpFailure::kRedirect);
  EXPECT_THAT(down.what(), HasSubstr("expected https still"));
}

TEST(HttpFaults, IsEndedByWhoeverWatches) {
  const RawServer mute([](const RawConnection& connection, const std::string&) { connection.wait(); });
  int calls = 0;
  HttpClient client({.watch = [&] {
    if (++calls == 3) throw Error("watch", "enough");
  }});
  EXPECT_THROW(client.fetch({.url = mute.url()}), Error);
  EXPECT_EQ(calls, 3);
}

// A signal's mark stays with the process: another one is asked to send the request, before this one has threads.
TEST(HttpFaults, IsEndedByASignalWithinASecond) {
  std::array<int, 2> address{};
  ASSERT_EQ(::pipe(address.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    install_interrupt_handler();
    std::string url(100, '\0');
    url.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(address[0], url.data(), url.size()))));
    try {
      HttpClient().fetch({.url = url});
    } catch (const Error& error) {
      ::_exit(error.kind() == ErrorKind::kInterrupted ? 130 : 1);
    }
    ::_exit(0);
  }
  const RawServer mute([](const RawConnection& connection, const std::string&) { connection.wait(); });
  const std::string url = mute.url();
  ASSERT_EQ(::write(address[1], url.data(), url.size()), static_cast<ssize_t>(url.size()));
  while (mute.heads().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ::kill(child, SIGINT);
  int status = 0;
  ::waitpid(child, &status, 0);
  for (const int end : address) ::close(end);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130);
}

}  // namespace
}  // namespace qreason
