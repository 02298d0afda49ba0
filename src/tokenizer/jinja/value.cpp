#include "tokenizer/jinja/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tokenizer/jinja/text.h"

namespace qreason::jinja {
namespace {

constexpr std::size_t kElementCost = 64;  // bytes an element of a container is counted as

// Nesting of a container of these; what could make a cycle is refused.
int nesting_over(const Runtime& runtime, const Value& item, int nesting) {
  if (item.is(Kind::kNamespace) || item.is(Kind::kLoop) || item.is(Kind::kCallable)) {
    runtime.fail(fmt::format("a {} inside a container", type_name(item)), "plain values");
  }
  nesting = std::max(nesting, item.nesting() + 1);
  if (nesting > runtime.limits().nesting) runtime.fail("containers nested too deep");
  return nesting;
}

std::shared_ptr<const Sequence> make_sequence(Runtime& runtime, Values items) {
  runtime.charge(items.size() * kElementCost);
  int nesting = 1;
  for (const Value& item : items) nesting = nesting_over(runtime, item, nesting);
  return std::make_shared<const Sequence>(Sequence{.items = std::move(items), .nesting = nesting});
}

std::string in_quotes(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const std::string_view character : characters(text)) {
    const std::uint32_t code = code_point(character);
    if (character.front() == quote || character == "\\") {
      out += '\\';
      out += character;
    } else if (character == "\n") {
      out += "\\n";
    } else if (character == "\r") {
      out += "\\r";
    } else if (character == "\t") {
      out += "\\t";
    } else if (is_printable(character)) {
      out += character;
    } else {
      out += code < 0x100     ? fmt::format("\\x{:02x}", code)
             : code < 0x10000 ? fmt::format("\\u{:04x}", code)
                              : fmt::format("\\U{:08x}", code);
    }
  }
  return out + quote;
}

bool equal_items(Runtime& runtime, const Values& a, const Values& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!equal(runtime, a[i], b[i])) return false;
  }
  return true;
}

bool equal_pairs(Runtime& runtime, const Value& a, const Value& b) {
  if (a.pairs().size() != b.pairs().size()) return false;
  for (const auto& [key, value] : a.pairs()) {
    const Value* other = find_key(runtime, b, key);
    if (other == nullptr || !equal(runtime, value, *other)) return false;
  }
  return true;
}

}  // namespace

Value Value::undefined(std::string why) {
  return {Kind::kUndefined, std::make_shared<const std::string>(std::move(why))};
}
Value Value::of(bool value) {
  return {Kind::kBool, value};
}
Value Value::of(std::int64_t value) {
  return {Kind::kInt, value};
}
Value Value::of(double value) {
  return {Kind::kFloat, value};
}
Value Value::of(std::string text) {
  return {Kind::kString, std::make_shared<const std::string>(std::move(text))};
}
Value Value::of(std::shared_ptr<Namespace> value) {
  return {Kind::kNamespace, std::move(value)};
}
Value Value::of(std::shared_ptr<LoopState> value) {
  return {Kind::kLoop, std::move(value)};
}
Value Value::of(std::shared_ptr<const Callable> value) {
  return {Kind::kCallable, std::move(value)};
}
Value Value::list(Runtime& runtime, Values items) {
  return {Kind::kList, make_sequence(runtime, std::move(items))};
}
Value Value::tuple(Runtime& runtime, Values items) {
  return {Kind::kTuple, make_sequence(runtime, std::move(items))};
}

Value Value::dict(Runtime& runtime, Pairs pairs) {
  Pairs unique;
  int nesting = 1;
  for (auto& [key, value] : pairs) {
    if (key.is(Kind::kList) || key.is(Kind::kDict) || key.is(Kind::kUndefined)) {
      runtime.fail(fmt::format("a {} as a key", type_name(key)), "a text or a number");
    }
    nesting = nesting_over(runtime, value, nesting_over(runtime, key, nesting));
    const auto same = std::find_if(unique.begin(), unique.end(), [&](const auto& pair) {
      runtime.step();
      return equal(runtime, pair.first, key);
    });
    if (same != unique.end()) {
      same->second = std::move(value);
    } else {
      unique.emplace_back(std::move(key), std::move(value));
    }
  }
  runtime.charge(2 * unique.size() * kElementCost);
  return {Kind::kDict, std::make_shared<const Mapping>(Mapping{.pairs = std::move(unique), .nesting = nesting})};
}

std::int64_t Value::integer() const {
  return kind_ == Kind::kBool ? static_cast<std::int64_t>(std::get<bool>(data_)) : std::get<std::int64_t>(data_);
}
double Value::number() const {
  return kind_ == Kind::kFloat ? std::get<double>(data_) : static_cast<double>(integer());
}
const std::string& Value::text() const {
  return *std::get<std::shared_ptr<const std::string>>(data_);
}
const Values& Value::items() const {
  return std::get<std::shared_ptr<const Sequence>>(data_)->items;
}
const Pairs& Value::pairs() const {
  return std::get<std::shared_ptr<const Mapping>>(data_)->pairs;
}
Namespace& Value::name_space() const {
  return *std::get<std::shared_ptr<Namespace>>(data_);
}
LoopState& Value::loop() const {
  return *std::get<std::shared_ptr<LoopState>>(data_);
}
const Callable& Value::callable() const {
  return *std::get<std::shared_ptr<const Callable>>(data_);
}

