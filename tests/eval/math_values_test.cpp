// Generated numbers whose values are known exactly, by whole-number arithmetic that shares nothing with the grader:
// what has the same value is equal however it is written, and what has another is not, however close.
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "base/random.h"
#include "eval/graders/math/compare.h"

namespace qreason::math {
namespace {

// (a + b sqrt(root)) / below, in lowest terms, below > 0.
struct Surd {
  std::int64_t a = 0, b = 0, below = 1, root = 2;
  bool operator==(const Surd&) const = default;
};

Surd reduced(Surd x) {
  if (x.below < 0) x = {-x.a, -x.b, -x.below, x.root};
  const std::int64_t common = std::gcd(std::gcd(x.a, x.b), x.below);
  return {x.a / common, x.b / common, x.below / common, x.root};
}

Surd sum(const Surd& x, const Surd& y) {
  return reduced({x.a * y.below + y.a * x.below, x.b * y.below + y.b * x.below, x.below * y.below, x.root});
}
Surd product(const Surd& x, const Surd& y) {
  return reduced({x.a * y.a + x.root * x.b * y.b, x.a * y.b + x.b * y.a, x.below * y.below, x.root});
}
Surd negated(const Surd& x) {
  return {-x.a, -x.b, x.below, x.root};
}
// below (a - b r) / (a^2 - root b^2); the norm is not 0, as the root is of no square.
Surd inverse(const Surd& x) {
  return reduced({x.below * x.a, -x.below * x.b, x.a * x.a - x.root * x.b * x.b, x.root});
}
bool is_zero(const Surd& x) {
  return x.a == 0 && x.b == 0;
}

// Small enough that nothing above overflows.
bool is_small(const Surd& x) {
  constexpr std::int64_t kMost = 100'000;
  return std::abs(x.a) < kMost && std::abs(x.b) < kMost && x.below < kMost;
}

// An expression, and its value.
struct Written {
  std::string text;
  Surd value;
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}
  std::int64_t pick(std::int64_t low, std::int64_t high) { return random_.randint(low, high); }

  Written expression(int depth, std::int64_t root) {
    const std::int64_t choice = depth == 0 ? pick(0, 1) : pick(0, 5);
    if (choice == 0) {
      const std::int64_t n = pick(1, 12);
      return {std::to_string(n), {n, 0, 1, root}};
    }
    if (choice == 1) {
      const std::int64_t times = pick(1, 3);
      return {"\\sqrt{" + std::to_string(root * times * times) + "}", {0, times, 1, root}};
    }
    const Written x = expression(depth - 1, root), y = expression(depth - 1, root);
    const Written both = joined(choice, x, y);
    return is_small(both.value) ? both : x;
  }

 private:
  static Written joined(std::int64_t choice, const Written& x, const Written& y) {
    if (choice == 2) return {x.text + "+" + y.text, sum(x.value, y.value)};
    if (choice == 3) return {x.text + "-\\left(" + y.text + "\\right)", sum(x.value, negated(y.value))};
    if (choice == 4 || is_zero(y.value)) return {"(" + x.text + ")(" + y.text + ")", product(x.value, y.value)};
    return {"\\frac{" + x.text + "}{" + y.text + "}", product(x.value, inverse(y.value))};
  }

