#include "quantize/parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace qreason {
namespace {

std::string in_quotes(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string toml_number(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".einf") == std::string::npos ? text + ".0" : text;
}

}  // namespace

std::string to_toml(const ParameterValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* number = std::get_if<double>(&value)) return toml_number(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return in_quotes(*text);
  TextList quoted;
  for (const std::string& text : std::get<TextList>(value)) quoted.push_back(in_quotes(text));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

ParameterValue parse_parameter_value(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  const char* end = text.data() + text.size();
  std::int64_t integer = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, integer); error == std::errc() && stop == end) {
    return integer;
  }
  double number = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, number);
      error == std::errc() && stop == end && std::isfinite(number)) {
    return number;
  }
  return text;
}

const ParameterValue* ParameterReader::find(const std::string& key) {
  known_.insert(key);
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

bool ParameterReader::has(const std::string& key) {
  return find(key) != nullptr;
}

bool ParameterReader::flag(const std::string& key, bool fallback) {
  const ParameterValue* value = find(key);
  if (!value) return fallback;
  if (const auto* flag = std::get_if<bool>(value)) return *flag;
  throw Error::usage(where_ + ": " + key, to_toml(*value), "true or false");
}

std::int64_t ParameterReader::integer(const std::string& key, std::int64_t fallback) {
  const ParameterValue* value = find(key);
  if (!value) return fallback;
  if (const auto* integer = std::get_if<std::int64_t>(value)) return *integer;
  throw Error::usage(where_ + ": " + key, to_toml(*value), "a whole number");
}

std::int64_t ParameterReader::count(const std::string& key, std::int64_t fallback) {
  const std::int64_t found = integer(key, fallback);
  if (found >= 1 && found <= std::numeric_limits<std::int32_t>::max()) return found;
  throw Error::usage(where_ + ": " + key, fmt::format("{}", found), "a count, 1 or more");
}

double ParameterReader::number(const std::string& key, double fallback) {
  const ParameterValue* value = find(key);
  if (!value) return fallback;
  if (const auto* number = std::get_if<double>(value)) return *number;
  if (const auto* integer = std::get_if<std::int64_t>(value)) return static_cast<double>(*integer);
  throw Error::usage(where_ + ": " + key, to_toml(*value), "a number");
}

std::string ParameterReader::text(const std::string& key, const std::string& fallback) {
  const ParameterValue* value = find(key);
  if (!value) return fallback;
  if (const auto* text = std::get_if<std::string>(value)) return *text;
  throw Error::usage(where_ + ": " + key, to_toml(*value), "a text");
}

std::string ParameterReader::choice(const std::string& key, const std::string& fallback,
                                    std::initializer_list<std::string_view> allowed) {
  const ParameterValue* value = find(key);
  if (!value) return fallback;
  const auto* text = std::get_if<std::string>(value);
  const std::string word = text ? *text : to_toml(*value);
  if (std::find(allowed.begin(), allowed.end(), word) != allowed.end()) return word;
  throw Error::usage(where_ + ": " + key, to_toml(*value), fmt::format("{}", fmt::join(allowed, ", ")));
}

std::string ParameterReader::text_or_number(const std::string& key, const std::string& fallback) {
  const ParameterValue* value = find(key);
  if (value && std::holds_alternative<std::int64_t>(*value)) return to_toml(*value);
  return text(key, fallback);
}

TextList ParameterReader::texts(const std::string& key) {
  const ParameterValue* value = find(key);
  if (!value) return {};
  if (const auto* texts = std::get_if<TextList>(value)) return *texts;
  throw Error::usage(where_ + ": " + key, to_toml(*value), "a list of texts");
}

void ParameterReader::refuse_unknown() const {
  for (const auto& [key, value] : values_) {
    if (!known_.contains(key)) {
      const std::string known = known_.empty() ? "no parameters" : fmt::format("{}", fmt::join(known_, ", "));
      throw Error::usage(where_, fmt::format("unknown parameter {}", key), known);
    }
  }
}

}  // namespace qreason
