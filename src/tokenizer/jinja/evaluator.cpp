#include "tokenizer/jinja/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace qreason::jinja {

// A new innermost scope while it lives.
class Evaluator::ScopeGuard {
 public:
  ScopeGuard(Evaluator& evaluator, std::shared_ptr<Scope> parent)
      : evaluator_(evaluator), outer_(std::move(evaluator.scope_)) {
    evaluator_.scope_ = std::make_shared<Scope>();
    evaluator_.scope_->parent = std::move(parent);
  }
  ~ScopeGuard() { evaluator_.scope_ = std::move(outer_); }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Evaluator& evaluator_;
  std::shared_ptr<Scope> outer_;
};

std::string render(Runtime& runtime, const Body& body, const Variables& variables) {
  return Evaluator(runtime, variables).run(body);
}

Evaluator::Evaluator(Runtime& runtime, const Variables& variables)
    : runtime_(runtime), scope_(std::make_shared<Scope>()) {
  for (const auto& [name, value] : variables) scope_->names[name] = value;
}

std::string Evaluator::run(const Body& body) {
  execute(body);
  return std::move(output_);
}

Evaluator::Flow Evaluator::execute(const Body& body) {
  for (const Statement& statement : body) {
    const Flow flow = execute(statement);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Evaluator::Flow Evaluator::execute(const Statement& statement) {
  const Runtime::Level level(runtime_);
  runtime_.step();
  runtime_.set_line(statement.line);
  const auto& content = statement.content;
  if (const auto* plain = std::get_if<TextStatement>(&content)) {
    write(plain->text);
  } else if (const auto* output = std::get_if<OutputStatement>(&content)) {
    write(to_text(runtime_, evaluate(*output->value)));
  } else if (const auto* choice = std::get_if<IfStatement>(&content)) {
    return run_if(*choice);
  } else if (const auto* loop = std::get_if<ForStatement>(&content)) {
    return run_for(*loop);
  } else if (const auto* set = std::get_if<SetStatement>(&content)) {
    assign(set->target, evaluate(*set->value));
  } else if (const auto* block = std::get_if<SetBlockStatement>(&content)) {
    const std::string text = captured(block->body);
    assign(block->target, block->filter ? filter_block(*block->filter, text) : Value::of(text));
  } else if (const auto* macro = std::get_if<MacroStatement>(&content)) {
    scope_->names[macro->name] = macro_value(*macro);
  } else if (const auto* call_block = std::get_if<CallStatement>(&content)) {
    run_call(*call_block);
  } else if (const auto* with = std::get_if<WithStatement>(&content)) {
    run_with(*with);
  } else if (const auto* scoped = std::get_if<ScopeStatement>(&content)) {
    return run_scoped(scoped->body);
  } else if (const auto* filter = std::get_if<FilterStatement>(&content)) {
    write(to_text(runtime_, filter_block(*filter->filter, captured(filter->body))));
  } else {
    return std::holds_alternative<BreakStatement>(content) ? Flow::kBreak : Flow::kContinue;
  }
  return Flow::kNormal;
}

void Evaluator::write(const std::string& text) {
  if (output_.size() + text.size() > runtime_.limits().text) runtime_.fail("more than 16 MB of output");
  runtime_.charge(text.size());
  output_ += text;
}

// What a body writes, with assignments in a scope of its own.
std::string Evaluator::captured(const Body& body) {
  std::string outer = std::exchange(output_, {});
  const ScopeGuard guard(*this, scope_);
  execute(body);
  return std::exchange(output_, std::move(outer));
}

Evaluator::Flow Evaluator::run_scoped(const Body& body) {
  const ScopeGuard guard(*this, scope_);
  return execute(body);
}

Evaluator::Flow Evaluator::run_if(const IfStatement& choice) {
  for (const auto& [condition, body] : choice.branches) {
    if (truth(evaluate(*condition))) return execute(body);
  }
  return execute(choice.otherwise);
}

Values Evaluator::loop_items(const ForStatement& loop) {
  Values items = iterate(runtime_, evaluate(*loop.iterable));
  if (!loop.condition) return items;
  Values kept;
  for (Value& item : items) {
    const ScopeGuard guard(*this, scope_);
    assign(loop.target, item);
    if (truth(evaluate(*loop.condition))) kept.push_back(std::move(item));
  }
  return kept;
}

Evaluator::Flow Evaluator::run_for(const ForStatement& loop) {
  const auto state = std::make_shared<LoopState>();
  state->items = loop_items(loop);
  bool completed = false;  // jinja2 runs `else` unless an iteration got to the end of the body
  for (; state->index < state->items.size(); ++state->index) {
    const ScopeGuard guard(*this, scope_);
    scope_->names["loop"] = Value::of(state);
    assign(loop.target, state->items[state->index]);
    const Flow flow = execute(loop.body);
    if (flow == Flow::kBreak) break;
    completed = completed || flow == Flow::kNormal;
  }
  return completed ? Flow::kNormal : run_scoped(loop.otherwise);
}

void Evaluator::run_with(const WithStatement& with) {
  Values values;  // all are evaluated outside the new scope
  for (const auto& [target, expression] : with.values) values.push_back(evaluate(*expression));
  const ScopeGuard guard(*this, scope_);
  for (std::size_t i = 0; i < values.size(); ++i) assign(with.values[i].first, values[i]);
  execute(with.body);
}

void Evaluator::assign(const Target& target, const Value& value) {
  if (!target.items.empty()) {
    const Values values = iterate(runtime_, value);
    if (values.size() != target.items.size()) {
      runtime_.fail(fmt::format("{} values to unpack", values.size()), fmt::format("{}", target.items.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) assign(target.items[i], values[i]);
    return;
  }
  if (target.attribute.empty()) {
    scope_->names[target.name] = value;
    return;
  }
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    const auto found = scope->names.find(target.name);
    if (found == scope->names.end()) continue;
    if (!found->second.is(Kind::kNamespace)) break;
    if (value.is(Kind::kNamespace) || value.is(Kind::kLoop) || value.is(Kind::kCallable)) {
      runtime_.fail(fmt::format("a {} inside a namespace", type_name(value)), "a plain value");
    }
    return found->second.name_space().set(target.attribute, value);
  }
  runtime_.fail("an attribute set on '" + target.name + "'", "a namespace");
}

Value Evaluator::macro_value(const MacroStatement& macro) const {
  return Value::of(std::make_shared<const Callable>(Callable{.macro = &macro, .closure = scope_, .name = macro.name}));
}

void Evaluator::run_call(const CallStatement& statement) {
  const Value caller = macro_value(statement.caller);
  write(to_text(runtime_, call(*statement.call, &caller)));
}

Value Evaluator::call_macro(const Callable& callable, const Arguments& arguments, const Value* caller) {
  const MacroStatement& macro = *callable.macro;
  const auto closure = callable.closure.lock();
  if (!closure) runtime_.fail("the macro " + macro.name + " called outside of where it was made");
  if (arguments.positional.size() > macro.parameters.size()) {
    runtime_.fail(fmt::format("{} arguments for the macro {}", arguments.positional.size(), macro.name),
                  fmt::format("at most {}", macro.parameters.size()));
  }
  std::string outer = std::exchange(output_, {});
  const ScopeGuard guard(*this, closure);
  if (caller != nullptr) scope_->names["caller"] = *caller;
  std::size_t named_used = 0;
  for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
    const Parameter& parameter = macro.parameters[i];
    const auto named = std::find_if(arguments.named.begin(), arguments.named.end(),
                                    [&](const auto& argument) { return argument.first == parameter.name; });
    if (named != arguments.named.end()) ++named_used;
    if (i < arguments.positional.size()) {
      if (named != arguments.named.end()) runtime_.fail("two values for the parameter " + parameter.name);
      scope_->names[parameter.name] = arguments.positional[i];
    } else if (named != arguments.named.end()) {
      scope_->names[parameter.name] = named->second;
    } else if (parameter.default_value) {
      scope_->names[parameter.name] = evaluate(*parameter.default_value);
    } else {
      scope_->names[parameter.name] = Value::undefined(fmt::format("parameter '{}' was not provided", parameter.name));
    }
  }
  if (named_used != arguments.named.size()) runtime_.fail("an unknown named argument for the macro " + macro.name);
  execute(macro.body);
  return Value::of(std::exchange(output_, std::move(outer)));
}

}  // namespace qreason::jinja
