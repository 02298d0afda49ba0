// Attributes and items of values, and arguments of calls.
#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/jinja/evaluator.h"
#include "tokenizer/jinja/functions.h"
#include "tokenizer/jinja/text.h"

namespace qreason::jinja {
namespace {

// loop.index and its like; nullopt when there is no such one.
std::optional<Value> loop_attribute(const LoopState& loop, std::string_view name) {
  const auto index = static_cast<std::int64_t>(loop.index), length = static_cast<std::int64_t>(loop.items.size());
  if (name == "index") return Value::of(index + 1);
  if (name == "index0") return Value::of(index);
  if (name == "revindex") return Value::of(length - index);
  if (name == "revindex0") return Value::of(length - index - 1);
  if (name == "first") return Value::of(index == 0);
  if (name == "last") return Value::of(index + 1 == length);
  if (name == "length") return Value::of(length);
  if (name == "depth") return Value::of(std::int64_t{1});
  if (name == "depth0") return Value::of(std::int64_t{0});
  if (name == "previtem") {
    return index == 0 ? Value::undefined("there is no previous item") : loop.items[loop.index - 1];
  }
  if (name == "nextitem") {
    return index + 1 == length ? Value::undefined("there is no next item") : loop.items[loop.index + 1];
  }
  return std::nullopt;
}

std::optional<Value> own_attribute(const Value& value, const std::string& name) {
  if (value.is(Kind::kNamespace)) {
    const Value* found = value.name_space().find(name);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  if (value.is(Kind::kLoop)) {
    if (auto attribute = loop_attribute(value.loop(), name)) return attribute;
  }
  if (value.is(Kind::kCallable) && name == "name") return Value::of(value.callable().name);
  if (const Method method = find_method(value, name)) {
    return Value::of(std::make_shared<const Callable>(Callable{.method = method, .self = value, .name = name}));
  }
  return std::nullopt;
}

std::optional<Value> own_item(Runtime& runtime, const Value& value, const Value& key) {
  if (value.is(Kind::kDict)) {
    const Value* found = find_key(runtime, value, key);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  if (!key.is_integral()) return std::nullopt;
  if (value.is_sequence()) {
    const auto length = static_cast<std::int64_t>(value.items().size());
    const std::int64_t index = key.integer() < 0 ? key.integer() + length : key.integer();
    if (index < 0 || index >= length) return std::nullopt;
    return value.items()[static_cast<std::size_t>(index)];
  }
  if (value.is(Kind::kString)) {
    runtime.charge(value.text().size());
    const std::int64_t length = character_count(value.text());
    const std::int64_t index = key.integer() < 0 ? key.integer() + length : key.integer();
    if (index < 0 || index >= length) return std::nullopt;
    std::string_view rest = value.text();
    for (std::int64_t i = 0; i < index; ++i) rest.remove_prefix(character_bytes(rest));
    return Value::of(rest.substr(0, character_bytes(rest)));
  }
  return std::nullopt;
}

}  // namespace

Value get_attribute(Runtime& runtime, const Value& value, const std::string& name) {
  require_defined(runtime, value);
  if (auto attribute = own_attribute(value, name)) return *attribute;
  if (value.is(Kind::kDict)) {
    if (auto item = own_item(runtime, value, Value::of(name))) return *item;
  }
  return Value::undefined(fmt::format("'{} object' has no attribute '{}'", type_name(value), name));
}

Value get_item(Runtime& runtime, const Value& value, const Value& key) {
  require_defined(runtime, value);
  if (auto item = own_item(runtime, value, key)) return *item;
  if (!key.is(Kind::kString)) return Value::undefined(fmt::format("'{} object' has no such element", type_name(value)));
  if (auto attribute = own_attribute(value, key.text())) return *attribute;
  return Value::undefined(fmt::format("'{} object' has no attribute '{}'", type_name(value), key.text()));
}

Value constant_function(const std::string& name, const Value& result) {
  const Method give = [](Runtime&, const Value& self, const Arguments&) { return self; };
  return Value::of(std::make_shared<const Callable>(Callable{.method = give, .self = result, .name = name}));
}

Value get_path(Runtime& runtime, const Value& value, const Value& path, const std::optional<Value>& default_value) {
  const auto step = [&](const Value& from, const Value& key) {
    Value found = get_item(runtime, from, key);
    return found.is(Kind::kUndefined) && default_value ? *default_value : found;
  };
  if (path.is_integral()) return step(value, path);
  Value current = value;
  for (const std::string_view part : split(require_text(runtime, path, "an attribute's name"), ".", -1)) {
    const bool is_number = !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == part.npos;
    const Value key = is_number ? Value::of(static_cast<std::int64_t>(std::stoll(std::string(part)))) : Value::of(part);
    current = step(current, key);
  }
  return current;
}

std::vector<std::optional<Value>> bind(const Runtime& runtime, const Arguments& arguments,
                                       std::initializer_list<std::string_view> names) {
  if (arguments.positional.size() > names.size()) {
    runtime.fail(fmt::format("{} arguments", arguments.positional.size()), fmt::format("at most {}", names.size()));
  }
  std::vector<std::optional<Value>> bound(names.size());
  std::copy(arguments.positional.begin(), arguments.positional.end(), bound.begin());
  for (const auto& [name, value] : arguments.named) {
    const auto place = std::find(names.begin(), names.end(), name);
    if (place == names.end())
      runtime.fail("the argument '" + name + "'", fmt::format("one of {}", fmt::join(names, ", ")));
    auto& slot = bound[static_cast<std::size_t>(place - names.begin())];
    if (slot) runtime.fail("two values for the argument '" + name + "'");
    slot = value;
  }
  return bound;
}

std::int64_t require_int(const Runtime& runtime, const Value& value, std::string_view what) {
  require_defined(runtime, value);
  if (!value.is_integral()) runtime.fail(fmt::format("{} of type {}", what, type_name(value)), "an integer");
  return value.integer();
}

const std::string& require_text(const Runtime& runtime, const Value& value, std::string_view what) {
  require_defined(runtime, value);
  if (!value.is(Kind::kString)) runtime.fail(fmt::format("{} of type {}", what, type_name(value)), "a text");
  return value.text();
}

}  // namespace qreason::jinja
