// Progress on stderr: on a terminal one line redrawn with count, rate and time left; elsewhere a line at most every
// 2 seconds, and the last one. Also the
// one place that knows whether the user pressed Ctrl-C.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace qreason {

enum class Verbosity { kQuiet, kNormal, kVerbose };
void set_verbosity(Verbosity verbosity);
Verbosity verbosity();

class Progress {
 public:
  // `total` 0: unknown. `unit`: "tokens", "blocks", "problems".
  Progress(std::string what, std::int64_t total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Work found done by an earlier run: it counts, but not towards the rate.
  void resume_at(std::int64_t done);
  void set(std::int64_t done, const std::string& note = "");
  void add(std::int64_t count, const std::string& note = "");
  void finish(const std::string& note = "");

 private:
  void draw(bool last);
  std::string what_, unit_, note_;
  std::int64_t total_, done_ = 0, start_done_ = 0;
  std::chrono::steady_clock::time_point start_, drawn_;
  bool finished_ = false;
};

// A message line on stderr (kept apart from a progress line being redrawn). Verbose ones show only with --verbose.
void log_line(const std::string& text);
void log_verbose(const std::string& text);

// SIGINT and SIGTERM set a flag; long loops call this, which throws Error(kInterrupted) once it is set.
void install_interrupt_handler();
void check_interrupt();

}  // namespace qreason
