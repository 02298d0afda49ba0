// Methods that Python's strings, lists and dicts have; those that change a value in place do not exist, as in the
// sandbox that transformers renders in.
#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/jinja/functions.h"
#include "tokenizer/jinja/text.h"

namespace qreason::jinja {
namespace {

Value pieces(Runtime& runtime, const std::vector<std::string_view>& parts) {
  Values items;
  for (const std::string_view part : parts) items.push_back(Value::of(part));
  return Value::list(runtime, std::move(items));
}

template <std::string (*change)(std::string_view)>
Value changed(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind(runtime, arguments, {});
  runtime.check_text(2 * self.text().size());
  return Value::of(change(self.text()));
}

template <Side side>
Value stripped(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"chars"});
  if (!bound[0] || bound[0]->is(Kind::kNone)) {
    runtime.charge(self.text().size());
    return Value::of(strip(self.text(), side));
  }
  const std::string& set = require_text(runtime, *bound[0], "strip's argument");
  runtime.charge(self.text().size() * (set.size() + 1));
  return Value::of(strip(self.text(), side, set));
}

enum class Edge { kStart, kEnd };

template <Edge edge>
Value has_affix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"affix"});
  if (!bound[0]) runtime.fail("startswith or endswith without its argument");
  const Values affixes = bound[0]->is(Kind::kTuple) ? bound[0]->items() : Values{*bound[0]};
  return Value::of(std::any_of(affixes.begin(), affixes.end(), [&](const Value& affix) {
    const std::string& text = require_text(runtime, affix, "the argument of startswith or endswith");
    runtime.charge(text.size());
    return edge == Edge::kStart ? self.text().starts_with(text) : self.text().ends_with(text);
  }));
}

Value split_text(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"sep", "maxsplit"});
  const std::int64_t limit = bound[1] ? require_int(runtime, *bound[1], "maxsplit") : -1;
  runtime.charge(2 * self.text().size());
  if (!bound[0] || bound[0]->is(Kind::kNone)) return pieces(runtime, split_space(self.text(), limit));
  const std::string& separator = require_text(runtime, *bound[0], "split's separator");
  if (separator.empty()) runtime.fail("an empty separator");
  return pieces(runtime, split(self.text(), separator, limit));
}

Value split_into_lines(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind(runtime, arguments, {});
  runtime.charge(2 * self.text().size());
  return pieces(runtime, split_lines(self.text()));
}

Value replaced(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"old", "new", "count"});
  if (!bound[0] || !bound[1]) runtime.fail("replace without its arguments");
  const std::string& from = require_text(runtime, *bound[0], "replace's first argument");
  const std::string& to = require_text(runtime, *bound[1], "replace's second argument");
  runtime.charge(2 * self.text().size());
  const auto matches = static_cast<std::size_t>(count_matches(self.text(), from));
  runtime.check_text(self.text().size() + matches * to.size());
  return Value::of(replace(self.text(), from, to, bound[2] ? require_int(runtime, *bound[2], "replace's count") : -1));
}

Value joined(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"iterable"});
  if (!bound[0]) runtime.fail("join without its argument");
  std::string text;
  bool first = true;
  for (const Value& item : iterate(runtime, *bound[0])) {
    const std::string& piece = require_text(runtime, item, "an element to join");
    runtime.check_text(text.size() + self.text().size() + piece.size());
    if (!first) text += self.text();
    text += piece;
    first = false;
  }
  return Value::of(std::move(text));
}

Value find_in_text(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"part"});
  if (!bound[0]) runtime.fail("find without its argument");
  runtime.charge(2 * self.text().size());
  const std::size_t at = find_bytes(self.text(), require_text(runtime, *bound[0], "find's argument"));
  if (at == std::string_view::npos) return Value::of(std::int64_t{-1});
  return Value::of(character_count(std::string_view(self.text()).substr(0, at)));
}

Value count_in_text(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"part"});
  if (!bound[0]) runtime.fail("count without its argument");
  runtime.charge(self.text().size());
  return Value::of(count_matches(self.text(), require_text(runtime, *bound[0], "count's argument")));
}

template <CharacterClass wanted>
Value has_class(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind(runtime, arguments, {});
  runtime.charge(self.text().size());
  return Value::of(all_of_class(self.text(), wanted));
}

template <Letters letters>
Value has_case(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind(runtime, arguments, {});
  runtime.charge(self.text().size());
  return Value::of(all_cased(self.text(), letters));
}

