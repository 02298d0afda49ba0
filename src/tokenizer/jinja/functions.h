// The explicit tables of what templates can call: filters, tests, methods of values, global functions. To add one: a
// function in the file of its kind and one row in its table.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/jinja/value.h"

namespace qreason::jinja {

// What a call was given. Filters and tests get their subject apart.
struct Arguments {
  Values positional;
  std::vector<std::pair<std::string, Value>> named;
};

// Arguments sorted by the callee's parameter names; absent ones are nullopt. Too many, unknown and double ones are
// Errors.
std::vector<std::optional<Value>> bind(const Runtime& runtime, const Arguments& arguments,
                                       std::initializer_list<std::string_view> names);
std::int64_t require_int(const Runtime& runtime, const Value& value, std::string_view what);
const std::string& require_text(const Runtime& runtime, const Value& value, std::string_view what);

using Filter = Value (*)(Runtime& runtime, const Value& subject, const Arguments& arguments);
using Test = bool (*)(Runtime& runtime, const Value& subject, const Arguments& arguments);
using Method = Value (*)(Runtime& runtime, const Value& self, const Arguments& arguments);
using Function = Value (*)(Runtime& runtime, const Arguments& arguments);

// nullptr when there is none.
Filter find_filter(std::string_view name);
Test find_test(std::string_view name);
Method find_method(const Value& self, std::string_view name);
Function find_function(std::string_view name);

// The two halves of the filter table.
Filter find_text_filter(std::string_view name);
Filter find_sequence_filter(std::string_view name);

// A function that gives `result` whatever it is called with.
Value constant_function(const std::string& name, const Value& result);

// value.name and value[key] as templates mean them: an attribute or an item, else undefined.
Value get_attribute(Runtime& runtime, const Value& value, const std::string& name);
Value get_item(Runtime& runtime, const Value& value, const Value& key);
// "a.b.0": what map(attribute=...) and selectattr take; a default stands for every part that is undefined.
Value get_path(Runtime& runtime, const Value& value, const Value& path,
               const std::optional<Value>& default_value = std::nullopt);

// json.dumps(value, ensure_ascii=False, ...); `indent` < 0: one line.
struct JsonStyle {
  int indent = -1;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
  bool ensure_ascii = false;
};
std::string to_json_text(Runtime& runtime, const Value& value, const JsonStyle& style);

}  // namespace qreason::jinja
