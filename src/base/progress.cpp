#include "base/progress.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace qreason {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kRedrawInterval = std::chrono::milliseconds(100);
constexpr auto kLineInterval = std::chrono::seconds(2);

std::atomic<Verbosity> chosen_verbosity{Verbosity::kNormal};
volatile std::sig_atomic_t interrupted = 0;

// One writer at a time; `open_line` says that a progress line without its newline stands on the terminal.
std::mutex output_mutex;
bool open_line = false;

bool on_terminal() {
  return ::isatty(STDERR_FILENO) == 1;
}

void write_line(std::string_view text) {
  const std::lock_guard lock(output_mutex);
  const std::string line = fmt::format("{}{}\n", open_line ? "\r\033[K" : "", text);
  open_line = false;
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

void redraw_line(std::string_view text) {
  const std::lock_guard lock(output_mutex);
  const std::string line = fmt::format("\r\033[K{}", text);
  open_line = true;
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

extern "C" void remember_interrupt(int signal) {
  // A second Ctrl-C means now: the default action ends the process.
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

std::string short_time(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

void set_verbosity(Verbosity verbosity) {
  chosen_verbosity.store(verbosity);
}

Verbosity verbosity() {
  return chosen_verbosity.load();
}

Progress::Progress(std::string what, std::int64_t total, std::string unit)
    : what_(std::move(what)), unit_(std::move(unit)), total_(total), start_(Clock::now()), drawn_(start_) {}

Progress::~Progress() {
  // Unwinding after a failure or Ctrl-C: leave what was reached on a line of its own, so that the error starts a new
  // one.
  if (finished_ || done_ == start_done_) return;
  draw(true);
}

void Progress::resume_at(std::int64_t done) {
  done_ = start_done_ = done;
}

void Progress::set(std::int64_t done, const std::string& note) {
  done_ = done;
  if (!note.empty()) note_ = note;
  draw(false);
}

void Progress::add(std::int64_t count, const std::string& note) {
  done_ += count;
  if (!note.empty()) note_ = note;
  draw(false);
}

void Progress::finish(const std::string& note) {
  if (finished_) return;
  finished_ = true;
  if (!note.empty()) note_ = note;
  draw(true);
}

void Progress::draw(bool last) {
  if (verbosity() == Verbosity::kQuiet) return;
  const auto now = Clock::now();
  const auto interval = on_terminal() ? Clock::duration(kRedrawInterval) : Clock::duration(kLineInterval);
  if (!last && now - drawn_ < interval) return;
  drawn_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_ - start_done_) / seconds : 0;
  std::string text = total_ > 0 ? fmt::format("{}: {}/{} {}", what_, done_, total_, unit_)
                                : fmt::format("{}: {} {}", what_, done_, unit_);
  if (rate > 0) text += fmt::format(", {:.{}f} {}/s", rate, rate < 10 ? 2 : 0, unit_);
  if (last) {
    text += fmt::format(", {} in all", short_time(seconds));
  } else if (rate > 0 && total_ > done_) {
    text += fmt::format(", {} left", short_time(static_cast<double>(total_ - done_) / rate));
  }
  if (!note_.empty()) text += ", " + note_;
  if (on_terminal() && !last) {
    redraw_line(text);
  } else {
    write_line(text);
  }
}

void log_line(const std::string& text) {
  if (verbosity() != Verbosity::kQuiet) write_line(text);
}

void log_verbose(const std::string& text) {
  if (verbosity() == Verbosity::kVerbose) write_line(text);
}

void install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = remember_interrupt;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

void check_interrupt() {
  if (interrupted != 0) throw Error("interrupted", "stopped by a signal", "", ErrorKind::kInterrupted);
}

}  // namespace qreason
