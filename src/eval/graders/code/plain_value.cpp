#include "eval/graders/code/plain_value.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace qreason {
namespace {

using Kind = PlainValue::Kind;
using boost::multiprecision::cpp_int;

// nlohmann's events of an expected output. Integers beyond 64 bits come as the text of a float.
class ExpectedBuilder : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return put({.kind = Kind::kNone}); }
  bool boolean(bool value) override { return put({.kind = Kind::kInteger, .integer = value ? 1 : 0}); }
  bool number_integer(number_integer_t value) override { return put({.kind = Kind::kInteger, .integer = value}); }
  bool number_unsigned(number_unsigned_t value) override { return put({.kind = Kind::kInteger, .integer = value}); }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") == string_t::npos) return put({.kind = Kind::kInteger, .integer = cpp_int(text)});
    return put({.kind = Kind::kFloat, .number = value});
  }
  bool string(string_t& text) override { return put({.kind = Kind::kText, .text = text}); }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& text) override { return put({.kind = Kind::kText, .text = text}); }
  bool start_object(std::size_t) override { return open(Kind::kDictionary); }
  bool start_array(std::size_t) override { return open(Kind::kList); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    failure_ = error.what();
    return false;
  }

  const std::string& failure() const { return failure_; }
  PlainValue take() { return std::move(whole_); }

 private:
  bool put(PlainValue value) {
    (open_.empty() ? whole_ : open_.back().items.emplace_back()) = std::move(value);
    return true;
  }
  bool open(Kind kind) {
    if (open_.size() >= kPlainValueDepth) {
      failure_ = fmt::format("nested deeper than {} levels", kPlainValueDepth);
      return false;
    }
    open_.push_back({.kind = kind});
    return true;
  }
  bool close() {
    PlainValue value = std::move(open_.back());
    open_.pop_back();
    if (value.kind == Kind::kDictionary) keep_last_keys(value);
    return put(std::move(value));
  }
  static void keep_last_keys(PlainValue& value) {
    std::map<std::string, PlainValue> last;
    for (std::size_t i = 0; i + 1 < value.items.size(); i += 2)
      last.insert_or_assign(value.items[i].text, std::move(value.items[i + 1]));
    value.items.clear();
    for (auto& [name, content] : last) {
      value.items.push_back({.kind = Kind::kText, .text = name});
      value.items.push_back(std::move(content));
    }
  }

  PlainValue whole_;
  std::vector<PlainValue> open_;
  std::string failure_;
};

class ReportReader {
 public:
  explicit ReportReader(std::string_view report) : rest_(report) {}

  PlainValue whole() {
    auto found = value(0);
    return found && rest_.empty() ? *std::move(found) : PlainValue{};
  }

 private:
  std::optional<PlainValue> value(int depth) {
    if (rest_.empty() || depth > kPlainValueDepth) return std::nullopt;
    const char letter = rest_.front();
    rest_.remove_prefix(1);
    switch (letter) {
      case 'N':
        return PlainValue{.kind = Kind::kNone};
      case 'T':
        return PlainValue{.kind = Kind::kInteger, .integer = 1};
      case 'F':
        return PlainValue{.kind = Kind::kInteger, .integer = 0};
      case 'X':
        return PlainValue{};
      case 'i':
        return integer(word());
      case 'f':
        return number(word());
      case 's':
        return text();
      case 'l':
        return items(Kind::kList, 1, depth);
      case 't':
        return items(Kind::kTuple, 1, depth);
      case 'd':
        return items(Kind::kDictionary, 2, depth);
      default:
        return std::nullopt;
    }
  }

  // Up to the next semicolon, which goes too; empty when there is none.
  std::string_view word() {
    const std::size_t end = rest_.find(';');
    if (end == std::string_view::npos) return {};
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return found;
  }

