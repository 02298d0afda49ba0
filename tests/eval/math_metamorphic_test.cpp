// Properties over generated expressions: another spelling of a function is equal to it, a changed one is not, and both
// orders agree. Whether a change changes the function is told by a second evaluation, in doubles, that shares nothing
// with the grader.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "eval/graders/math/compare.h"

namespace qreason::math {
namespace {

struct Tree {
  char op;  // one of "+-*/^sr|" or 'n' (number), 'x', 'y'
  int number = 0;
  std::vector<Tree> parts;
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}
  std::int64_t pick(std::int64_t low, std::int64_t high) { return random_.randint(low, high); }

  Tree tree(int depth) {
    const std::int64_t choice = depth == 0 ? pick(0, 2) : pick(0, 10);
    if (choice == 0) return {'n', static_cast<int>(pick(1, 30)), {}};
    if (choice <= 2) return {choice == 1 ? 'x' : 'y', 0, {}};
    if (choice <= 4) return {'+', 0, {tree(depth - 1), tree(depth - 1)}};
    if (choice == 5) return {'-', 0, {tree(depth - 1), tree(depth - 1)}};
    if (choice <= 7) return {'*', 0, {tree(depth - 1), tree(depth - 1)}};
    if (choice == 8) return {'/', 0, {tree(depth - 1), tree(depth - 1)}};
    if (choice == 9) return {'^', static_cast<int>(pick(2, 4)), {tree(depth - 1)}};
    return {"sr|" [pick(0, 2)], 0, { tree(depth - 1) }};
  }

