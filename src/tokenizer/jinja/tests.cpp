// The tests of `is`, as jinja2's tests.py defines them.
#include <fmt/format.h>

#include "tokenizer/jinja/evaluator.h"
#include "tokenizer/jinja/functions.h"
#include "tokenizer/jinja/text.h"

namespace qreason::jinja {
namespace {

void take_none(const Runtime& runtime, const Arguments& arguments) {
  bind(runtime, arguments, {});
}

Value take_one(const Runtime& runtime, const Arguments& arguments) {
  const auto bound = bind(runtime, arguments, {"other"});
  if (!bound[0]) runtime.fail("a test without its argument");
  return *bound[0];
}

template <Kind... kinds>
bool is_kind(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  take_none(runtime, arguments);
  return (subject.is(kinds) || ...);
}

template <Kind... kinds>
bool is_not_kind(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  return !is_kind<kinds...>(runtime, subject, arguments);
}

template <Operator operation>
bool by_operator(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  return truth(apply_operator(runtime, operation, subject, take_one(runtime, arguments)));
}

bool is_true(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  take_none(runtime, arguments);
  return subject.is(Kind::kBool) && subject.integer() != 0;
}

bool is_false(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  take_none(runtime, arguments);
  return subject.is(Kind::kBool) && subject.integer() == 0;
}

// Objects that Python would share: None, True, small numbers; containers only when they are the same one.
bool same_as(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Value other = take_one(runtime, arguments);
  if (subject.kind() != other.kind()) return false;
  if (subject.is(Kind::kNone) || subject.is_integral() || subject.is(Kind::kString)) {
    return equal(runtime, subject, other);
  }
  return subject.identity() != nullptr && subject.identity() == other.identity();
}

bool divisible_by(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Value rest = apply_operator(runtime, Operator::kModulo, subject, take_one(runtime, arguments));
  return rest.is_number() && rest.number() == 0;
}

template <std::int64_t wanted>
bool has_rest_of_two(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  take_none(runtime, arguments);
  const Value rest = apply_operator(runtime, Operator::kModulo, subject, Value::of(std::int64_t{2}));
  return rest.is_number() && rest.number() == wanted;
}

template <Letters letters>
bool is_cased(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  take_none(runtime, arguments);
  return all_cased(to_text(runtime, subject), letters);
}

struct Row {
  std::string_view name;
  Test test;
};

constexpr Row kTests[] = {
    {"defined", is_not_kind<Kind::kUndefined>},
    {"undefined", is_kind<Kind::kUndefined>},
    {"none", is_kind<Kind::kNone>},
    {"boolean", is_kind<Kind::kBool>},
    {"true", is_true},
    {"false", is_false},
    {"integer", is_kind<Kind::kInt>},
    {"float", is_kind<Kind::kFloat>},
    {"number", is_kind<Kind::kBool, Kind::kInt, Kind::kFloat>},
    {"string", is_kind<Kind::kString>},
    {"mapping", is_kind<Kind::kDict>},
    {"sequence", is_kind<Kind::kString, Kind::kList, Kind::kTuple, Kind::kDict, Kind::kUndefined>},
    {"iterable", is_kind<Kind::kString, Kind::kList, Kind::kTuple, Kind::kDict, Kind::kUndefined, Kind::kLoop>},
    {"callable", is_kind<Kind::kCallable, Kind::kLoop, Kind::kUndefined>},
    {"sameas", same_as},
    {"in", by_operator<Operator::kIn>},
    {"eq", by_operator<Operator::kEqual>},
    {"equalto", by_operator<Operator::kEqual>},
    {"ne", by_operator<Operator::kNotEqual>},
    {"lt", by_operator<Operator::kLess>},
    {"lessthan", by_operator<Operator::kLess>},
    {"le", by_operator<Operator::kLessEqual>},
    {"gt", by_operator<Operator::kGreater>},
    {"greaterthan", by_operator<Operator::kGreater>},
    {"ge", by_operator<Operator::kGreaterEqual>},
    {"divisibleby", divisible_by},
    {"even", has_rest_of_two<0>},
    {"odd", has_rest_of_two<1>},
    {"upper", is_cased<Letters::kUpper>},
    {"lower", is_cased<Letters::kLower>},
};

}  // namespace

Test find_test(std::string_view name) {
  for (const Row& row : kTests) {
    if (row.name == name) return row.test;
  }
  return nullptr;
}

}  // namespace qreason::jinja
