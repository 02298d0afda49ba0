// Remainders: powers by repeated multiplication, long numbers digit by digit.
#include <fmt/format.h>

#include <algorithm>

#include "data/steps/draft.h"

namespace qreason {
namespace {

// value mod `modulus`, in words; the quotient is found by eye, its product and the difference are written down.
std::int64_t reduce(Solution& solution, std::int64_t value, std::int64_t modulus) {
  const std::int64_t quotient = value / modulus;
  if (quotient == 0) return value;
  const std::int64_t multiple = quotient == 1 ? modulus : solution.calculate("", quotient, '*', modulus);
  return solution.calculate("", value, '-', multiple);
}

Draft draft_power(PythonRandom& random, int steps) {
  static constexpr std::array<std::string_view, 4> kQuestions{
      "What is the remainder when {0}^{1} is divided by {2}?", "Find the remainder of {0}^{1} divided by {2}.",
      "Compute {0}^{1} mod {2}.", "Divide {0}^{1} by {2}. What is the remainder?"};
  const std::int64_t modulus = random.randint(3, 12), base = random.randint(2, modulus - 1);
  const std::int64_t exponent = random.randint(2, 2 + steps / 2);
  Draft draft{
      .canonical = fmt::format("{}^{}%{}", base, exponent, modulus), .problem = {}, .solution = Solution(random)};
  Solution& solution = draft.solution;
  draft.problem = fmt::format(fmt::runtime(solution.one_of(kQuestions)), base, exponent, modulus);
  solution.say(fmt::format("We multiply by {} again and again and keep the remainder.", base));
  solution.end_paragraph();
  std::int64_t power = base;
  for (std::int64_t i = 2; i <= exponent; ++i) {
    power = solution.calculate(fmt::format("Power {}:", i), power, '*', base);
    power = reduce(solution, power, modulus);
    solution.say(fmt::format("The remainder is {}.", power));
    solution.end_paragraph();
  }
  draft.answer = power;
  return draft;
}

Draft draft_long_number(PythonRandom& random, int steps) {
  static constexpr std::array<std::string_view, 4> kQuestions{
      "What is the remainder when {0} is divided by {1}?", "Find the remainder of {0} divided by {1}.",
      "Compute {0} mod {1}.", "{0} apples are shared equally by {1} children. How many apples are left over?"};
  std::int64_t divisor = random.randint(3, 12);
  if (divisor == 10) divisor = 7;  // ten would only read off a digit
  const std::int64_t digits = std::clamp<std::int64_t>(2 + steps / 2 - random.randint(0, 1), 2, 9);
  std::string number;
  for (std::int64_t i = 0; i < digits; ++i) number += static_cast<char>('0' + random.randint(i == 0 ? 1 : 0, 9));
  Draft draft{.canonical = fmt::format("{}%{}", number, divisor), .problem = {}, .solution = Solution(random)};
  Solution& solution = draft.solution;
  draft.problem = fmt::format(fmt::runtime(solution.one_of(kQuestions)), number, divisor);
  solution.say("We go digit by digit.");
  solution.end_paragraph();
  std::int64_t rest = 0;
  for (const char digit : number) {
    const std::int64_t value = rest * 10 + (digit - '0');
    solution.say(fmt::format("Bring down {}: {}.", digit, value));
    rest = reduce(solution, value, divisor);
    solution.say(fmt::format("The remainder is {}.", rest));
    solution.end_paragraph();
  }
  draft.answer = rest;
  return draft;
}

}  // namespace

Draft draft_remainder(PythonRandom& random, int steps) {
  return random.randint(0, 1) == 0 ? draft_power(random, steps) : draft_long_number(random, steps);
}

}  // namespace qreason
