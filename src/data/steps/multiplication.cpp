// Products of numbers of several digits, by their digits.
#include <fmt/format.h>

#include <algorithm>

#include <vector>

#include "data/steps/draft.h"

namespace qreason {
namespace {

std::int64_t with_digits(PythonRandom& random, int digits) {
  std::int64_t low = 1;
  for (int i = 1; i < digits; ++i) low *= 10;
  return random.randint(digits == 1 ? 2 : low + 1, low * 10 - 1);
}

// What the tens or the ones of a three-digit number amount to; taken away, that digit is zero.
std::int64_t random_place(PythonRandom& random, std::int64_t number) {
  return random.randint(0, 1) == 0 ? number % 10 : number / 10 % 10 * 10;
}

// The number as a sum of its places, largest first: 406 = 400 + 6.
std::vector<std::int64_t> places(std::int64_t number) {
  std::vector<std::int64_t> parts;
  for (std::int64_t place = 1; place <= number; place *= 10)
    if (number / place % 10 != 0) parts.insert(parts.begin(), number / place % 10 * place);
  return parts;
}

std::string sum_of(const std::vector<std::int64_t>& parts) {
  return fmt::format("{}", fmt::join(parts, "+"));
}

// number * digit, digit below 10.
std::int64_t times_digit(Solution& solution, std::int64_t number, std::int64_t digit, bool smallest_first) {
  std::vector<std::int64_t> parts = places(number);
  if (parts.size() == 1) return solution.calculate("", number, '*', digit);
  if (smallest_first) parts = {parts.rbegin(), parts.rend()};
  std::vector<std::int64_t> products;
  for (const std::int64_t part : parts) products.push_back(solution.calculate("", part, '*', digit));
  std::int64_t total = products[0];
  for (std::size_t i = 1; i < products.size(); ++i) total = solution.calculate("", total, '+', products[i]);
  return total;
}

void solve(Draft& draft, std::int64_t a, std::int64_t b, PythonRandom& random) {
  Solution& solution = draft.solution;
  const bool smallest_first = random.randint(0, 1) == 1;
  const std::vector<std::int64_t> parts = places(b);
  if (places(a).size() > 1) solution.say(fmt::format("We split {}={}.", a, sum_of(places(a))));
  if (parts.size() > 1) solution.say(fmt::format("And {}={}.", b, sum_of(parts)));
  solution.end_paragraph();
  std::vector<std::int64_t> rows;
  for (const std::int64_t part : parts) {
    std::int64_t digit = part, zeros = 1;
    for (; digit >= 10; digit /= 10) zeros *= 10;
    if (parts.size() > 1) solution.say(fmt::format("For {}:", part));
    const std::int64_t row = times_digit(solution, a, digit, smallest_first);
    if (zeros > 1) solution.say(fmt::format("So {}*{}={}.", a, part, row * zeros));
    rows.push_back(row * zeros);
    solution.end_paragraph();
  }
  std::int64_t total = rows[0];
  for (std::size_t i = 1; i < rows.size(); ++i) total = solution.calculate("Together,", total, '+', rows[i]);
  solution.say(fmt::format("So {}*{}={}.", a, b, total));
  solution.end_paragraph();
}

}  // namespace

Draft draft_multiplication(PythonRandom& random, int steps) {
  static constexpr std::array<std::string_view, 6> kQuestions{
      "What is {0} times {1}?",
      "Compute {0}*{1}.",
      "Multiply {0} by {1}.",
      "A box holds {0} pens. How many pens are in {1} boxes?",
      "A ticket costs {0} coins. How many coins do {1} tickets cost?",
      "There are {1} rows with {0} seats each. How many seats are there?"};
  struct Shape {
    int steps, a, b;
    bool has_zero;  // one digit of a that is not the first
  };
  static constexpr std::array<Shape, 7> kShapes{{{3, 2, 1, false},
                                                 {3, 3, 1, true},
                                                 {5, 3, 1, false},
                                                 {7, 2, 2, false},
                                                 {7, 4, 1, false},
                                                 {11, 3, 2, false},
                                                 {11, 2, 3, false}}};
  const Shape* shape = &kShapes[0];
  for (const Shape& candidate : kShapes)
    if (candidate.steps <= steps && (candidate.steps > shape->steps || random.randint(0, 1) == 1)) shape = &candidate;
  std::int64_t a = with_digits(random, shape->a);
  if (shape->has_zero) a -= random_place(random, a);
  const std::int64_t b = with_digits(random, shape->b);
  Draft draft{.canonical = fmt::format("{}*{}", std::min(a, b), std::max(a, b)),
              .problem = {},
              .answer = a * b,
              .solution = Solution(random)};
  draft.problem = fmt::format(fmt::runtime(draft.solution.one_of(kQuestions)), a, b);
  solve(draft, a, b, random);
  return draft;
}

}  // namespace qreason
