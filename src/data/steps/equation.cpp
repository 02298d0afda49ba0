// Linear equations in one unknown, and pairs of them in two. All intermediate values are whole and not negative.
#include <fmt/format.h>

#include "data/steps/draft.h"

namespace qreason {
namespace {

constexpr std::array<std::string_view, 4> kSolve{"Solve {} for x.", "Find x if {}.", "What is x when {}?",
                                                 "Solve the equation {}. What is x?"};
constexpr int kOneFinalCheckIn = 5, kOneLateSlipIn = 25;

std::string times(std::int64_t factor, char unknown) {
  return factor == 1 ? std::string(1, unknown) : fmt::format("{}{}", factor, unknown);
}

// x = right / factor, at times checked in ax+b=c; a late slip is found by that check and mended.
void divide_and_check(Solution& solution, PythonRandom& random, std::int64_t a, std::int64_t b, std::int64_t c) {
  const std::int64_t right = c - b, x = right / a;
  const bool slips = random.randint(1, kOneLateSlipIn) == 1, checks = slips || random.randint(1, kOneFinalCheckIn) == 1;
  if (!checks) {
    solution.calculate("So x is", right, '/', a);
  } else {
    const std::int64_t found = slips ? slipped(random, x) : x;
    solution.say(fmt::format("So x is {}/{}={}.", right, a, found), 1);
    solution.end_paragraph();
    const std::int64_t product = a * found;
    solution.say(fmt::format("Check: {}*{}={} and {}+{}={}", a, found, product, product, b, product + b));
    solution.say(slips ? fmt::format("but it should be {}. That is not right. Again, {}/{}={}.", c, right, a, x)
                       : "as it should be.");
  }
  solution.end_paragraph();
}

// ax+b=c
Draft one_side(PythonRandom& random) {
  const std::int64_t a = random.randint(2, 12), b = random.randint(1, 60), x = random.randint(2, 12), c = a * x + b;
  Draft draft{.canonical = fmt::format("{}x+{}={}", a, b, c), .problem = {}, .answer = x, .solution = Solution(random)};
  Solution& solution = draft.solution;
  const bool turned = solution.sometimes(3);
  draft.problem = fmt::format(fmt::runtime(solution.one_of(kSolve)),
                              turned ? fmt::format("{}+{}={}", b, times(a, 'x'), c) : draft.canonical);
  const std::int64_t right = solution.calculate(fmt::format("We take {} from both sides.", b), c, '-', b);
  solution.say(fmt::format("So {}={}.", times(a, 'x'), right));
  solution.end_paragraph();
  divide_and_check(solution, random, a, b, c);
  return draft;
}

// ax+b=cx+d with a > c
Draft both_sides(PythonRandom& random) {
  const std::int64_t c = random.randint(1, 12), a = c + random.randint(2, 9), x = random.randint(2, 12);
  const std::int64_t b = random.randint(1, 60), d = (a - c) * x + b;
  const std::string left = fmt::format("{}+{}", times(a, 'x'), b), right = fmt::format("{}+{}", times(c, 'x'), d);
  Draft draft{.canonical = fmt::format("{}={}", left, right), .problem = {}, .answer = x, .solution = Solution(random)};
  Solution& solution = draft.solution;
  const bool turned = solution.sometimes(3);
  draft.problem =
      fmt::format(fmt::runtime(solution.one_of(kSolve)), turned ? fmt::format("{}={}", right, left) : draft.canonical);
  const std::string more = times(a, 'x'), fewer = times(c, 'x');
  solution.say(turned ? fmt::format("{} is less than {}, so we turn it around: {}.", fewer, more, draft.canonical)
                      : fmt::format("{} is more than {}.", more, fewer));
  solution.end_paragraph();
  const std::int64_t factor = solution.calculate("The unknowns:", a, '-', c);
  solution.end_paragraph();
  const std::int64_t rest = solution.calculate("The numbers:", d, '-', b);
  solution.say(fmt::format("So {}={}.", times(factor, 'x'), rest));
  solution.end_paragraph();
  divide_and_check(solution, random, factor, 0, rest);
  return draft;
}

// a(x+b)+c=d(x+e)+f with a > d; without the right side's parentheses when `short_right`.
Draft with_parentheses(PythonRandom& random, bool short_right) {
  const std::int64_t d = random.randint(2, 9), a = d + random.randint(2, 9), x = random.randint(1, 12);
  const std::int64_t b = random.randint(1, 9), c = random.randint(1, 30), e = random.randint(1, 12);
  const std::int64_t known = short_right ? 0 : d * e, f = a * (x + b) + c - d * x - known;
  const std::string left = fmt::format("{}(x+{})+{}", a, b, c);
  const std::string right = short_right ? fmt::format("{}x+{}", d, f) : fmt::format("{}(x+{})+{}", d, e, f);
  Draft draft{.canonical = fmt::format("{}={}", left, right), .problem = {}, .answer = x, .solution = Solution(random)};
  draft.valid = f > 0;
  if (!draft.valid) return draft;
  Solution& solution = draft.solution;
  draft.problem = fmt::format(fmt::runtime(solution.one_of(kSolve)), draft.canonical);
  std::int64_t left_number = solution.calculate("On the left,", a, '*', b);
  left_number = solution.calculate("", left_number, '+', c);
  solution.say(fmt::format("So the left is {}x+{}.", a, left_number));
  solution.end_paragraph();
  std::int64_t right_number = f;
  if (!short_right) {
    right_number = solution.calculate("On the right,", d, '*', e);
    right_number = solution.calculate("", right_number, '+', f);
    solution.say(fmt::format("So the right is {}x+{}.", d, right_number));
    solution.end_paragraph();
  }
  const std::int64_t factor = solution.calculate("The unknowns:", a, '-', d);
  const std::int64_t rest = solution.calculate("The numbers:", right_number, '-', left_number);
  solution.say(fmt::format("So {}={}.", times(factor, 'x'), rest));
  solution.end_paragraph();
  divide_and_check(solution, random, factor, 0, rest);
  return draft;
}

// ax+by=p and cx+dy=q with ad > cb: the first times c, the second times a, subtract.
Draft two_unknowns(PythonRandom& random) {
  const std::int64_t a = random.randint(2, 9), b = random.randint(1, 9), c = random.randint(2, 9),
                     d = random.randint(1, 9), x = random.randint(1, 12), y = random.randint(1, 12);
  const std::int64_t p = a * x + b * y, q = c * x + d * y;
  const std::string first = fmt::format("{}+{}={}", times(a, 'x'), times(b, 'y'), p),
                    second = fmt::format("{}+{}={}", times(c, 'x'), times(d, 'y'), q);
  const bool wants_sum = random.randint(0, 2) == 0;
  // Solved alike whatever is asked: the question is no part of what the problem says.
  Draft draft{.canonical = fmt::format("{};{}", first, second),
              .problem = {},
              .answer = wants_sum ? x + y : x,
              .solution = Solution(random)};
  draft.valid = a != c && a * d > c * b && a * q > c * p;
  if (!draft.valid) return draft;
  Solution& solution = draft.solution;
  draft.problem = fmt::format("{} {} and {}. What is {}?", solution.sometimes(2) ? "Suppose" : "We know that", first,
                              second, wants_sum ? "x+y" : "x");
  const std::int64_t first_y = solution.calculate(fmt::format("The first times {}:", c), c, '*', b);
  const std::int64_t first_p = solution.calculate("", c, '*', p);
  solution.end_paragraph();
  const std::int64_t second_y = solution.calculate(fmt::format("The second times {}:", a), a, '*', d);
  const std::int64_t second_q = solution.calculate("", a, '*', q);
  solution.end_paragraph();
  const std::int64_t factor = solution.calculate("Subtract:", second_y, '-', first_y);
  const std::int64_t rest = solution.calculate("", second_q, '-', first_p);
  const std::int64_t found_y = solution.calculate("So y is", rest, '/', factor);
  solution.end_paragraph();
  const std::int64_t part = solution.calculate("In the first:", b, '*', found_y);
  const std::int64_t left = solution.calculate("", p, '-', part);
  const std::int64_t found_x = solution.calculate("So x is", left, '/', a);
  if (wants_sum) solution.calculate("The sum is", found_x, '+', found_y);
  solution.end_paragraph();
  return draft;
}

}  // namespace

Draft draft_equation(PythonRandom& random, int steps) {
  if (steps <= 2) return one_side(random);
  if (steps == 3) return both_sides(random);
  if (steps <= 5) return with_parentheses(random, true);
  return steps <= 7 ? with_parentheses(random, false) : two_unknowns(random);
}

}  // namespace qreason
