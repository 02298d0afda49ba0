// How far long work is, told without printing: library code reports to a ProgressListener, and whoever runs it decides
// what is shown and where (cli/terminal.h draws it on standard error).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace qreason {

struct ProgressTask {
  std::string what;             // "quantize", "evaluate steps-qwen2-3m bf16"
  std::string unit;             // "blocks", "answers", "tokens"
  std::int64_t total = 0;       // 0: unknown
  double expected_seconds = 0;  // what is left of it is shown until the work's own rate is known; 0: unknown
};

// Work of this run in any one unit, where counting what is finished would mislead about the time left: answers that
// finish first are the short ones.
struct ProgressWork {
  double done = 0;  // without what an earlier run did
  double left = 0;
};

struct ProgressState {
  std::int64_t done = 0;  // of the task's total
  std::string note{};     // what else is worth saying now; empty: as before
  std::optional<ProgressWork> work{};
};

// One piece of work on its way. Destroyed without finish() it has failed or was interrupted.
class Progress {
 public:
  virtual ~Progress() = default;
  // Work found done by an earlier run: it counts, but not towards the rate.
  virtual void resume_at(std::int64_t done) = 0;
  virtual void update(const ProgressState& state) = 0;
  // What is at work now, between two updates: shown beside the count.
  virtual void stage(const std::string&) {}
  virtual void finish() = 0;
};

class ProgressListener {
 public:
  virtual ~ProgressListener() = default;
  virtual std::unique_ptr<Progress> begin(const ProgressTask& task) = 0;
  // A step of a longer work begins, or something happened that its reader wants to know: one line.
  virtual void note(const std::string& text) = 0;
};

// One that listens to nothing.
ProgressListener& no_listener();

}  // namespace qreason
