#include <algorithm>
#include <array>

#include "eval/graders/math/latex_tokens.h"

namespace qreason::math {
namespace {

// Units short enough to be taken for a product of variables; longer words are text anyway.
constexpr std::array<std::string_view, 36> kUnits = {"cm",  "mm",  "km",  "dm",  "kg",  "mg",   "ml",  "ft",  "in",
                                                     "yd",  "mi",  "lb",  "oz",  "hr",  "hrs",  "min", "sec", "lbs",
                                                     "mph", "kph", "kmh", "pct", "day", "usd",  "rad", "deg", "gal",
                                                     "yrs", "pts", "pm",  "am",  "kj",  "km/h", "m/s", "sq",  "cu"};

constexpr std::array<std::string_view, 29> kFunctions = {
    "sin",   "cos",  "tan", "cot", "sec",  "csc",  "arcsin", "arccos", "arctan", "sinh",
    "cosh",  "tanh", "log", "ln",  "lg",   "exp",  "sqrt",   "abs",    "max",    "min",
    "floor", "ceil", "gcd", "lcm", "asin", "acos", "atan",   "arg",    "det"};

}  // namespace

bool is_unit_word(std::string_view word) {
  return std::find(kUnits.begin(), kUnits.end(), word) != kUnits.end();
}

bool is_function_name(std::string_view word) {
  return std::find(kFunctions.begin(), kFunctions.end(), word) != kFunctions.end();
}

}  // namespace qreason::math