int Value::nesting() const {
  if (is_sequence()) return std::get<std::shared_ptr<const Sequence>>(data_)->nesting;
  return kind_ == Kind::kDict ? std::get<std::shared_ptr<const Mapping>>(data_)->nesting : 0;
}

const void* Value::identity() const {
  return std::visit(
      [](const auto& data) -> const void* {
        if constexpr (requires { data.get(); }) {
          return data.get();
        } else {
          return nullptr;
        }
      },
      data_);
}

const Value* Namespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Namespace::set(const std::string& name, Value value) {
  for (auto& [key, current] : attributes) {
    if (key == name) {
      current = std::move(value);
      return;
    }
  }
  attributes.emplace_back(name, std::move(value));
}

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kNamespace:
      return "namespace";
    case Kind::kLoop:
      return "loop";
    case Kind::kCallable:
      return "function";
  }
  return "value";
}

bool truth(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.integer() != 0;
    case Kind::kFloat:
      return value.number() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !value.items().empty();
    case Kind::kDict:
      return !value.pairs().empty();
    default:
      return true;
  }
}

bool equal(Runtime& runtime, const Value& a, const Value& b) {
  runtime.step();
  if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      runtime.charge(std::min(a.text().size(), b.text().size()));
      return a.text() == b.text();
    case Kind::kList:
    case Kind::kTuple:
      return equal_items(runtime, a.items(), b.items());
    case Kind::kDict:
      return equal_pairs(runtime, a, b);
    default:
      return a.identity() == b.identity();
  }
}

int compare(Runtime& runtime, const Value& a, const Value& b) {
  runtime.step();
  require_defined(runtime, a);
  require_defined(runtime, b);
  if (a.is_integral() && b.is_integral()) return a.integer() < b.integer() ? -1 : a.integer() > b.integer();
  if (a.is_number() && b.is_number()) return a.number() < b.number() ? -1 : a.number() > b.number();
  if (a.is(Kind::kString) && b.is(Kind::kString)) {
    runtime.charge(std::min(a.text().size(), b.text().size()));
    const int order = a.text().compare(b.text());  // the order of code points is that of UTF-8 bytes
    return order < 0 ? -1 : order > 0;
  }
  if (!a.is_sequence() || a.kind() != b.kind()) {
    runtime.fail(fmt::format("a comparison of {} with {}", type_name(a), type_name(b)),
                 "two of a kind that has an order");
  }
  for (std::size_t i = 0; i < std::min(a.items().size(), b.items().size()); ++i) {
    if (!equal(runtime, a.items()[i], b.items()[i])) return compare(runtime, a.items()[i], b.items()[i]);
  }
  return a.items().size() < b.items().size() ? -1 : a.items().size() > b.items().size();
}

const Value* find_key(Runtime& runtime, const Value& dict, const Value& key) {
  for (const auto& [candidate, value] : dict.pairs()) {
    if (equal(runtime, candidate, key)) return &value;
  }
  return nullptr;
}

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string to_text(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "";
    case Kind::kString:
      return value.text();
    default:
      return to_repr(runtime, value);
  }
}

std::string to_repr(Runtime& runtime, const Value& value) {
  const auto join = [&](const Values& items) {
    std::string out;
    for (const Value& item : items) {
      if (!out.empty()) out += ", ";
      out += to_repr(runtime, item);
      runtime.check_text(out.size() > runtime.limits().text ? out.size() : 0);
    }
    return out;
  };
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return value.integer() != 0 ? "True" : "False";
    case Kind::kInt:
      return fmt::format("{}", value.integer());
    case Kind::kFloat:
      return float_text(value.number());
    case Kind::kString:
      runtime.check_text(value.text().size());
      return in_quotes(value.text());
    case Kind::kList:
      return "[" + join(value.items()) + "]";
    case Kind::kTuple:
      return "(" + join(value.items()) + (value.items().size() == 1 ? ",)" : ")");
    case Kind::kDict: {
      std::string out;
      for (const auto& [key, item] : value.pairs()) {
        if (!out.empty()) out += ", ";
        out += to_repr(runtime, key) + ": " + to_repr(runtime, item);
        runtime.check_text(out.size() > runtime.limits().text ? out.size() : 0);
      }
      return "{" + out + "}";
    }
    default:
      runtime.fail(fmt::format("a {} printed", type_name(value)), "a value with a text");
  }
}

Values iterate(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return {};
    case Kind::kList:
    case Kind::kTuple:
      runtime.step(value.items().size());
      return value.items();
    case Kind::kString: {
      Values items;
      runtime.charge(value.text().size() * kElementCost);
      for (const std::string_view character : characters(value.text())) items.push_back(Value::of(character));
      return items;
    }
    case Kind::kDict: {
      Values keys;
      for (const auto& pair : value.pairs()) keys.push_back(pair.first);
      runtime.step(keys.size());
      return keys;
    }
    default:
      runtime.fail(fmt::format("a {}", type_name(value)), "something to go through");
  }
}

void require_defined(const Runtime& runtime, const Value& value) {
  if (value.is(Kind::kUndefined)) runtime.fail(value.text());
}

}  // namespace qreason::jinja
