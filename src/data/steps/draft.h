// What one kind of steps problem hands to the generator, and the writer of its worked solution.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"

namespace qreason {

// Words of a problem and its solution, paragraph by paragraph. Calculations go through calculate(), which sometimes
// checks the result by the inverse operation and sometimes slips and mends it, as a person does.
class Solution {
 public:
  explicit Solution(PythonRandom& random) : random_(&random) {}

  // Appends "LEAD a*b=VALUE." to the paragraph and returns the value; one step. `op` is one of + - * /.
  std::int64_t calculate(std::string_view lead, std::int64_t a, char op, std::int64_t b);
  // Appends words to the paragraph; `steps` of them are reasoning.
  void say(std::string_view words, int steps = 0);
  void end_paragraph();

  // True once in `n` times.
  bool sometimes(int n) { return random_->randint(1, n) == 1; }
  template <std::size_t N>
  std::string_view one_of(const std::array<std::string_view, N>& choices) {
    return choices[static_cast<std::size_t>(random_->randint(0, static_cast<std::int64_t>(N) - 1))];
  }

  int steps() const { return steps_; }
  const std::string& text() const { return text_; }

 private:
  std::int64_t slip(std::int64_t value);
  PythonRandom* random_;
  std::string text_;
  int steps_ = 0;
  bool begun_ = false;  // the paragraph has words
};

// A value near `value` and different from it, as a slip of the pen would leave it.
std::int64_t slipped(PythonRandom& random, std::int64_t value);

struct Draft {
  std::string canonical;  // the numbers and operations, without wording
  std::string problem;
  std::int64_t answer = 0;
  Solution solution;
  bool valid = true;  // false: the numbers did not come out; try again
};

// Each draws a problem of about `steps` steps; the generator keeps those of its tier.
Draft draft_arithmetic(PythonRandom& random, int steps);
Draft draft_multiplication(PythonRandom& random, int steps);
Draft draft_equation(PythonRandom& random, int steps);
Draft draft_remainder(PythonRandom& random, int steps);
Draft draft_instructions(PythonRandom& random, int steps);
Draft draft_ordering(PythonRandom& random, int steps);

}  // namespace qreason