  std::optional<std::size_t> count() {
    const std::string_view digits = word();
    std::size_t number = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty() || code != std::errc() || end != digits.data() + digits.size() || number > rest_.size())
      return std::nullopt;
    return number;
  }

  static std::optional<PlainValue> integer(std::string_view digits) {
    const bool negative = digits.starts_with('-');
    if (negative) digits.remove_prefix(1);
    if (digits.empty() || digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    PlainValue value{.kind = Kind::kInteger, .integer = cpp_int("0x" + std::string(digits))};
    if (negative) value.integer = -value.integer;
    return value;
  }

  static std::optional<PlainValue> number(std::string_view digits) {
    const std::string copy(digits);
    char* end = nullptr;
    const double value = std::strtod(copy.c_str(), &end);
    if (copy.empty() || end != copy.c_str() + copy.size()) return std::nullopt;
    return PlainValue{.kind = Kind::kFloat, .number = value};
  }

  std::optional<PlainValue> text() {
    const auto size = count();
    if (!size) return std::nullopt;
    PlainValue value{.kind = Kind::kText, .text = std::string(rest_.substr(0, *size))};
    rest_.remove_prefix(*size);
    return value;
  }

  std::optional<PlainValue> items(Kind kind, std::size_t each, int depth) {
    const auto size = count();
    if (!size) return std::nullopt;
    PlainValue value{.kind = kind};
    for (std::size_t i = 0; i < *size * each; ++i) {
      auto item = this->value(depth + 1);
      if (!item) return std::nullopt;
      value.items.push_back(*std::move(item));
    }
    return value;
  }

  std::string_view rest_;
};

bool equal_numbers(const PlainValue& a, const PlainValue& b) {
  if (a.kind == Kind::kInteger && b.kind == Kind::kInteger) return a.integer == b.integer;
  if (a.kind == Kind::kFloat && b.kind == Kind::kFloat) return a.number == b.number;
  const PlainValue& whole = a.kind == Kind::kInteger ? a : b;
  const double number = a.kind == Kind::kInteger ? b.number : a.number;
  return std::isfinite(number) && number == std::floor(number) && cpp_int(number) == whole.integer;
}

bool is_number(const PlainValue& value) {
  return value.kind == Kind::kInteger || value.kind == Kind::kFloat;
}

bool equal_items(const std::vector<PlainValue>& a, const std::vector<PlainValue>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!equal_values(a[i], b[i])) return false;
  return true;
}

// Keys that are no texts have no partner: one side is JSON.
bool equal_dictionaries(const std::vector<PlainValue>& a, const std::vector<PlainValue>& b) {
  if (a.size() != b.size()) return false;
  std::map<std::string_view, const PlainValue*> of_key;
  for (std::size_t i = 0; i + 1 < a.size(); i += 2)
    if (a[i].kind == Kind::kText) of_key[a[i].text] = &a[i + 1];
  for (std::size_t i = 0; i + 1 < b.size(); i += 2) {
    const auto found = b[i].kind == Kind::kText ? of_key.find(b[i].text) : of_key.end();
    if (found == of_key.end() || !equal_values(*found->second, b[i + 1])) return false;
  }
  return of_key.size() * 2 == a.size();
}

}  // namespace

PlainValue parse_expected_value(std::string_view json, const std::string& where) {
  ExpectedBuilder builder;
  const bool whole = json.find('\0') == std::string_view::npos && Json::sax_parse(json.begin(), json.end(), &builder);
  if (!whole) throw Error(where, fmt::format("an output that is no JSON ({})", builder.failure()), "JSON");
  return builder.take();
}

PlainValue parse_reported_value(std::string_view report) {
  return ReportReader(report).whole();
}

bool equal_values(const PlainValue& a, const PlainValue& b) {
  if (is_number(a) && is_number(b)) return equal_numbers(a, b);
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::kNone:
      return true;
    case Kind::kText:
      return a.text == b.text;
    case Kind::kList:
    case Kind::kTuple:
      return equal_items(a.items, b.items);
    case Kind::kDictionary:
      return equal_dictionaries(a.items, b.items);
    default:
      return false;
  }
}

}  // namespace qreason
