// Asking again after failures that may pass.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "net/http_error.h"

namespace qreason {

struct RetryPolicy {
  int attempts = 6;               // in all, of work that gets nowhere
  int attempts_at_no_host = 3;    // of these, where nobody knows the name: a mistake rather than a server that starts
  double first_seconds = 1;       // of the pauses, which double
  double longest_seconds = 60;    // of a pause that we choose
  double patience_seconds = 600;  // the longest that a server may ask us to wait
};

// Unknown hosts, refused, cut and stalled connections, the answers 408, 425, 429 and 5xx (but 501 and 505) may pass.
// Wrong certificates, other answers (401, 403, 404, 416) and answers that are too large do not.
bool may_pass(const HttpError& error);

// Seconds before the next attempt after `failures` (1 or more) in a row: exponential, at least half of it for certain
// and the rest by `chance` in [0, 1), so that many clients do not come back at once; never less than Retry-After.
double retry_pause(const RetryPolicy& policy, int failures, const HttpError& error, double chance);

// "https://...: status 503; again in 2.1 s"
std::string again_text(const HttpError& error, double seconds);

// One piece of work that may fail and go on.
class Retries {
 public:
  struct Options {
    RetryPolicy policy = {};
    std::function<void()> watch = {};                                         // as HttpClient::Options::watch
    std::function<void(const HttpError&, double seconds)> before_pause = {};  // tells that it will be tried again
  };

  explicit Retries(Options options) : options_(std::move(options)) {}

  // After a failure: waits and returns, or throws it when asking again is no use or was tried often enough.
  void after(const HttpError& error);
  // The work came further: failures are counted from the beginning.
  void advanced() { failures_ = 0; }

 private:
  Options options_;
  int failures_ = 0;
};

// attempt() until it succeeds.
template <class Attempt>
auto with_retries(Retries::Options options, Attempt&& attempt) {
  Retries retries(std::move(options));
  for (;;) {
    try {
      return attempt();
    } catch (const HttpError& error) {
      retries.after(error);
    }
  }
}

}  // namespace qreason
