// Asking a server again for what it did not give.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "net/retry.h"

namespace qreason {

struct Patience {
  RetryPolicy policy = {};
  std::string place;                                      // of the Error for answers that cannot be read
  std::function<void()> watch = {};                       // as Retries::Options::watch
  std::function<void(const std::string&)> on_again = {};  // why it is asked again
};

// attempt() until it succeeds: HttpErrors as Retries do, answers that cannot be read (other Errors) 3 times, as what a
// server says so often it means. The last failure is thrown.
template <class Attempt>
auto ask_patiently(const Patience& patience, Attempt&& attempt) {
  constexpr int kUnreadableAttempts = 3;
  const auto tell = [&](const std::string& why) {
    if (patience.on_again) patience.on_again(why);
  };
  Retries retries({.policy = patience.policy,
                   .watch = patience.watch,
                   .before_pause = [&](const HttpError& error, double seconds) { tell(again_text(error, seconds)); }});
  for (int unreadable = 0;;) {
    try {
      return attempt();
    } catch (const HttpError& error) {
      retries.after(error);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kInterrupted) throw;
      if (++unreadable == kUnreadableAttempts) throw Error(patience.place, error.what());
      tell(error.what());
    }
  }
}

}  // namespace qreason
