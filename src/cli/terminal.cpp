#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "cli/output.h"
#include "cli/text_width.h"
#include "net/url.h"

namespace qreason {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kRedrawInterval = std::chrono::milliseconds(100);
constexpr auto kTick = std::chrono::milliseconds(500);       // a terminal's line is redrawn while nothing is told
constexpr auto kFirstLine = std::chrono::milliseconds(800);  // elsewhere, when nothing was told before
constexpr auto kLineInterval = std::chrono::seconds(2);
constexpr std::size_t kUsualColumns = 80;
constexpr std::size_t kShortestName = 8;

std::atomic<Verbosity> chosen_verbosity{Verbosity::kNormal};

// One writer at a time; `open_line` says that a progress line without its newline stands on the terminal.
std::mutex output_mutex;
bool open_line = false;

void put(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

void write_line(std::string_view text) {
  put(fmt::format("{}{}\n", open_line ? "\r\033[K" : "", text));
  open_line = false;
}

void redraw_line(std::string_view text) {
  put(fmt::format("\r\033[K{}", text));
  open_line = true;
}

std::string short_time(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

class TerminalProgress : public Progress {
 public:
  explicit TerminalProgress(const ProgressTask& task)
      : task_(task),
        columns_known_(terminal_columns(STDERR_FILENO).has_value()),
        start_(Clock::now()),
        told_(start_),
        drawn_(start_) {
    if (chosen_verbosity.load() == Verbosity::kQuiet) return;
    const std::lock_guard lock(output_mutex);
    if (columns_known_) draw(ProgressReading::Phase::kRunning);
    ticker_ = std::thread([this] { tick(); });
  }

  ~TerminalProgress() override {
    // Unwinding after a failure or Ctrl-C: leave what was reached on a line of its own, so that the error starts a new
    // one.
    if (done_ != start_done_) finish();
    end_ticker();
    const std::lock_guard lock(output_mutex);
    if (ended_ || !open_line) return;
    put("\r\033[K");
    open_line = false;
  }

  void resume_at(std::int64_t done) override {
    const std::lock_guard lock(output_mutex);
    done_ = start_done_ = done;
  }

  void update(const ProgressState& state) override {
    const std::lock_guard lock(output_mutex);
    done_ = state.done;
    work_ = state.work;
    if (!state.note.empty()) note_ = state.note;
    told_ = Clock::now();
    const bool verbose = chosen_verbosity.load() == Verbosity::kVerbose;
    const auto interval = columns_known_ ? Clock::duration(kRedrawInterval) : Clock::duration(kLineInterval);
    if (verbose || told_ - drawn_ >= interval) draw(ProgressReading::Phase::kRunning);
  }

  void stage(const std::string& what) override {
    const std::lock_guard lock(output_mutex);
    note_ = what;
    const auto interval = columns_known_ ? Clock::duration(kRedrawInterval) : Clock::duration(kLineInterval);
    if (has_drawn_ && Clock::now() - drawn_ >= interval) draw(ProgressReading::Phase::kRunning);
  }

  void finish() override {
    end_ticker();
    const std::lock_guard lock(output_mutex);
    if (std::exchange(ended_, true)) return;
    draw(ProgressReading::Phase::kEnded);
  }

 private:
  void end_ticker() {
    if (!ticker_.joinable()) return;
    {
      const std::lock_guard lock(output_mutex);
      stopping_ = true;
    }
    wake_.notify_all();
    ticker_.join();
  }

  // Work that tells nothing for a while still shows that it is there.
  void tick() {
    std::unique_lock lock(output_mutex);
    const auto pause = columns_known_ ? Clock::duration(kTick) : Clock::duration(kFirstLine);
    while (!wake_.wait_for(lock, pause, [this] { return stopping_; })) {
      if (!columns_known_ && has_drawn_) return;
      draw(ProgressReading::Phase::kRunning);
    }
  }

  // As of the last word, so that it falls between two words; counted work takes at least what all but the piece under
  // way will take. An estimate that time has used up is none.
  std::optional<double> seconds_left(Clock::time_point now) const {
    const double took = seconds_between(start_, told_);
    const double since = seconds_between(told_, now);
    const auto done_now = static_cast<double>(done_ - start_done_);
    const auto pieces = static_cast<double>(task_.total - done_);
    double left = 0;
    if (work_ && work_->done > 0) {
      left = took * work_->left / work_->done - since;
    } else if (done_now > 0 && pieces > 0) {
      const double a_piece = took / done_now;
      left = std::max(a_piece * pieces - since, a_piece * (pieces - 1));
    } else if (pieces > 0) {
      left = task_.expected_seconds - seconds_between(start_, now);
    }
    return left > 0 ? std::optional(left) : std::nullopt;
  }

  void draw(ProgressReading::Phase phase) {
    if (chosen_verbosity.load() == Verbosity::kQuiet) return;
    const auto now = Clock::now();
    drawn_ = now;
    has_drawn_ = true;
    const bool ended = phase == ProgressReading::Phase::kEnded;
    const double took = seconds_between(start_, ended ? now : told_);
    ProgressReading reading{.task = task_,
                            .done = done_,
                            .seconds = seconds_between(start_, now),
                            .rate = {},
                            .left = ended ? std::nullopt : seconds_left(now),
                            .phase = phase,
                            .note = note_};
    if (done_ > start_done_ && took > 0) reading.rate = static_cast<double>(done_ - start_done_) / took;
    const auto columns = terminal_columns(STDERR_FILENO);
    // The last column stays free: some terminals wrap as soon as it is written.
    const std::size_t limit = columns ? *columns - 1 : std::numeric_limits<std::size_t>::max();
    const std::string line = progress_line(reading, limit);
    const bool verbose = chosen_verbosity.load() == Verbosity::kVerbose;
    columns && !ended && !verbose ? redraw_line(line) : write_line(line);
  }

  ProgressTask task_;
  const bool columns_known_;
  Clock::time_point start_, told_, drawn_;
  std::int64_t done_ = 0, start_done_ = 0;
  std::optional<ProgressWork> work_;
  std::string note_;
  bool has_drawn_ = false, ended_ = false, stopping_ = false;
  std::condition_variable wake_;
  std::thread ticker_;
};

class Terminal : public ProgressListener {
 public:
  std::unique_ptr<Progress> begin(const ProgressTask& task) override {
    return std::make_unique<TerminalProgress>(task);
  }
  void note(const std::string& text) override { log_line(text); }
};

}  // namespace

void set_verbosity(Verbosity verbosity) {
  chosen_verbosity.store(verbosity);
}

void log_line(const std::string& text) {
  if (chosen_verbosity.load() == Verbosity::kQuiet) return;
  const std::lock_guard lock(output_mutex);
  write_line(one_line(without_passwords(text)));
}

void log_verbose(const std::string& text) {
  if (chosen_verbosity.load() == Verbosity::kVerbose) log_line(text);
}

void log_warning(const std::string& text) {
  log_line("warning: " + text);
}

ProgressListener& terminal_progress() {
  static Terminal terminal;
  return terminal;
}

std::optional<std::size_t> terminal_columns(int descriptor) {
  if (::isatty(descriptor) != 1) return std::nullopt;
  winsize size{};
  const bool told = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return told ? size.ws_col : kUsualColumns;
}

std::size_t output_columns(const CommonOptions& common) {
  if (common.wide) return std::numeric_limits<std::size_t>::max();
  return terminal_columns(STDOUT_FILENO).value_or(kUsualColumns);
}

std::size_t cut_columns(const CommonOptions& common) {
  if (terminal_columns(STDOUT_FILENO)) return output_columns(common);
  return std::numeric_limits<std::size_t>::max();
}

std::string progress_line(const ProgressReading& reading, std::size_t columns) {
  const ProgressTask& task = reading.task;
  std::string count = task.total > 0 ? fmt::format(": {}/{} {}", reading.done, task.total, task.unit)
                                     : fmt::format(": {} {}", reading.done, task.unit);
  std::string rate;
  if (reading.rate) rate = fmt::format(", {:.{}f} {}/s", *reading.rate, *reading.rate < 10 ? 2 : 0, task.unit);
  std::string time;
  if (reading.phase == ProgressReading::Phase::kEnded) {
    time = fmt::format(", {} in all", short_time(reading.seconds));
  } else if (reading.left) {
    time = fmt::format(", {} left", short_time(*reading.left));
  } else {
    time = fmt::format(", {} so far", short_time(reading.seconds));
  }
  const std::string note = reading.note.empty() ? "" : ", " + printable(reading.note);
  const std::string name = printable(task.what);
  const auto fits = [&](const std::string& text) { return display_width(text) <= columns; };
  if (const std::string all = name + count + rate + time + note; fits(all)) return all;
  if (const std::string all = name + count + rate + time; fits(all)) return all;
  const std::string numbers = count + time;
  const std::size_t taken = display_width(numbers);
  const std::size_t room = columns > taken ? columns - taken : 0;
  return cut_to_width(shorten_middle(name, std::max(room, kShortestName)) + numbers, columns);
}

}  // namespace qreason
