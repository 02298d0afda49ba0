// A compiled template: statements over expressions.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tokenizer/jinja/value.h"

namespace qreason::jinja {

enum class Operator {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn
};

enum class ExpressionKind {
  kConstant,   // constant
  kName,       // name
  kList,       // children
  kTuple,      // children
  kDict,       // children: key, value, key, value, ...
  kAttribute,  // children[0].name
  kItem,       // children[0][children[1]]
  kSlice,      // children[0][children[1]:children[2]:children[3]], the last three may be null
  kCall,       // children[0](children[1...], named...)
  kFilter,     // children[0] | name(children[1...], named...); children[0] is null in {% set x | filter %}
  kTest,       // children[0] is name(children[1...], named...)
  kNot,
  kNegate,
  kPlus,
  kAnd,
  kOr,
  kBinary,       // children[0] operators[0] children[1]
  kCompare,      // children[0] operators[0] children[1] operators[1] children[2] ...
  kConcat,       // children[0] ~ children[1] ~ ...
  kConditional,  // children[1] if children[0] else children[2] (may be null)
};

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

struct Expression {
  ExpressionKind kind;
  int line = 0;
  int depth = 1;  // of the tree below
  std::string name;
  Value constant;
  std::vector<ExpressionPtr> children;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  std::vector<Operator> operators;
};

// What {% set %} and {% for %} assign to.
struct Target {
  std::string name;
  std::string attribute;      // of a namespace; empty: the name itself
  std::vector<Target> items;  // a tuple when not empty
};

struct Statement;
using Body = std::vector<Statement>;

struct Parameter {
  std::string name;
  ExpressionPtr default_value;  // null: none
};

struct TextStatement {
  std::string text;
};
struct OutputStatement {
  ExpressionPtr value;
};
struct IfStatement {
  std::vector<std::pair<ExpressionPtr, Body>> branches;
  Body otherwise;
};
struct ForStatement {
  Target target;
  ExpressionPtr iterable, condition;  // condition may be null
  Body body, otherwise;
};
struct SetStatement {
  Target target;
  ExpressionPtr value;
};
struct SetBlockStatement {
  Target target;
  ExpressionPtr filter;  // may be null
  Body body;
};
struct MacroStatement {
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
};
struct CallStatement {  // {% call(a) m(x) %} body {% endcall %}
  MacroStatement caller;
  ExpressionPtr call;
};
struct WithStatement {
  std::vector<std::pair<Target, ExpressionPtr>> values;
  Body body;
};
struct ScopeStatement {
  Body body;
};  // {% generation %}
struct FilterStatement {
  ExpressionPtr filter;
  Body body;
};
struct BreakStatement {};
struct ContinueStatement {};

struct Statement {
  int line;
  std::variant<TextStatement, OutputStatement, IfStatement, ForStatement, SetStatement, SetBlockStatement,
               MacroStatement, CallStatement, WithStatement, ScopeStatement, FilterStatement, BreakStatement,
               ContinueStatement>
      content;
};

// Compiles; Errors name the line. Filters and tests that do not exist are Errors here, not when the template runs.
Body parse(std::string_view source);

}  // namespace qreason::jinja
