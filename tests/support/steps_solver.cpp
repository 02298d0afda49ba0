#include "support/steps_solver.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <regex>
#include <vector>

#include "support/linear_expression.h"
#include "support/steps_readers.h"

namespace qreason::testing {
namespace {

using Match = std::smatch;

std::optional<StepsReading> read_product(const std::string& text) {
  static const std::regex kForms(
      "What is (\\d+) times (\\d+)\\?|Multiply (\\d+) by (\\d+)\\.|"
      "A box holds (\\d+) pens\\. How many pens are in (\\d+) boxes\\?|"
      "A ticket costs (\\d+) coins\\. How many coins do (\\d+) tickets cost\\?|"
      "There are (\\d+) rows with (\\d+) seats each\\. How many seats are there\\?|"
      "Compute (\\d+)\\*(\\d+)\\.");
  Match match;
  if (!std::regex_match(text, match, kForms)) return std::nullopt;
  std::vector<std::int64_t> factors;
  for (std::size_t group = 1; group < match.size(); ++group)
    if (match[group].matched) factors.push_back(number(match, group));
  std::sort(factors.begin(), factors.end());
  return StepsReading{factors.at(0) * factors.at(1), fmt::format("product {}", fmt::join(factors, " "))};
}

std::optional<StepsReading> read_remainder(const std::string& text) {
  static const std::regex kForms(
      "(?:What is the remainder when |Find the remainder of |Compute |Divide |)(\\d+)(?:\\^(\\d+))?"
      "(?: is divided by | divided by | mod | by | apples are shared equally by )(\\d+)"
      "(?:\\?|\\.|\\. What is the remainder\\?| children\\. How many apples are left over\\?)");
  Match match;
  if (!std::regex_match(text, match, kForms)) return std::nullopt;
  std::int64_t dividend = number(match, 1);
  for (std::int64_t i = 1, power = match[2].matched ? number(match, 2) : 1; i < power; ++i)
    require(!__builtin_mul_overflow(dividend, number(match, 1), &dividend), "the power does not fit");
  return StepsReading{dividend % number(match, 3),
                      fmt::format("remainder {}", match.str(1) + "^" + match.str(2)) + " by " + match.str(3)};
}

std::optional<StepsReading> read_expression(const std::string& text) {
  static const std::regex kForms(
      "(?:Compute |What is |Find the value of |Work out |Evaluate the expression )([-+*/()\\d]+)[.?]");
  Match match;
  if (!std::regex_match(text, match, kForms)) return std::nullopt;
  const LinearExpression value = parse_linear(match.str(1));
  require(value.x == 0 && value.y == 0, "an unknown in a calculation");
  return StepsReading{value.constant, "value of " + match.str(1)};
}

// left - right of an equation.
LinearExpression difference(const std::string& equation) {
  const std::size_t equals = equation.find('=');
  require(equals != std::string::npos, "no equals sign");
  return parse_linear(equation.substr(0, equals)) - parse_linear(equation.substr(equals + 1));
}

// The two sides in one order: 5=x and x=5 say the same.
std::string sides(const std::string& equation) {
  const std::size_t equals = equation.find('=');
  std::vector<std::string> texts;
  for (const std::string& side : {equation.substr(0, equals), equation.substr(equals + 1)}) {
    // "30+9x" is "9x+30".
    static const std::regex kTurned("(\\d+)\\+(\\d*x)");
    texts.push_back(std::regex_replace(side, kTurned, "$2+$1"));
  }
  std::sort(texts.begin(), texts.end());
  return texts[0] + "=" + texts[1];
}

std::optional<StepsReading> read_equation(const std::string& text) {
  static const std::regex kForms(
      "Solve (\\S+=\\S+) for x\\.|Find x if (\\S+=\\S+)\\.|What is x when (\\S+=\\S+)\\?|"
      "Solve the equation (\\S+=\\S+)\\. What is x\\?");
  Match match;
  if (!std::regex_match(text, match, kForms)) return std::nullopt;
  std::string equation;
  for (std::size_t group = 1; group < match.size(); ++group) equation += match.str(group);
  const LinearExpression zero = difference(equation);
  require(zero.y == 0 && zero.x != 0 && zero.constant % zero.x == 0, "not one whole x");
  return StepsReading{-zero.constant / zero.x, "x of " + sides(equation)};
}

std::optional<StepsReading> read_two_equations(const std::string& text) {
  static const std::regex kForm("(?:Suppose|We know that) (\\S+=\\S+) and (\\S+=\\S+)\\. What is (x|x\\+y)\\?");
  Match match;
  if (!std::regex_match(text, match, kForm)) return std::nullopt;
  // Cramer's rule.
  const LinearExpression one = difference(match.str(1)), two = difference(match.str(2));
  const std::int64_t determinant = one.x * two.y - two.x * one.y;
  const std::int64_t x = -one.constant * two.y + two.constant * one.y;
  const std::int64_t y = -one.x * two.constant + two.x * one.constant;
  require(determinant != 0 && x % determinant == 0 && y % determinant == 0, "not one pair of whole numbers");
  const std::string first = std::min(match.str(1), match.str(2)), second = std::max(match.str(1), match.str(2));
  return StepsReading{(x + (match.str(3) == "x" ? 0 : y)) / determinant, fmt::format("{} and {}", first, second)};
}

}  // namespace

StepsReading read_steps_problem(const std::string& problem) {
  std::vector<StepsReading> readings;
  for (const auto reader :
       {read_product, read_remainder, read_equation, read_two_equations, read_list_problem, read_people_problem}) {
    if (const auto reading = reader(problem)) readings.push_back(*reading);
  }
  // A product is an expression too.
  if (readings.empty())
    if (const auto reading = read_expression(problem)) readings.push_back(*reading);
  require(readings.size() == 1, fmt::format("{} readings: {}", readings.size(), problem));
  return readings[0];
}

}  // namespace qreason::testing
