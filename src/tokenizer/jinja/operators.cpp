#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "tokenizer/jinja/evaluator.h"
#include "tokenizer/jinja/text.h"

namespace qreason::jinja {
namespace {

std::string_view symbol_of(Operator operation) {
  switch (operation) {
    case Operator::kAdd:
      return "+";
    case Operator::kSubtract:
      return "-";
    case Operator::kMultiply:
      return "*";
    case Operator::kDivide:
      return "/";
    case Operator::kFloorDivide:
      return "//";
    case Operator::kModulo:
      return "%";
    case Operator::kPower:
      return "**";
    default:
      return "comparison";
  }
}

std::optional<std::int64_t> integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  for (; exponent > 0; --exponent) {  // overflows after 62 steps at most
    if (__builtin_mul_overflow(result, base, &result)) return std::nullopt;
  }
  return result;
}

// Python's integers do not overflow; ours are 64 bits wide and say so.
Value integer_operation(Runtime& runtime, Operator operation, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  const bool divides =
      operation == Operator::kDivide || operation == Operator::kFloorDivide || operation == Operator::kModulo;
  if (divides && b == 0) runtime.fail("a division by zero");
  switch (operation) {
    case Operator::kAdd:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case Operator::kSubtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case Operator::kMultiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case Operator::kDivide:
      return Value::of(static_cast<double>(a) / static_cast<double>(b));
    case Operator::kFloorDivide:
      overflow = b == -1 && a == INT64_MIN;
      if (!overflow) result = a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
      break;
    case Operator::kModulo:
      result = b == -1 ? 0 : a % b;
      if (result != 0 && (result < 0) != (b < 0)) result += b;
      break;
    default: {
      if (b < 0) return Value::of(std::pow(static_cast<double>(a), static_cast<double>(b)));
      const auto power = integer_power(a, b);
      overflow = !power;
      result = power.value_or(0);
    }
  }
  if (overflow) runtime.fail("an integer beyond 64 bits");
  return Value::of(result);
}

Value float_operation(Runtime& runtime, Operator operation, double a, double b) {
  const bool divides =
      operation == Operator::kDivide || operation == Operator::kFloorDivide || operation == Operator::kModulo;
  if (divides && b == 0) runtime.fail("a division by zero");
  switch (operation) {
    case Operator::kAdd:
      return Value::of(a + b);
    case Operator::kSubtract:
      return Value::of(a - b);
    case Operator::kMultiply:
      return Value::of(a * b);
    case Operator::kDivide:
      return Value::of(a / b);
    case Operator::kFloorDivide:
      return Value::of(std::floor(a / b));
    case Operator::kModulo: {
      const double rest = std::fmod(a, b);
      return Value::of(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
    }
    default:
      return Value::of(std::pow(a, b));
  }
}

Value repeat(Runtime& runtime, const Value& value, std::int64_t times) {
  const auto count = static_cast<std::uint64_t>(std::clamp<std::int64_t>(times, 0, std::int64_t{1} << 32));
  if (value.is(Kind::kString)) {
    runtime.check_text(count * value.text().size());
    std::string text;
    for (std::uint64_t i = 0; i < count && !value.text().empty(); ++i) text += value.text();
    return Value::of(std::move(text));
  }
  runtime.step(count * value.items().size());
  Values items;
  for (std::uint64_t i = 0; i < count && !value.items().empty(); ++i) {
    items.insert(items.end(), value.items().begin(), value.items().end());
  }
  return value.is(Kind::kList) ? Value::list(runtime, std::move(items)) : Value::tuple(runtime, std::move(items));
}

Value join_sequences(Runtime& runtime, const Value& left, const Value& right) {
  Values items = left.items();
  items.insert(items.end(), right.items().begin(), right.items().end());
  return left.is(Kind::kList) ? Value::list(runtime, std::move(items)) : Value::tuple(runtime, std::move(items));
}

Value arithmetic(Runtime& runtime, Operator operation, const Value& left, const Value& right) {
  require_defined(runtime, left);
  require_defined(runtime, right);
  if (left.is_integral() && right.is_integral()) {
    return integer_operation(runtime, operation, left.integer(), right.integer());
  }
  if (left.is_number() && right.is_number()) return float_operation(runtime, operation, left.number(), right.number());
  const auto repeats = [](const Value& value) { return value.is(Kind::kString) || value.is_sequence(); };
  if (operation == Operator::kAdd && left.is(Kind::kString) && right.is(Kind::kString)) {
    runtime.check_text(left.text().size() + right.text().size());
    return Value::of(left.text() + right.text());
  }
  if (operation == Operator::kAdd && left.is_sequence() && left.kind() == right.kind()) {
    return join_sequences(runtime, left, right);
  }
  if (operation == Operator::kMultiply && repeats(left) && right.is_integral()) {
    return repeat(runtime, left, right.integer());
  }
  if (operation == Operator::kMultiply && left.is_integral() && repeats(right)) {
    return repeat(runtime, right, left.integer());
  }
  runtime.fail(fmt::format("{} {} {}", type_name(left), symbol_of(operation), type_name(right)),
               "types that this operator takes");
}

// The positions that value[start:stop:step] takes of `length` ones, as Python's slice.indices.
std::vector<std::size_t> slice_positions(Runtime& runtime, const std::vector<Value>& bounds, std::int64_t length) {
  const auto bound = [&](std::size_t i) -> std::optional<std::int64_t> {
    if (bounds[i].is(Kind::kNone)) return std::nullopt;
    return require_int(runtime, bounds[i], "a slice bound");
  };
  const std::int64_t step = std::clamp<std::int64_t>(bound(2).value_or(1), -(length + 1), length + 1);
  if (step == 0) runtime.fail("a slice step of 0");
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? length : length - 1;
  const auto place = [&](std::optional<std::int64_t> given, std::int64_t absent) {
    if (!given) return absent;
    return std::clamp(*given < 0 ? *given + length : *given, low, high);
  };
  const std::int64_t start = place(bound(0), step > 0 ? low : high), stop = place(bound(1), step > 0 ? high : low);
  std::vector<std::size_t> positions;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop; i += step) {
    positions.push_back(static_cast<std::size_t>(i));
  }
  return positions;
}

}  // namespace

