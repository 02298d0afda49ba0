// Runs a compiled template.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/jinja/ast.h"
#include "tokenizer/jinja/functions.h"
#include "tokenizer/jinja/runtime.h"
#include "tokenizer/jinja/value.h"

namespace qreason::jinja {

using Variables = std::vector<std::pair<std::string, Value>>;

// The output of `body` with `variables`. Every failure of the template is an Error with its line.
std::string render(Runtime& runtime, const Body& body, const Variables& variables);

struct Scope {
  std::shared_ptr<Scope> parent;
  std::unordered_map<std::string_view, Value> names;  // the names live in the compiled template
};

// A macro (with the scope it was made in), a method bound to its value, or a global function.
struct Callable {
  const MacroStatement* macro = nullptr;
  std::weak_ptr<Scope> closure;
  Method method = nullptr;
  Value self;
  Function function = nullptr;
  std::string name;
};

class Evaluator {
 public:
  Evaluator(Runtime& runtime, const Variables& variables);

  std::string run(const Body& body);

 private:
  enum class Flow { kNormal, kBreak, kContinue };

  // Statements (evaluator.cpp).
  Flow execute(const Body& body);
  Flow execute(const Statement& statement);
  Flow run_if(const IfStatement& choice);
  Flow run_for(const ForStatement& loop);
  Flow run_scoped(const Body& body);
  void run_call(const CallStatement& statement);
  void run_with(const WithStatement& with);
  void assign(const Target& target, const Value& value);
  void write(const std::string& text);
  std::string captured(const Body& body);
  Values loop_items(const ForStatement& loop);
  Value call_macro(const Callable& callable, const Arguments& arguments, const Value* caller);
  Value macro_value(const MacroStatement& macro) const;

  // Expressions (expressions.cpp).
  Value evaluate(const Expression& node);
  Value evaluate_child(const Expression& node, std::size_t child) { return evaluate(*node.children[child]); }
  Value name(const Expression& node);
  Value dict(const Expression& node);
  Value call(const Expression& node, const Value* caller);
  Value apply_filter(const Expression& node, const Value& subject);
  Value filter_block(const Expression& node, const std::string& text);
  Value slice(const Expression& node);
  Value concat(const Expression& node);
  Value compare_chain(const Expression& node);
  Arguments arguments(const Expression& node);
  Values children(const Expression& node, std::size_t from = 0);

  class ScopeGuard;

  Runtime& runtime_;
  std::shared_ptr<Scope> scope_;
  std::string output_;
};

// Arithmetic, and comparisons other than equality, of two values.
Value apply_operator(Runtime& runtime, Operator operation, const Value& left, const Value& right);
bool contains(Runtime& runtime, const Value& container, const Value& element);
Value take_slice(Runtime& runtime, const Value& value, const std::vector<Value>& bounds);

}  // namespace qreason::jinja
