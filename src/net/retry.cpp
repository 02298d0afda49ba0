#include "net/retry.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "base/interrupt.h"

namespace qreason {
namespace {

// Sleeps in steps short enough for whoever watches; a signal ends the step at once.
void pause(double seconds, const std::function<void()>& watch) {
  using Clock = std::chrono::steady_clock;
  constexpr double kStep = 0.1;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    check_interrupt();
    if (watch) watch();
    const double left = std::chrono::duration<double>(end - Clock::now()).count();
    if (left <= 0) return;
    pollfd signal{.fd = interrupt_descriptor(), .events = POLLIN, .revents = 0};
    ::poll(&signal, 1, static_cast<int>(std::ceil(std::min(left, kStep) * 1000)));
  }
}

double random_chance() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

bool may_pass(const HttpError& error) {
  switch (error.failure()) {
    case HttpFailure::kNoHost:
    case HttpFailure::kConnect:
    case HttpFailure::kCut:
    case HttpFailure::kStalled:
      return true;
    case HttpFailure::kStatus: {
      const int status = error.status();
      return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505);
    }
    default:
      return false;
  }
}

double retry_pause(const RetryPolicy& policy, int failures, const HttpError& error, double chance) {
  const double whole = std::min(policy.longest_seconds, policy.first_seconds * std::exp2(std::min(failures - 1, 30)));
  return std::max(whole * (0.5 + 0.5 * chance), error.retry_after().value_or(0));
}

std::string again_text(const HttpError& error, double seconds) {
  return fmt::format("{}; again in {:.1f} s", error.what(), seconds);
}

void Retries::after(const HttpError& error) {
  ++failures_;
  const RetryPolicy& policy = options_.policy;
  const int most =
      error.failure() == HttpFailure::kNoHost ? std::min(policy.attempts, policy.attempts_at_no_host) : policy.attempts;
  if (!may_pass(error) || failures_ >= most) throw HttpError(error);
  if (error.retry_after().value_or(0) > options_.policy.patience_seconds) throw HttpError(error);
  const double seconds = retry_pause(options_.policy, failures_, error, random_chance());
  if (options_.before_pause) options_.before_pause(error, seconds);
  pause(seconds, options_.watch);
}

}  // namespace qreason