Value count_in_list(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"value"});
  if (!bound[0]) runtime.fail("count without its argument");
  return Value::of(static_cast<std::int64_t>(std::count_if(
      self.items().begin(), self.items().end(), [&](const Value& item) { return equal(runtime, item, *bound[0]); })));
}

Value index_in_list(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"value"});
  if (!bound[0]) runtime.fail("index without its argument");
  const auto found = std::find_if(self.items().begin(), self.items().end(),
                                  [&](const Value& item) { return equal(runtime, item, *bound[0]); });
  if (found == self.items().end()) runtime.fail("index of what is not in the list");
  return Value::of(static_cast<std::int64_t>(found - self.items().begin()));
}

enum class Part { kKeys, kValues, kItems };

template <Part part>
Value dict_part(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind(runtime, arguments, {});
  Values parts;
  for (const auto& [key, value] : self.pairs()) {
    parts.push_back(part == Part::kKeys ? key : part == Part::kValues ? value : Value::tuple(runtime, {key, value}));
  }
  return Value::list(runtime, std::move(parts));
}

Value dict_get(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"key", "default"});
  if (!bound[0]) runtime.fail("get without a key");
  const Value* found = find_key(runtime, self, *bound[0]);
  return found != nullptr ? *found : bound[1].value_or(Value());
}

Value loop_cycle(Runtime& runtime, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty()) runtime.fail("loop.cycle without values");
  return arguments.positional[self.loop().index % arguments.positional.size()];
}

Value loop_changed(Runtime& runtime, const Value& self, const Arguments& arguments) {
  LoopState& loop = self.loop();
  const bool same = loop.changed_before && loop.last_changed.size() == arguments.positional.size() &&
                    std::equal(loop.last_changed.begin(), loop.last_changed.end(), arguments.positional.begin(),
                               [&](const Value& a, const Value& b) { return equal(runtime, a, b); });
  for (const Value& value : arguments.positional) {
    const bool could_hold_it = value.is(Kind::kLoop) || value.is(Kind::kCallable);  // the loop would keep itself alive
    if (could_hold_it) runtime.fail(fmt::format("loop.changed of a {}", type_name(value)), "plain values");
  }
  loop.changed_before = true;
  loop.last_changed = arguments.positional;
  return Value::of(!same);
}

struct Row {
  Kind kind;
  std::string_view name;
  Method method;
};

constexpr Row kMethods[] = {
    {Kind::kString, "strip", stripped<Side::kBoth>},
    {Kind::kString, "lstrip", stripped<Side::kLeft>},
    {Kind::kString, "rstrip", stripped<Side::kRight>},
    {Kind::kString, "startswith", has_affix<Edge::kStart>},
    {Kind::kString, "endswith", has_affix<Edge::kEnd>},
    {Kind::kString, "split", split_text},
    {Kind::kString, "splitlines", split_into_lines},
    {Kind::kString, "replace", replaced},
    {Kind::kString, "join", joined},
    {Kind::kString, "find", find_in_text},
    {Kind::kString, "count", count_in_text},
    {Kind::kString, "upper", changed<upper>},
    {Kind::kString, "lower", changed<lower>},
    {Kind::kString, "title", changed<title>},
    {Kind::kString, "capitalize", changed<capitalize>},
    {Kind::kString, "isdigit", has_class<CharacterClass::kDigit>},
    {Kind::kString, "isalpha", has_class<CharacterClass::kLetter>},
    {Kind::kString, "isalnum", has_class<CharacterClass::kLetterOrDigit>},
    {Kind::kString, "isupper", has_case<Letters::kUpper>},
    {Kind::kString, "islower", has_case<Letters::kLower>},
    {Kind::kList, "count", count_in_list},
    {Kind::kList, "index", index_in_list},
    {Kind::kTuple, "count", count_in_list},
    {Kind::kTuple, "index", index_in_list},
    {Kind::kDict, "items", dict_part<Part::kItems>},
    {Kind::kDict, "keys", dict_part<Part::kKeys>},
    {Kind::kDict, "values", dict_part<Part::kValues>},
    {Kind::kDict, "get", dict_get},
    {Kind::kLoop, "cycle", loop_cycle},
    {Kind::kLoop, "changed", loop_changed},
};

}  // namespace

Method find_method(const Value& self, std::string_view name) {
  for (const Row& row : kMethods) {
    if (row.kind == self.kind() && row.name == name) return row.method;
  }
  return nullptr;
}

}  // namespace qreason::jinja
