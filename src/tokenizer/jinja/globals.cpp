// Global functions: Jinja's own and the two that transformers adds.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "tokenizer/jinja/functions.h"

namespace qreason::jinja {
namespace {

constexpr std::int64_t kMaxRange = 100'000;  // as jinja2's sandbox

Value range(Runtime& runtime, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"start", "stop", "step"});
  if (!bound[0]) runtime.fail("range without its arguments");
  std::int64_t start = require_int(runtime, *bound[0], "range's argument"), stop = start, step = 1;
  if (bound[1]) {
    stop = require_int(runtime, *bound[1], "range's argument");
  } else {
    start = 0;
  }
  if (bound[2]) step = require_int(runtime, *bound[2], "range's step");
  if (step == 0) runtime.fail("a range step of 0");
  Values items;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<std::int64_t>(items.size()) >= kMaxRange) runtime.fail("a range of more than 100000 numbers");
    items.push_back(Value::of(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value::list(runtime, std::move(items));
}

Value name_space(Runtime& runtime, const Arguments& arguments) {
  const auto made = std::make_shared<Namespace>();
  const auto add = [&](const std::string& name, const Value& value) {
    if (value.is(Kind::kNamespace) || value.is(Kind::kLoop) || value.is(Kind::kCallable)) {
      runtime.fail(fmt::format("a {} inside a namespace", type_name(value)), "a plain value");
    }
    made->set(name, value);
  };
  for (const Value& given : arguments.positional) {
    if (!given.is(Kind::kDict)) runtime.fail(fmt::format("namespace of a {}", type_name(given)), "a dict");
    for (const auto& [key, value] : given.pairs()) add(require_text(runtime, key, "a namespace's name"), value);
  }
  for (const auto& [name, value] : arguments.named) add(name, value);
  return Value::of(made);
}

Value dict(Runtime& runtime, const Arguments& arguments) {
  Pairs pairs;
  for (const Value& given : arguments.positional) {
    if (!given.is(Kind::kDict)) runtime.fail(fmt::format("dict of a {}", type_name(given)), "a dict");
    pairs.insert(pairs.end(), given.pairs().begin(), given.pairs().end());
  }
  for (const auto& [name, value] : arguments.named) pairs.emplace_back(Value::of(name), value);
  return Value::dict(runtime, std::move(pairs));
}

Value raise_exception(Runtime& runtime, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"message"});
  runtime.fail("the template refuses this conversation: " + (bound[0] ? to_text(runtime, *bound[0]) : ""));
}

struct Row {
  std::string_view name;
  Function function;
};

constexpr Row kFunctions[] = {
    {"range", range}, {"namespace", name_space}, {"dict", dict}, {"raise_exception", raise_exception}};

}  // namespace

Function find_function(std::string_view name) {
  for (const Row& row : kFunctions) {
    if (row.name == name) return row.function;
  }
  return nullptr;
}

}  // namespace qreason::jinja
