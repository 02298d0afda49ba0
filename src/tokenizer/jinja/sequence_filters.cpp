// Filters over sequences, as jinja2's filters.py defines them. What is a generator there is a list here.
#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/jinja/functions.h"
#include "tokenizer/jinja/text.h"

namespace qreason::jinja {
namespace {

Value length(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  bind(runtime, arguments, {});
  switch (subject.kind()) {
    case Kind::kUndefined:
      return Value::of(std::int64_t{0});
    case Kind::kString:
      runtime.charge(subject.text().size());
      return Value::of(character_count(subject.text()));
    case Kind::kList:
    case Kind::kTuple:
      return Value::of(static_cast<std::int64_t>(subject.items().size()));
    case Kind::kDict:
      return Value::of(static_cast<std::int64_t>(subject.pairs().size()));
    default:
      runtime.fail(fmt::format("the length of a {}", type_name(subject)), "a text, list or dict");
  }
}

Value default_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"default_value", "boolean"});
  const bool replaces = subject.is(Kind::kUndefined) || (bound[1] && truth(*bound[1]) && !truth(subject));
  return replaces ? bound[0].value_or(Value::of("")) : subject;
}

Value join(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"d", "attribute"});
  const std::string between = bound[0] ? to_text(runtime, *bound[0]) : "";
  std::string text;
  bool first = true;
  for (const Value& item : iterate(runtime, subject)) {
    const bool by_attribute = bound[1] && !bound[1]->is(Kind::kNone);
    const std::string piece = to_text(runtime, by_attribute ? get_path(runtime, item, *bound[1]) : item);
    runtime.step();
    if (text.size() + between.size() + piece.size() > runtime.limits().text) runtime.fail("more than 16 MB joined");
    runtime.charge(between.size() + piece.size());
    if (!first) text += between;
    text += piece;
    first = false;
  }
  return Value::of(std::move(text));
}

Value first(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  bind(runtime, arguments, {});
  const Values items = iterate(runtime, subject);
  return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}

Value last(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  bind(runtime, arguments, {});
  const Values items = iterate(runtime, subject);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value to_list(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  bind(runtime, arguments, {});
  return Value::list(runtime, iterate(runtime, subject));
}

Value items(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  bind(runtime, arguments, {});
  if (subject.is(Kind::kUndefined)) return Value::list(runtime, {});
  if (!subject.is(Kind::kDict)) runtime.fail(fmt::format("items of a {}", type_name(subject)), "a dict");
  return find_method(subject, "items")(runtime, subject, {});
}

Value reverse(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  bind(runtime, arguments, {});
  Values reversed = iterate(runtime, subject);
  std::reverse(reversed.begin(), reversed.end());
  if (!subject.is(Kind::kString)) return Value::list(runtime, std::move(reversed));
  std::string text;
  for (const Value& character : reversed) text += character.text();
  return Value::of(std::move(text));
}

// What sort, unique, min and max compare: texts in lower case unless case_sensitive.
Value sort_key(Runtime& runtime, const Value& item, const std::optional<Value>& case_sensitive,
               const std::optional<Value>& attribute) {
  const bool by_attribute = attribute && !attribute->is(Kind::kNone);
  Value key = by_attribute ? get_path(runtime, item, *attribute) : item;
  const bool folds = key.is(Kind::kString) && !(case_sensitive && truth(*case_sensitive));
  if (!folds) return key;
  runtime.check_text(key.text().size());
  return Value::of(lower(key.text()));
}

std::vector<std::pair<Value, Value>> keyed(Runtime& runtime, const Value& subject,
                                           const std::optional<Value>& case_sensitive,
                                           const std::optional<Value>& attribute) {
  std::vector<std::pair<Value, Value>> pairs;
  for (const Value& item : iterate(runtime, subject)) {
    pairs.emplace_back(sort_key(runtime, item, case_sensitive, attribute), item);
  }
  return pairs;
}

Value sort(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"reverse", "case_sensitive", "attribute"});
  auto pairs = keyed(runtime, subject, bound[1], bound[2]);
  const bool descending = bound[0] && truth(*bound[0]);
  std::stable_sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) {
    return descending ? compare(runtime, b.first, a.first) < 0 : compare(runtime, a.first, b.first) < 0;
  });
  Values sorted;
  for (auto& pair : pairs) sorted.push_back(std::move(pair.second));
  return Value::list(runtime, std::move(sorted));
}

