// One request and its answer, without redirects: where libcurl is spoken to.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http_client.h"

namespace qreason {

// When everything must have ended.
class Deadline {
 public:
  explicit Deadline(std::optional<double> seconds) : seconds_(seconds) {}
  bool passed() const { return seconds_ && elapsed() > *seconds_; }
  double seconds() const { return seconds_.value_or(0); }

 private:
  double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  std::optional<double> seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// The connections that a client keeps open.
class CurlConnection {
 public:
  CurlConnection();
  void* multi() const { return multi_.get(); }
  void* easy() const { return easy_.get(); }
  // After a failure: what a transfer that never began has left (a buffer, after an unknown host) is no start for
  // another. Connections stay open.
  void renew();

 private:
  std::unique_ptr<void, void (*)(void*)> multi_;
  std::unique_ptr<void, void (*)(void*)> easy_;
};

struct HttpAnswer {
  HttpResponse response;
  std::string location;  // of a redirect, as a whole URL; empty without one
};

struct ExchangeOptions {
  const HttpClient::Sink* sink;  // nullptr: the body goes into the response
  const std::function<void()>* watch;
  const Deadline* deadline;
  const std::vector<HttpHeaders>* redirects;  // what led here: part of the response from its beginning
};

// Any whole answer, whatever its status; the sink sees only 2xx ones.
HttpAnswer exchange(CurlConnection& connection, const HttpRequest& request, const ExchangeOptions& options);

}  // namespace qreason
