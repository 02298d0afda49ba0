// Filters that make texts and numbers, as jinja2's filters.py defines them without autoescaping; tojson as transformers
// overrides it.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "tokenizer/jinja/functions.h"
#include "tokenizer/jinja/text.h"

namespace qreason::jinja {
namespace {

template <std::string (*change)(std::string_view)>
Value changed(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  bind(runtime, arguments, {});
  const std::string text = to_text(runtime, subject);
  runtime.check_text(2 * text.size());
  return Value::of(change(text));
}

std::string same(std::string_view text) {
  return std::string(text);
}

Value trim(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"chars"});
  const std::string text = to_text(runtime, subject);
  if (!bound[0] || bound[0]->is(Kind::kNone)) {
    runtime.charge(text.size());
    return Value::of(strip(text, Side::kBoth));
  }
  const std::string& set = require_text(runtime, *bound[0], "trim's argument");
  runtime.charge(text.size() * (set.size() + 1));
  return Value::of(strip(text, Side::kBoth, set));
}

Value replace_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"old", "new", "count"});
  if (!bound[0] || !bound[1]) runtime.fail("replace without its arguments");
  const std::string text = to_text(runtime, subject);
  const std::string from = to_text(runtime, *bound[0]), to = to_text(runtime, *bound[1]);
  runtime.charge(2 * text.size());
  runtime.check_text(text.size() + static_cast<std::size_t>(count_matches(text, from)) * to.size());
  const bool all = !bound[2] || bound[2]->is(Kind::kNone);
  return Value::of(replace(text, from, to, all ? -1 : require_int(runtime, *bound[2], "replace's count")));
}

Value indent(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"width", "first", "blank"});
  std::string margin(4, ' ');
  if (bound[0] && bound[0]->is(Kind::kString)) {
    margin = bound[0]->text();
  } else if (bound[0]) {
    const std::int64_t width = require_int(runtime, *bound[0], "indent's width");
    runtime.check_text(width > 0 ? static_cast<std::size_t>(width) : 0);
    margin.assign(width > 0 ? static_cast<std::size_t>(width) : 0, ' ');
  }
  const bool first = bound[1] && truth(*bound[1]), blank = bound[2] && truth(*bound[2]);
  const std::string text = require_text(runtime, subject, "the subject of indent") + "\n";
  const auto lines = split_lines(text);
  runtime.charge(text.size());
  runtime.check_text(text.size() + (lines.size() + 1) * margin.size());
  std::string out = first ? margin : "";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\n";
    if (i > 0 && (blank || !lines[i].empty())) out += margin;
    out += lines[i];
  }
  return Value::of(std::move(out));
}

Value to_json_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  constexpr std::int64_t kMaxIndent = 64;
  JsonStyle style{.sort_keys = bound[3] && truth(*bound[3]), .ensure_ascii = bound[0] && truth(*bound[0])};
  if (bound[1] && !bound[1]->is(Kind::kNone)) {
    const std::int64_t width = require_int(runtime, *bound[1], "tojson's indent");
    if (width < 0 || width > kMaxIndent) runtime.fail(fmt::format("tojson's indent {}", width), "0 to 64");
    style.indent = static_cast<int>(width);
    style.item_separator = ',';
  }
  if (bound[2] && !bound[2]->is(Kind::kNone)) {
    if (!bound[2]->is_sequence() || bound[2]->items().size() != 2) runtime.fail("tojson's separators", "two texts");
    style.item_separator = require_text(runtime, bound[2]->items()[0], "a separator");
    style.key_separator = require_text(runtime, bound[2]->items()[1], "a separator");
  }
  return Value::of(to_json_text(runtime, subject, style));
}

std::optional<std::int64_t> parse_int(std::string_view text) {
  text = strip(text, Side::kBoth);
  const bool plus = text.starts_with('+') && text.size() > 1 && text[1] != '-';
  if (plus) text.remove_prefix(1);
  std::int64_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || result.ec != std::errc{} || result.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> parse_float(std::string_view text) {
  text = strip(text, Side::kBoth);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || result.ec != std::errc{} || result.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

Value whole_part(Runtime& runtime, double value) {
  constexpr double kLimit = 9.2e18;
  if (!(std::abs(value) < kLimit)) runtime.fail("a number beyond 64 bits for int");
  return Value::of(static_cast<std::int64_t>(value));
}

Value to_int(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"default", "base"});
  if (bound[1]) runtime.fail("int with a base", "int without one");
  require_defined(runtime, subject);
  if (subject.is_integral()) return Value::of(subject.integer());
  if (subject.is(Kind::kFloat)) return whole_part(runtime, subject.number());
  if (subject.is(Kind::kString)) {
    if (const auto number = parse_int(subject.text())) return Value::of(*number);
    if (const auto number = parse_float(subject.text())) return whole_part(runtime, *number);
  }
  return bound[0].value_or(Value::of(std::int64_t{0}));
}

Value to_float(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"default"});
  require_defined(runtime, subject);
  if (subject.is_number()) return Value::of(subject.number());
  if (subject.is(Kind::kString)) {
    if (const auto number = parse_float(subject.text())) return Value::of(*number);
  }
  return bound[0].value_or(Value::of(0.0));
}

Value absolute(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  bind(runtime, arguments, {});
  require_defined(runtime, subject);
  if (subject.is(Kind::kFloat)) return Value::of(std::abs(subject.number()));
  const std::int64_t number = require_int(runtime, subject, "the subject of abs");
  if (number == INT64_MIN) runtime.fail("an integer beyond 64 bits");
  return Value::of(number < 0 ? -number : number);
}

struct Row {
  std::string_view name;
  Filter filter;
};

constexpr Row kTextFilters[] = {
    {"upper", changed<upper>},
    {"lower", changed<lower>},
    {"capitalize", changed<capitalize>},
    {"title", changed<title_words>},
    {"string", changed<same>},
    {"safe", changed<same>},  // nothing is escaped
    {"trim", trim},
    {"replace", replace_filter},
    {"indent", indent},
    {"tojson", to_json_filter},
    {"int", to_int},
    {"float", to_float},
    {"abs", absolute},
};

}  // namespace

Filter find_text_filter(std::string_view name) {
  for (const Row& row : kTextFilters) {
    if (row.name == name) return row.filter;
  }
  return nullptr;
}

}  // namespace qreason::jinja
