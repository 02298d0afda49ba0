// Asking a server again for what it did not give.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "net/retry.h"

namespace qreason {

// How often a server is asked in all before a failure is believed; the pauses grow from 1 s (retry.h).
inline constexpr int kAttemptsAtServer = 8;  // what may pass: refused or 503 while it loads, cut, stalled; two minutes
inline constexpr int kAttemptsAtPages = 3;   // a page that a server may lack, once it is there
inline constexpr int kAttemptsAtWords = 3;   // an answer that cannot be read: what it says so often it means

struct Patience {
  RetryPolicy policy = {};
  std::string place;                                      // of the Error for answers that cannot be read
  std::function<void()> watch = {};                       // as Retries::Options::watch
  std::function<void(const std::string&)> on_again = {};  // why it is asked again
};

// attempt() until it succeeds: HttpErrors as Retries do, answers that cannot be read (other Errors) kAttemptsAtWords
// times. The last failure is thrown.
template <class Attempt>
auto ask_patiently(const Patience& patience, Attempt&& attempt) {
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
      if (++unreadable == kAttemptsAtWords) throw Error(patience.place, error.what());
      tell(error.what());
    }
  }
}

}  // namespace qreason
