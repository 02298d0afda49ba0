#include <fmt/format.h>

#include "tokenizer/jinja/evaluator.h"

namespace qreason::jinja {

Value Evaluator::evaluate(const Expression& node) {
  const Runtime::Level level(runtime_);
  runtime_.step();
  runtime_.set_line(node.line);
  switch (node.kind) {
    case ExpressionKind::kConstant:
      return node.constant;
    case ExpressionKind::kName:
      return name(node);
    case ExpressionKind::kList:
      return Value::list(runtime_, children(node));
    case ExpressionKind::kTuple:
      return Value::tuple(runtime_, children(node));
    case ExpressionKind::kDict:
      return dict(node);
    case ExpressionKind::kAttribute:
      return get_attribute(runtime_, evaluate_child(node, 0), node.name);
    case ExpressionKind::kItem: {
      const Value object = evaluate_child(node, 0);
      return get_item(runtime_, object, evaluate_child(node, 1));
    }
    case ExpressionKind::kSlice:
      return slice(node);
    case ExpressionKind::kCall:
      return call(node, nullptr);
    case ExpressionKind::kFilter:
      return apply_filter(node, evaluate_child(node, 0));
    case ExpressionKind::kTest: {
      const Value subject = evaluate_child(node, 0);
      return Value::of(find_test(node.name)(runtime_, subject, arguments(node)));
    }
    case ExpressionKind::kNot:
      return Value::of(!truth(evaluate_child(node, 0)));
    case ExpressionKind::kNegate:
      return apply_operator(runtime_, Operator::kSubtract, Value::of(std::int64_t{0}), evaluate_child(node, 0));
    case ExpressionKind::kPlus:
      return apply_operator(runtime_, Operator::kAdd, Value::of(std::int64_t{0}), evaluate_child(node, 0));
    case ExpressionKind::kAnd: {
      Value left = evaluate_child(node, 0);
      return truth(left) ? evaluate_child(node, 1) : left;
    }
    case ExpressionKind::kOr: {
      Value left = evaluate_child(node, 0);
      return truth(left) ? left : evaluate_child(node, 1);
    }
    case ExpressionKind::kBinary: {
      const Value left = evaluate_child(node, 0);
      return apply_operator(runtime_, node.operators.front(), left, evaluate_child(node, 1));
    }
    case ExpressionKind::kCompare:
      return compare_chain(node);
    case ExpressionKind::kConcat:
      return concat(node);
    case ExpressionKind::kConditional:
      if (truth(evaluate_child(node, 0))) return evaluate_child(node, 1);
      return node.children[2] ? evaluate_child(node, 2)
                              : Value::undefined("the inline if was false and there is no else");
  }
  runtime_.fail("an expression of unknown kind");
}

Value Evaluator::dict(const Expression& node) {
  Pairs pairs;
  for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
    Value key = evaluate_child(node, i);
    pairs.emplace_back(std::move(key), evaluate_child(node, i + 1));
  }
  return Value::dict(runtime_, std::move(pairs));
}

Values Evaluator::children(const Expression& node, std::size_t from) {
  Values values;
  for (std::size_t i = from; i < node.children.size(); ++i) values.push_back(evaluate_child(node, i));
  return values;
}

Arguments Evaluator::arguments(const Expression& node) {
  Arguments arguments{.positional = children(node, 1)};
  for (const auto& [name, value] : node.named) arguments.named.emplace_back(name, evaluate(*value));
  return arguments;
}

Value Evaluator::name(const Expression& node) {
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    const auto found = scope->names.find(node.name);
    if (found != scope->names.end()) return found->second;
  }
  if (const Function function = find_function(node.name)) {
    return Value::of(std::make_shared<const Callable>(Callable{.function = function, .name = node.name}));
  }
  return Value::undefined(fmt::format("'{}' is undefined", node.name));
}

Value Evaluator::call(const Expression& node, const Value* caller) {
  const Value callee = evaluate_child(node, 0);
  require_defined(runtime_, callee);
  if (!callee.is(Kind::kCallable)) runtime_.fail(fmt::format("a call of a {}", type_name(callee)), "a function");
  const Callable& callable = callee.callable();
  const Arguments given = arguments(node);
  runtime_.set_line(node.line);
  if (callable.macro != nullptr) return call_macro(callable, given, caller);
  if (caller != nullptr) runtime_.fail("a call block over " + callable.name, "a macro");
  return callable.method != nullptr ? callable.method(runtime_, callable.self, given)
                                    : callable.function(runtime_, given);
}

Value Evaluator::apply_filter(const Expression& node, const Value& subject) {
  const Arguments given = arguments(node);
  runtime_.set_line(node.line);
  return find_filter(node.name)(runtime_, subject, given);
}

// The innermost filter of the chain has no subject of its own: it takes the block's text.
Value Evaluator::filter_block(const Expression& node, const std::string& text) {
  const Runtime::Level level(runtime_);
  return apply_filter(node, node.children[0] ? filter_block(*node.children[0], text) : Value::of(text));
}

Value Evaluator::slice(const Expression& node) {
  const Value object = evaluate_child(node, 0);
  Values bounds(3);
  for (std::size_t i = 0; i < 3; ++i) {
    if (node.children[i + 1]) bounds[i] = evaluate_child(node, i + 1);
  }
  return take_slice(runtime_, object, bounds);
}

Value Evaluator::concat(const Expression& node) {
  std::string text;
  for (const ExpressionPtr& child : node.children) {
    const std::string piece = to_text(runtime_, evaluate(*child));
    runtime_.check_text(text.size() + piece.size());
    text += piece;
  }
  return Value::of(std::move(text));
}

Value Evaluator::compare_chain(const Expression& node) {
  Value left = evaluate_child(node, 0);
  for (std::size_t i = 0; i < node.operators.size(); ++i) {
    Value right = evaluate_child(node, i + 1);
    if (!truth(apply_operator(runtime_, node.operators[i], left, right))) return Value::of(false);
    left = std::move(right);
  }
  return Value::of(true);
}

}  // namespace qreason::jinja
