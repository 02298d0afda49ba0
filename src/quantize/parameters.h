// Named, typed values: the parameters of passes in recipe files and of methods in --set.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace qreason {

using TextList = std::vector<std::string>;
using ParameterValue = std::variant<bool, std::int64_t, double, std::string, TextList>;
using ParameterMap = std::map<std::string, ParameterValue>;

// As TOML writes it: true, 128, 0.01, "text", ["one", "two"]. Doubles print with the shortest digits that read back the
// same.
std::string to_toml(const ParameterValue& value);

// Reads a map key by key. Every getter remembers its key; refuse_unknown() then throws for keys nobody asked for,
// listing the known ones. A value of another type is an Error naming `where` and the key.
class ParameterReader {
 public:
  ParameterReader(const ParameterMap& values, std::string where) : values_(values), where_(std::move(where)) {}

  bool flag(const std::string& key, bool fallback);
  std::int64_t integer(const std::string& key, std::int64_t fallback);
  std::int64_t count(const std::string& key, std::int64_t fallback);  // 1 to 2^31 - 1
  double number(const std::string& key, double fallback);             // an integer will do
  std::string text(const std::string& key, const std::string& fallback);
  // One of the allowed words, of which true and false may be two.
  std::string choice(const std::string& key, const std::string& fallback,
                     std::initializer_list<std::string_view> allowed);
  // A text that may be a number alone ("3"), as --set reads it.
  std::string text_or_number(const std::string& key, const std::string& fallback);
  TextList texts(const std::string& key);  // empty without the key
  bool has(const std::string& key);

  void refuse_unknown() const;
  const std::string& where() const { return where_; }

 private:
  const ParameterValue* find(const std::string& key);

  const ParameterMap& values_;
  std::string where_;
  std::set<std::string> known_;
};

// "true", "128", "0.05", anything else as text: how --set values are typed.
ParameterValue parse_parameter_value(const std::string& text);

}  // namespace qreason
