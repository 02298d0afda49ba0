// One thread's way to an OpenAI-compatible server: requests with the key, streams and whole answers, patience.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/json.h"
#include "endpoint/answer.h"
#include "endpoint/request.h"
#include "net/http_client.h"

namespace qreason {

struct ServerAddress {
  std::string url;  // as of --endpoint: http://host:port/v1, without a last slash
  std::string key;  // empty: none is sent. It stands in no error and no result.
};
// Checks scheme and form. Usage Errors name --endpoint and never the key; `key` must be a header's value.
ServerAddress server_address(const std::string& url, const std::string& key);

// When any of several connections last got a piece of an answer, in seconds of the steady clock.
class ServerPulse {
 public:
  ServerPulse() { beat(); }
  void beat();
  double silent_seconds() const;

 private:
  std::atomic<double> last_{0};
};

class ServerConnection {
 public:
  struct Options {
    // Without a new piece of an answer for so long a request has stalled. One that waits for its first piece is only
    // queued while others that share its pulse get some.
    double silence_seconds = 120;
    ServerPulse* pulse = nullptr;
    std::function<void()> watch = {};  // what it throws ends a request
  };
  ServerConnection(ServerAddress address, Options options);

  // GET `path` under the address, or under its host's root ("/version"). HttpErrors, and Errors for what is no JSON.
  enum class Below { kAddress, kRoot };
  struct Told {
    Json json;
    std::string server;  // its Server header
  };
  Told get(Below below, const std::string& path, double seconds);

  // One attempt. HttpErrors, also for an answer that was cut; other Errors are answers that cannot be read.
  ServerAnswer ask(EndpointApi api, const OrderedJson& body, std::int64_t max_tokens);

 private:
  void check_silence() const;
  HttpRequest request_to(const std::string& url) const;
  void strike_key(std::string& text) const;

  ServerAddress address_;
  Options options_;
  HttpClient client_;
  // Of the request under way.
  double allowed_silence_ = 0;  // 0: net's own limits hold
  double last_piece_ = 0;
  bool has_piece_ = false;
};

}  // namespace qreason
