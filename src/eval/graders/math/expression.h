// The syntax tree of an answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/rational.h"

namespace qreason::math {

enum class NodeKind {
  kNumber,     // text: its digits; value when it fits; `decimal` when written with a point
  kBased,      // text: the digits; value; base
  kConstant,   // text: "pi", "e", "i", "infty"
  kSymbol,     // text: name with subscript
  kText,       // text: words
  kSum,        // children
  kProduct,    // children
  kQuotient,   // children: numerator, denominator
  kPower,      // children: base, exponent
  kNegation,   // child
  kPlusMinus,  // child: the +- of it
  kPercent,    // child
  kFactorial,  // child
  kCall,       // text: function; children: arguments
  kTuple,      // text: opening and closing bracket, "(]" ; children: a tuple or an interval
  kSet,        // children, unordered
  kList,       // children separated by commas without brackets, unordered
  kUnion,      // children
  kMatrix,     // rows as kTuple children
  kRelation,   // children: the sides; text: one character a sign: = < > l(<=) g(>=) n(!=) a(approx) e(in)
  kRatio,      // children: a : b
};

struct Node {
  NodeKind kind;
  std::string text;
  std::optional<Rational> value;
  bool decimal = false;
  std::int64_t base = 10;
  std::vector<Node> children;
};

// Parses the whole of `text`. nullopt: it is not of the grammar (or deeper than 60 levels, or longer than
// kMaxExpressionBytes); such answers are compared as texts alone.
std::optional<Node> parse_answer(std::string_view text, CommaReading commas);

}  // namespace qreason::math