Value unique(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"case_sensitive", "attribute"});
  Values keys, kept;
  for (auto& [key, item] : keyed(runtime, subject, bound[0], bound[1])) {
    const bool seen = std::any_of(keys.begin(), keys.end(), [&](const Value& k) { return equal(runtime, k, key); });
    if (seen) continue;
    keys.push_back(std::move(key));
    kept.push_back(std::move(item));
  }
  return Value::list(runtime, std::move(kept));
}

enum class Extreme { kMin, kMax };

template <Extreme extreme>
Value extreme_of(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"case_sensitive", "attribute"});
  const auto pairs = keyed(runtime, subject, bound[0], bound[1]);
  if (pairs.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  const auto* best = &pairs.front();
  for (const auto& pair : pairs) {
    const int order = compare(runtime, pair.first, best->first);
    if (extreme == Extreme::kMin ? order < 0 : order > 0) best = &pair;
  }
  return best->second;
}

Arguments after(const Arguments& arguments, std::size_t count) {
  const auto skipped = static_cast<std::ptrdiff_t>(std::min(count, arguments.positional.size()));
  return {.positional = {arguments.positional.begin() + skipped, arguments.positional.end()}, .named = arguments.named};
}

Value map(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  Values mapped;
  if (arguments.positional.empty()) {
    const auto bound = bind(runtime, arguments, {"attribute", "default"});
    if (!bound[0]) runtime.fail("map without a filter", "a filter's name or attribute=");
    for (const Value& item : iterate(runtime, subject)) {
      mapped.push_back(get_path(runtime, item, *bound[0], bound[1]));
    }
    return Value::list(runtime, std::move(mapped));
  }
  const std::string& name = require_text(runtime, arguments.positional[0], "map's filter");
  const Filter filter = find_filter(name);
  if (filter == nullptr) runtime.fail("the filter '" + name + "'", "one that is supported");
  const Runtime::Level level(runtime);  // map over map over map ...
  const Arguments rest = after(arguments, 1);
  for (const Value& item : iterate(runtime, subject)) mapped.push_back(filter(runtime, item, rest));
  return Value::list(runtime, std::move(mapped));
}

enum class Keep { kPassing, kFailing };
enum class By { kItem, kAttribute };

// select, reject, selectattr, rejectattr: ([attribute,] [test, arguments of the test ...]).
template <Keep keep, By by>
Value choose(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const std::size_t place = by == By::kAttribute ? 1 : 0;
  if (arguments.positional.size() < place) runtime.fail("selectattr without an attribute");
  Test test = nullptr;
  if (arguments.positional.size() > place) {
    const std::string& name = require_text(runtime, arguments.positional[place], "a test's name");
    test = find_test(name);
    if (test == nullptr) runtime.fail("the test '" + name + "'", "one that is supported");
  }
  const Arguments rest = after(arguments, place + 1);
  Values kept;
  for (const Value& item : iterate(runtime, subject)) {
    const Value tested = by == By::kAttribute ? get_path(runtime, item, arguments.positional[0]) : item;
    const bool passes = test == nullptr ? truth(tested) : test(runtime, tested, rest);
    if (passes == (keep == Keep::kPassing)) kept.push_back(item);
  }
  return Value::list(runtime, std::move(kept));
}

struct Row {
  std::string_view name;
  Filter filter;
};

constexpr Row kSequenceFilters[] = {
    {"length", length},
    {"count", length},
    {"default", default_filter},
    {"d", default_filter},
    {"join", join},
    {"first", first},
    {"last", last},
    {"list", to_list},
    {"items", items},
    {"reverse", reverse},
    {"sort", sort},
    {"unique", unique},
    {"min", extreme_of<Extreme::kMin>},
    {"max", extreme_of<Extreme::kMax>},
    {"map", map},
    {"select", choose<Keep::kPassing, By::kItem>},
    {"reject", choose<Keep::kFailing, By::kItem>},
    {"selectattr", choose<Keep::kPassing, By::kAttribute>},
    {"rejectattr", choose<Keep::kFailing, By::kAttribute>},
};

}  // namespace

Filter find_sequence_filter(std::string_view name) {
  for (const Row& row : kSequenceFilters) {
    if (row.name == name) return row.filter;
  }
  return nullptr;
}

Filter find_filter(std::string_view name) {
  const Filter filter = find_text_filter(name);
  return filter != nullptr ? filter : find_sequence_filter(name);
}

}  // namespace qreason::jinja
