#include "support/pseudo_terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

namespace qreason::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(30);

}  // namespace

bool have_terminals() {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master >= 0) ::close(master);
  return master >= 0;
}

PseudoTerminal::PseudoTerminal(int columns, const std::function<void()>& work) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 24;
  child_ = ::forkpty(&master_, nullptr, nullptr, &size);
  if (child_ < 0) throw std::runtime_error("no pseudo-terminal");
  if (child_ != 0) return;
  work();
  ::_exit(0);
}

PseudoTerminal::PseudoTerminal(int columns, const std::vector<std::string>& command)
    : PseudoTerminal(columns, [&] {
        std::vector<char*> arguments;
        for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
        arguments.push_back(nullptr);
        ::execv(arguments.front(), arguments.data());
        ::_exit(127);
      }) {}

PseudoTerminal::~PseudoTerminal() {
  if (child_ > 0) {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  ::close(master_);
}

bool PseudoTerminal::read_some(int milliseconds) {
  pollfd ready{.fd = master_, .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, milliseconds) <= 0) return true;
  char buffer[4096];
  const ssize_t got = ::read(master_, buffer, sizeof buffer);
  if (got <= 0) return false;
  printed_.append(buffer, static_cast<std::size_t>(got));
  return true;
}

bool PseudoTerminal::wait_for(const std::string& text) {
  return wait_until([&] {
    const std::size_t found = printed_.find(text, seen_);
    return found == std::string::npos ? seen_ : found + text.size();
  });
}

bool PseudoTerminal::wait_for_anything() {
  return wait_until([&] { return printed_.size(); });
}

bool PseudoTerminal::wait_until(const std::function<std::size_t()>& newly_seen) {
  const auto deadline = Clock::now() + kPatience;
  for (bool open = true;; open = read_some(100)) {
    if (const std::size_t seen = newly_seen(); seen > seen_) {
      seen_ = seen;
      return true;
    }
    if (!open || Clock::now() > deadline) return false;
  }
}

void PseudoTerminal::type(const std::string& text) const {
  if (::write(master_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("typing failed");
}

int PseudoTerminal::finish() {
  const auto deadline = Clock::now() + kPatience;
  while (Clock::now() < deadline && read_some(100)) {
  }
  if (Clock::now() >= deadline) ::kill(child_, SIGKILL);
  int status = 0;
  ::waitpid(child_, &status, 0);
  child_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<std::string> drawn_lines(const std::string& printed) {
  std::vector<std::string> lines(1);
  for (const char c : printed) {
    if (c == '\r' || c == '\n')
      lines.emplace_back();
    else
      lines.back() += c;
  }
  std::erase(lines, "");
  for (std::string& line : lines)
    if (line.starts_with("\033[K")) line.erase(0, 3);
  std::erase(lines, "");
  return lines;
}

}  // namespace qreason::testing
