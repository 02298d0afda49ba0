#include "endpoint/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "endpoint/event_stream.h"
#include "net/url.h"

namespace qreason {
namespace {

constexpr double kConnectSeconds = 15;
constexpr double kForever = 1e6;            // our own clock counts pieces of answers, not bytes
constexpr double kSlowestTokens = 5;        // a second, of answers that come whole
constexpr std::uint64_t kTextBytes = 64;    // a token, at most, taken over a whole answer
constexpr std::uint64_t kWireBytes = 4096;  // a token's piece of a stream, the most that is taken over a whole answer
constexpr std::uint64_t kSpareBytes = std::uint64_t{1} << 20;
constexpr std::size_t kEventBytes = std::size_t{4} << 20;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool is_stream(const HttpResponse& head) {
  return head.headers.find("Content-Type").value_or("").starts_with("text/event-stream");
}

// Pieces as they come; whatever its type says, an answer that is one JSON object is whole.
class Receiver {
 public:
  Receiver(EndpointApi api, std::int64_t max_tokens)
      : tokens_(static_cast<std::uint64_t>(std::max<std::int64_t>(1, max_tokens))),
        reader_(api, {.text_bytes = std::min(tokens_, kMostTokens) * kTextBytes}),
        events_(kEventBytes) {}

  // Whether a piece of the answer came. Bytes of what is no event, and of a whole answer, are none: they may drip.
  bool take(const HttpResponse& head, std::string_view bytes) {
    if ((received_ += bytes.size()) > limit())
      throw Error("the server's answer", fmt::format("more than {} bytes", limit()), "what max_tokens allows");
    if (!is_stream(head)) {
      whole_ += bytes;
      return false;
    }
    bool came = false;
    events_.feed(bytes, [&](std::string_view data) {
      if (done_ || data.empty()) return;
      came = true;
      if (data == "[DONE]")
        done_ = true;
      else
        reader_.take_piece(parse_json(data, "the server's stream"));
    });
    return came;
  }

  bool done() const { return done_; }

  ServerAnswer finish(const std::string& url) && {
    if (!whole_.empty()) reader_.take_whole(parse_json(whole_, "the server's answer"));
    if (!reader_.ended())
      throw HttpError(HttpFailure::kCut, url, "an answer that ends before its finish_reason", "a whole one");
    return std::move(reader_).finish();
  }

 private:
  static constexpr std::uint64_t kMostTokens = std::uint64_t{1} << 22;
  std::uint64_t limit() const { return std::min(tokens_, kMostTokens) * kWireBytes + kSpareBytes; }

  std::uint64_t tokens_;
  AnswerReader reader_;
  EventStream events_;
  std::string whole_;
  std::uint64_t received_ = 0;
  bool done_ = false;
};

}  // namespace

ServerAddress server_address(const std::string& url, const std::string& key) {
  constexpr const char* kExpected = "http://HOST:PORT/v1 or https://...";
  if (url.find_first_of("?#") != std::string::npos || !(url.starts_with("http://") || url.starts_with("https://")))
    throw Error::usage("--endpoint", shown_url(url), kExpected);
  try {
    if (origin_of(url).host.empty()) throw Error("", "");
  } catch (const Error&) {
    throw Error::usage("--endpoint", shown_url(url), kExpected);
  }
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!printable) throw Error::usage("the key's variable", "spaces, control characters or other bytes", "a key");
  ServerAddress address{url, key};
  while (address.url.ends_with('/')) address.url.pop_back();
  return address;
}

void ServerPulse::beat() {
  last_.store(now());
}

double ServerPulse::silent_seconds() const {
  return now() - last_.load();
}

ServerConnection::ServerConnection(ServerAddress address, Options options)
    : address_(std::move(address)), options_(std::move(options)), client_({.watch = [this] {
        if (options_.watch) options_.watch();
        check_silence();
      }}) {}

void ServerConnection::check_silence() const {
  if (allowed_silence_ == 0) return;
  double silence = now() - last_piece_;
  if (!has_piece_ && options_.pulse != nullptr) silence = std::min(silence, options_.pulse->silent_seconds());
  if (silence <= allowed_silence_) return;
  throw HttpError(HttpFailure::kStalled, address_.url, fmt::format("no piece of an answer for {:.0f} s", silence),
                  "one at least every --endpoint-timeout seconds");
}

HttpRequest ServerConnection::request_to(const std::string& url) const {
  HttpRequest request{.url = url, .headers = {{"Accept", "application/json, text/event-stream"}}};
  if (!address_.key.empty()) request.headers.add("Authorization", "Bearer " + address_.key);
  request.limits.connect_seconds = kConnectSeconds;
  return request;
}

ServerConnection::Told ServerConnection::get(Below below, const std::string& path, double seconds) {
  std::string url = address_.url;
  constexpr std::string_view kVersioned = "/v1";
  if (below == Below::kRoot && url.ends_with(kVersioned)) url.resize(url.size() - kVersioned.size());
  HttpRequest request = request_to(url + path);
  request.limits.total_seconds = seconds;
  request.limits.body_bytes = std::uint64_t{4} << 20;
  allowed_silence_ = 0;
  HttpResponse response = client_.fetch(request);
  strike_key(response.body);
  std::string server = response.headers.find("Server").value_or("");
  strike_key(server);
  return {parse_json(response.body, shown_url(request.url)), std::move(server)};
}

ServerAnswer ServerConnection::ask(EndpointApi api, const OrderedJson& body, std::int64_t max_tokens) {
  HttpRequest request = request_to(address_.url + (api == EndpointApi::kChat ? "/chat/completions" : "/completions"));
  request.method = "POST";
  request.headers.add("Content-Type", "application/json");
  request.body = body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  request.limits.stall_seconds = kForever;
  const bool streams = body.value("stream", false);
  allowed_silence_ = options_.silence_seconds + (streams ? 0 : static_cast<double>(max_tokens) / kSlowestTokens);
  last_piece_ = now();
  has_piece_ = false;
  Receiver receiver(api, max_tokens);
  client_.stream(request, [&](const HttpResponse& head, std::string_view bytes) {
    if (receiver.take(head, bytes)) {
      last_piece_ = now();
      has_piece_ = true;
      if (options_.pulse != nullptr) options_.pulse->beat();
    }
    check_silence();
    return receiver.done() ? HttpClient::Flow::kStop : HttpClient::Flow::kGoOn;
  });
  ServerAnswer answer = std::move(receiver).finish(request.url);
  strike_key(answer.text);
  strike_key(answer.model);
  return answer;
}

void ServerConnection::strike_key(std::string& text) const {
  constexpr std::string_view kStruck = "***";
  if (address_.key.empty()) return;
  for (std::size_t at = text.find(address_.key); at != std::string::npos;
       at = text.find(address_.key, at + kStruck.size()))
    text.replace(at, address_.key.size(), kStruck);
}

}  // namespace qreason
