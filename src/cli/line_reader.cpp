#include "cli/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/interrupt.h"

namespace qreason {

LineReader::Outcome LineReader::next(std::string& line) {
  for (;;) {
    if (take_interrupt()) return Outcome::kInterrupt;
    check_interrupt();
    if (const std::size_t end = pending_.find('\n'); end != std::string::npos) {
      line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return Outcome::kLine;
    }
    if (ended_) {
      if (pending_.empty()) return Outcome::kEnd;
      line = std::move(pending_);
      pending_.clear();
      return Outcome::kLine;
    }
    std::array<pollfd, 2> waiting{pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = interrupt_descriptor(), .events = POLLIN, .revents = 0}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 || waiting[0].revents == 0) continue;
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error("standard input", std::strerror(errno), "lines of text");
    if (got == 0) ended_ = true;
    pending_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace qreason
