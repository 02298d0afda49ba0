// What bounds a template that may be hostile: steps, bytes, depth. Every evaluation pays here, so nothing can hang or
// exhaust memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace qreason::jinja {

struct Limits {
  std::uint64_t steps = 5'000'000;               // expressions and statements evaluated, elements visited
  std::uint64_t bytes = std::uint64_t{1} << 28;  // made or scanned by all operations together
  std::size_t text = std::size_t{1} << 24;       // one string, and the output (16 MB)
  int depth = 400;                               // nested evaluations, macro calls included
  int nesting = 64;                              // lists in lists
};

class Runtime {
 public:
  explicit Runtime(Limits limits = {}) : limits_(limits) {}

  void step(std::uint64_t count = 1) {
    steps_ += count;
    if (steps_ > limits_.steps) fail("more steps than a chat template may take");
  }
  // A string operation that reads or makes `size` bytes.
  void charge(std::size_t size) {
    bytes_ += size;
    if (bytes_ > limits_.bytes) fail("more text handled than a chat template may");
  }
  // A string about to be made.
  void check_text(std::size_t size) {
    if (size > limits_.text) fail("a text of more than 16 MB");
    charge(size);
  }
  const Limits& limits() const { return limits_; }

  void set_line(int line) { line_ = line; }
  int line() const { return line_; }
  [[noreturn]] void fail(const std::string& got, const std::string& expected = "") const;

  // Counts nested evaluations while it lives.
  class Level {
   public:
    explicit Level(Runtime& runtime) : runtime_(runtime) {
      if (++runtime_.depth_ > runtime_.limits_.depth) {
        --runtime_.depth_;
        runtime_.fail("deeper nesting than a chat template may have");
      }
    }
    ~Level() { --runtime_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Runtime& runtime_;
  };

 private:
  Limits limits_;
  std::uint64_t steps_ = 0;
  std::uint64_t bytes_ = 0;
  int depth_ = 0;
  int line_ = 0;
};

}  // namespace qreason::jinja
