// Requests over HTTP and HTTPS, one at a time (libcurl).
//
// A client keeps its connections and is cheap: each thread has its own. Proxies are the environment's (http_proxy,
// https_proxy, all_proxy, no_proxy), certificates are checked against the system's, or against the file that
// SSL_CERT_FILE names. Answers are taken as they are: none is decompressed.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "net/http_error.h"
#include "net/http_message.h"

namespace qreason {

class HttpClient {
 public:
  // Takes pieces of a body as they come; `head` is the answer without its body. What it throws ends the request.
  enum class Flow { kGoOn, kStop };
  using Sink = std::function<Flow(const HttpResponse& head, std::string_view chunk)>;

  struct Options {
    // Called at least five times a second while a request is on its way; what it throws ends the request. Interrupts
    // (base/interrupt.h) end it in any case.
    std::function<void()> watch = {};
  };

  HttpClient() : HttpClient(Options{}) {}
  explicit HttpClient(Options options);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;

  // The answer with its body in memory. Redirects are followed; one that changes what is asked (of another method than
  // GET and HEAD: anything but 307 and 308) is not. HttpError for everything but a complete 2xx answer.
  HttpResponse fetch(const HttpRequest& request);

  // The same with the body of a 2xx answer given to `sink`: returns when it ended, or when the sink said kStop.
  HttpResponse stream(const HttpRequest& request, const Sink& sink);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qreason
