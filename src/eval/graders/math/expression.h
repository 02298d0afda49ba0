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
  kConstant,   // text: "pi", "e", "i"
  kSymbol,     // text: name with subscript; "infty", "ldots" and sets of numbers ("mathbb R") too
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
  kApply,      // text: a function that is only named, f(x); children: arguments
  kMeasure,    // child: a value; text: the dimensions of its unit (words.h), empty for things that are counted
  kMod,        // children: value, modulus
  kTuple,      // text: opening and closing bracket, "(]" ; children: a tuple or an interval
  kSet,        // children, unordered
  kList,       // children separated without brackets, unordered; text: "or", "and" where no commas do, "{}" in braces
  kUnion,      // children
  kMeet,       // children: the sets whose intersection it is
  kWithout,    // children: a set, and what is taken out of it
  kBuilder,    // children: the element, its conditions ("\{x : x > 3\}")
  kMatrix,     // rows as kTuple children
  kRelation,   // children: the sides; text: one character a sign: = < > l(<=) g(>=) n(!=) a(approx) e(in);
               // others, of which nothing more is known, are in relation_signs.cpp
  kPiecewise,  // children: a value and its condition in turns; kText "otherwise" is a condition, too
  kRatio,      // children: a : b, or more; text: the dimensions of a unit behind it ("11:30 a.m.")
  kLabelled,   // child: a value; text: the words in front of it that tell which one it is (leading_words.h)
};

struct Node {
  NodeKind kind;
  std::string text;
  std::optional<Rational> value;  // of kMeasure: the size of its unit in base units
  bool decimal = false;
  std::int64_t base = 10;
  std::vector<Node> children;
};

// Ends the dimensions of a unit that is written with primes, "5'" or "5''": never left out, since 5 is no 5'.
inline constexpr const char* kPrime = "'";
// The text of a product whose order may count, and of a cross product, where it does.
inline constexpr const char* kCross = "cross";
// Begins the text of a kCall, and of the token that it is read from, of which nothing is known but what it is applied
// to: "operator Var", "operator d/dx", "operator '".
inline constexpr std::string_view kOperation = "operator ";
bool is_operated(const Node& n);

// Signs of relations that hold the other way round, too.
inline constexpr char kSimilar = 's';
inline constexpr char kCongruent = 'o';
inline constexpr std::string_view kSymmetricRelations = "=nso|TL";

// Parses the whole of `text`. nullopt: it is not of the grammar (or deeper than 60 levels, or longer than
// kMaxExpressionBytes); such answers are compared as texts alone.
std::optional<Node> parse_answer(std::string_view text, Reading reading);

// Whether words in front of a value, letters and spaces alone, leave it as it is: "the answer is", but not "the cost
// of" (leading_words.h).
bool leaves_value(std::string_view words);

}  // namespace qreason::math