  PythonRandom random_;
};

// Another way to write the value; which one, `form` says.
std::string rewritten(const Surd& x, std::int64_t form) {
  const auto text = [](std::int64_t n) { return std::to_string(n); };
  const std::string root = "\\sqrt{" + text(x.root) + "}", power = text(x.root) + "^{1/2}";
  switch (form) {
    case 0:
      return "\\frac{" + text(x.a) + "+" + text(x.b) + root + "}{" + text(x.below) + "}";
    case 1:
      return "(" + text(3 * x.b) + "\\cdot " + power + "+" + text(3 * x.a) + ")/" + text(3 * x.below);
    case 2:
      return "\\dfrac{" + text(x.a) + "}{" + text(x.below) + "} - " + root + " \\times \\left(\\frac{" + text(-x.b) +
             "}{" + text(x.below) + "}\\right)";
    default:  // (root - 1) / (sqrt(root) - 1) is sqrt(root) + 1
      return "\\frac{" + text(x.a - x.b) + "}{" + text(x.below) + "}+\\frac{" + text(x.b * (x.root - 1)) + "}{" +
             text(x.below) + "(" + root + "-1)}";
  }
}

TEST(SameAnswerValues, AreEqualExactlyWhenTheValuesAre) {
  Generator random(11);
  int equal = 0, different = 0;
  for (int round = 0; round < 1500; ++round) {
    const std::int64_t roots[] = {2, 3, 5, 7, 11, 13};
    const std::int64_t root = roots[random.pick(0, 5)];
    const Written written = random.expression(3, root);
    EXPECT_TRUE(same_answer(written.text, written.text));
    const std::string same = rewritten(written.value, random.pick(0, 3));
    EXPECT_TRUE(same_answer(written.text, same)) << written.text << " and " << same;
    EXPECT_TRUE(same_answer(same, written.text)) << written.text << " and " << same;
    ++equal;
    // A neighbour: one more, another sign of the root, another denominator, or next to nothing.
    Surd other = written.value;
    const std::int64_t change = random.pick(0, 3);
    if (change == 0) ++other.a;
    if (change == 1) other.b = -other.b;
    if (change == 2) ++other.below;
    const std::string neighbour = rewritten(reduced(other), random.pick(0, 3)) +
                                  (change == 3 ? "+10^{-" + std::to_string(random.pick(1, 400)) + "}" : "");
    if (change != 3 && reduced(other) == written.value) continue;
    EXPECT_FALSE(same_answer(written.text, neighbour)) << written.text << " and " << neighbour;
    EXPECT_FALSE(same_answer(neighbour, written.text)) << written.text << " and " << neighbour;
    ++different;
  }
  EXPECT_GT(equal, 1000);
  EXPECT_GT(different, 900);
}

// p/q as a quotient, a mixed number, a repeating decimal (by long division), percent; against itself and its
// neighbours.
std::string long_division(std::int64_t top, std::int64_t below) {
  std::string digits = std::to_string(top / below) + ".";
  std::vector<std::int64_t> rests;
  for (std::int64_t rest = top % below;;) {
    for (std::size_t i = 0; i < rests.size(); ++i) {
      if (rests[i] != rest) continue;
      const std::size_t start = digits.find('.') + 1 + i;
      return digits.substr(0, start) + "\\overline{" + digits.substr(start) + "}";
    }
    rests.push_back(rest);
    digits += std::to_string(rest * 10 / below);
    rest = rest * 10 % below;
  }
}

TEST(SameAnswerValues, OfFractionsInEverySpelling) {
  Generator random(5);
  const auto spellings = [](std::int64_t top, std::int64_t below) {
    const std::string p = std::to_string(top), q = std::to_string(below);
    std::vector<std::string> texts = {"\\frac{" + p + "}{" + q + "}",
                                      p + "/" + q,
                                      p + " \\div " + q,
                                      "\\frac{" + p + "00}{" + q + "}\\%",
                                      long_division(top, below),
                                      p + "\\cdot " + q + "^{-1}"};
    if (top > below && top % below != 0)
      texts.push_back(std::to_string(top / below) + "\\frac{" + std::to_string(top % below) + "}{" + q + "}");
    return texts;
  };
  for (int round = 0; round < 120; ++round) {
    const std::int64_t below = random.pick(2, 90), top = random.pick(1, 400);
    const std::int64_t other_below = below + random.pick(0, 1), other_top = top + (other_below == below ? 1 : 0);
    const auto texts = spellings(top, below), others = spellings(other_top, other_below);
    for (const std::string& text : texts) {
      for (const std::string& same : texts) EXPECT_TRUE(same_answer(text, same)) << text << " and " << same;
      for (const std::string& other : others) {
        const bool equal = top * other_below == other_top * below;
        EXPECT_EQ(same_answer(text, other), equal) << text << " and " << other;
      }
    }
  }
}

}  // namespace
}  // namespace qreason::math