Value apply_operator(Runtime& runtime, Operator operation, const Value& left, const Value& right) {
  switch (operation) {
    case Operator::kEqual:
      return Value::of(equal(runtime, left, right));
    case Operator::kNotEqual:
      return Value::of(!equal(runtime, left, right));
    case Operator::kLess:
      return Value::of(compare(runtime, left, right) < 0);
    case Operator::kLessEqual:
      return Value::of(compare(runtime, left, right) <= 0);
    case Operator::kGreater:
      return Value::of(compare(runtime, left, right) > 0);
    case Operator::kGreaterEqual:
      return Value::of(compare(runtime, left, right) >= 0);
    case Operator::kIn:
      return Value::of(contains(runtime, right, left));
    case Operator::kNotIn:
      return Value::of(!contains(runtime, right, left));
    default:
      return arithmetic(runtime, operation, left, right);
  }
}

bool contains(Runtime& runtime, const Value& container, const Value& element) {
  switch (container.kind()) {
    case Kind::kUndefined:
      return false;
    case Kind::kString: {
      const std::string& part = require_text(runtime, element, "what is looked for in a text");
      runtime.charge(container.text().size());
      return find_bytes(container.text(), part) != std::string_view::npos;
    }
    case Kind::kList:
    case Kind::kTuple:
      return std::any_of(container.items().begin(), container.items().end(),
                         [&](const Value& item) { return equal(runtime, item, element); });
    case Kind::kDict:
      if (element.is(Kind::kList) || element.is(Kind::kDict))
        runtime.fail("a container looked for among keys", "a value");
      return find_key(runtime, container, element) != nullptr;
    default:
      runtime.fail(fmt::format("'in' on a {}", type_name(container)), "a text, list or dict");
  }
}

Value take_slice(Runtime& runtime, const Value& value, const std::vector<Value>& bounds) {
  require_defined(runtime, value);
  if (value.is(Kind::kString)) {
    constexpr std::size_t kViewCost = 24;  // of the table of characters
    runtime.charge(value.text().size() * kViewCost);
    const auto all = characters(value.text());
    std::string text;
    for (const std::size_t i : slice_positions(runtime, bounds, static_cast<std::int64_t>(all.size()))) text += all[i];
    return Value::of(std::move(text));
  }
  if (!value.is_sequence()) runtime.fail(fmt::format("a slice of a {}", type_name(value)), "a text or list");
  Values items;
  for (const std::size_t i : slice_positions(runtime, bounds, static_cast<std::int64_t>(value.items().size()))) {
    items.push_back(value.items()[i]);
  }
  return value.is(Kind::kList) ? Value::list(runtime, std::move(items)) : Value::tuple(runtime, std::move(items));
}

}  // namespace qreason::jinja
