#include "data/steps/draft.h"

#include <fmt/format.h>

#include <cstdlib>

namespace qreason {
namespace {

constexpr int kOneSlipIn = 40;   // calculations
constexpr int kOneCheckIn = 25;  // calculations

std::int64_t apply(std::int64_t a, char op, std::int64_t b) {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    default:
      return a / b;
  }
}

char inverse(char op) {
  switch (op) {
    case '+':
      return '-';
    case '-':
      return '+';
    case '*':
      return '/';
    default:
      return '*';
  }
}

bool can_undo(char op, std::int64_t b) {
  return op != '*' || b > 1;
}

}  // namespace

std::int64_t slipped(PythonRandom& random, std::int64_t value) {
  static constexpr std::array<std::int64_t, 8> kDifferences{1, -1, 2, -2, 10, -10, 1, -1};
  const std::int64_t wrong = value + kDifferences[static_cast<std::size_t>(random.randint(0, 7))];
  return wrong < 0 ? value + 1 : wrong;
}

std::int64_t Solution::slip(std::int64_t value) {
  return slipped(*random_, value);
}

std::int64_t Solution::calculate(std::string_view lead, std::int64_t a, char op, std::int64_t b) {
  static constexpr std::array<std::string_view, 4> kMend{"Wait, that is wrong:", "No, I made a slip:", "Wait,",
                                                         "Hmm, let me do it again:"};
  const std::int64_t value = apply(a, op, b);
  const bool slips = sometimes(kOneSlipIn);
  const bool checks = sometimes(kOneCheckIn) && can_undo(op, b);
  const std::int64_t first = slips ? slip(value) : value;
  if (!lead.empty()) say(lead);
  say(fmt::format("{}{}{}={}.", a, op, b, first), 1);
  if (checks && op != '*' && op != '/') {
    const std::int64_t back = apply(first, inverse(op), b);
    say(back == a ? fmt::format("Check: {}{}{}={}, right.", first, inverse(op), b, back)
                  : fmt::format("Check: {}{}{}={}, not {}.", first, inverse(op), b, back, a));
  }
  if (slips) say(fmt::format("{} {}{}{}={}.", one_of(kMend), a, op, b, value));
  return value;
}

void Solution::say(std::string_view words, int steps) {
  if (begun_) text_ += ' ';
  text_ += words;
  begun_ = true;
  steps_ += steps;
}

void Solution::end_paragraph() {
  if (begun_) text_ += "\n\n";
  begun_ = false;
}

}  // namespace qreason