 private:
  PythonRandom random_;
};

double value(const Tree& t, double x, double y) {
  const auto part = [&](std::size_t i) { return value(t.parts[i], x, y); };
  switch (t.op) {
    case 'n':
      return t.number;
    case 'x':
      return x;
    case 'y':
      return y;
    case '+':
      return part(0) + part(1);
    case '-':
      return part(0) - part(1);
    case '*':
      return part(0) * part(1);
    case '/':
      return part(1) == 0 ? std::nan("") : part(0) / part(1);
    case '^':
      return std::pow(part(0), t.number);
    case 's':
      return std::sin(part(0));
    case 'r':
      return std::sqrt(part(0));
    default:
      return std::abs(part(0));
  }
}

// As people write it.
std::string plain(const Tree& t) {
  const auto group = [](const Tree& part) { return "\\left(" + plain(part) + "\\right)"; };
  switch (t.op) {
    case 'n':
      return std::to_string(t.number);
    case 'x':
      return "x";
    case 'y':
      return "y";
    case '+':
      return plain(t.parts[0]) + "+" + plain(t.parts[1]);
    case '-':
      return plain(t.parts[0]) + "-" + group(t.parts[1]);
    case '*':
      return group(t.parts[0]) + "\\cdot " + group(t.parts[1]);
    case '/':
      return "\\frac{" + plain(t.parts[0]) + "}{" + plain(t.parts[1]) + "}";
    case '^':
      return group(t.parts[0]) + "^{" + std::to_string(t.number) + "}";
    case 's':
      return "\\sin" + group(t.parts[0]);
    case 'r':
      return "\\sqrt{" + plain(t.parts[0]) + "}";
    default:
      return "\\left|" + plain(t.parts[0]) + "\\right|";
  }
}

// The same with the terms exchanged, other signs and other functions.
std::string otherwise(const Tree& t) {
  const auto group = [](const Tree& part) { return "(" + otherwise(part) + ")"; };
  switch (t.op) {
    case 'n':
      return "\\frac{" + std::to_string(2 * t.number) + "}{2}";
    case 'x':
      return "{x}";
    case 'y':
      return "(y)";
    case '+':
      return otherwise(t.parts[1]) + " + " + otherwise(t.parts[0]);
    case '-':
      return "-" + group(t.parts[1]) + "+" + otherwise(t.parts[0]);
    case '*':
      return group(t.parts[1]) + group(t.parts[0]);
    case '/':
      return group(t.parts[0]) + "/" + group(t.parts[1]);
    case '^':
      return group(t.parts[0]) + "\\times " + group(t.parts[0]) + "^{" + std::to_string(t.number - 1) + "}";
    case 's':
      return "-\\sin(-" + group(t.parts[0]) + ")";
    case 'r':
      return group(t.parts[0]) + "^{1/2}";
    default:
      return "|0-" + group(t.parts[0]) + "|";
  }
}

// Some number one larger, or a sum where a product was.
bool change(Tree& t, Generator& random) {
  if (t.op == 'n') return ++t.number > 0;
  if (t.op == '+' && random.pick(0, 1) == 0) return (t.op = '*') != 0;
  if (t.op == '^' && random.pick(0, 1) == 0) return ++t.number > 0;
  if (t.op == '|' && random.pick(0, 1) == 0) {
    Tree inside = t.parts[0];
    t = inside;
    return true;
  }
  for (Tree& part : t.parts)
    if (change(part, random)) return true;
  return false;
}

TEST(SameAnswerProperties, AnotherSpellingIsEqualAndAChangedFunctionIsNot) {
  Generator random(2024);
  int equal = 0, changed_functions = 0;
  for (int round = 0; round < 1500; ++round) {
    const Tree tree = random.tree(3);
    const std::string first = plain(tree), second = otherwise(tree);
    const double at[] = {value(tree, 0.7, 1.3), value(tree, -1.9, 2.3), value(tree, 3.1, -0.6)};
    const bool defined = std::isfinite(at[0]) && std::isfinite(at[1]) && std::isfinite(at[2]) && std::abs(at[0]) < 1e12;
    if (!defined) continue;
    EXPECT_TRUE(same_answer(first, second)) << first << " and " << second;
    EXPECT_TRUE(same_answer(second, first)) << first << " and " << second;
    ++equal;
    Tree other = tree;
    if (!change(other, random)) continue;
    const double moved[] = {value(other, 0.7, 1.3), value(other, -1.9, 2.3), value(other, 3.1, -0.6)};
    bool differs = false;
    for (int i = 0; i < 3; ++i)
      differs = differs || (std::isfinite(moved[i]) && std::abs(moved[i] - at[i]) > 1e-6 * (1 + std::abs(at[i])));
    if (!differs) continue;
    EXPECT_FALSE(same_answer(first, plain(other))) << first << " and " << plain(other);
    EXPECT_FALSE(same_answer(otherwise(other), first)) << first << " and " << otherwise(other);
    ++changed_functions;
  }
  EXPECT_GT(equal, 500);
  EXPECT_GT(changed_functions, 300);
}

TEST(SameAnswerProperties, OrderScaleAndSpellingOfCollectionsAndEquations) {
  Generator random(7);
  const auto number = [&] { return std::to_string(random.pick(-40, 40)) + (random.pick(0, 2) == 0 ? "/7" : ""); };
  for (int round = 0; round < 300; ++round) {
    const std::string a = number(), b = number(), c = number() + "1";
    EXPECT_TRUE(same_answer("\\{" + a + "," + b + "," + c + "\\}", "\\{" + c + "," + a + "," + b + "\\}"));
    EXPECT_TRUE(same_answer(a + ";" + b + ";" + c, "\\{" + b + "," + c + "," + a + "\\}"));
    EXPECT_EQ(same_answer("(" + a + "," + b + ")", "(" + b + "," + a + ")"), a == b) << a << " " << b;
    const std::int64_t p = random.pick(1, 9), q = random.pick(1, 9), r = random.pick(-9, 9), scale = random.pick(2, 6);
    const auto line = [](std::int64_t x, std::int64_t y, std::int64_t) {
      return std::to_string(x) + "x+" + std::to_string(y) + "y";
    };
    const auto right = [](std::int64_t z) { return std::to_string(z); };
    const std::string equation = line(p, q, r) + "=" + right(r);
    EXPECT_TRUE(same_answer(equation, line(p * scale, q * scale, 0) + "=" + right(r * scale))) << equation;
    EXPECT_TRUE(same_answer(right(r) + "=" + line(p, q, 0), equation)) << equation;
    EXPECT_FALSE(same_answer(equation, line(p, q, 0) + "=" + right(r + 1))) << equation;
    EXPECT_TRUE(same_answer(line(p, q, 0) + "<" + right(r), line(p * scale, q * scale, 0) + "<" + right(r * scale)));
    EXPECT_FALSE(same_answer(line(p, q, 0) + "<" + right(r), line(p, q, 0) + ">" + right(r)));
  }
}

}  // namespace
}  // namespace qreason::math
