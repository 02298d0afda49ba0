// JSON from outside: parsed strictly, with bounded depth, duplicate keys refused, every access typed and named.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace qreason {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // for what we write: keys stay in the order they were put in

// Throws Error naming `where` on invalid JSON, duplicate keys, more than 200 levels, or invalid UTF-8.
// `excerpts`: whether the message may quote the text; rows of data sets that must not be published stay unquoted.
enum class Excerpts { kShown, kHidden };
Json parse_json(std::string_view text, const std::string& where, Excerpts excerpts = Excerpts::kShown);
OrderedJson parse_ordered_json(std::string_view text, const std::string& where);

// Typed members of an object. A missing key or another type is an Error naming `where` and the key.
const Json& json_member(const Json& object, std::string_view key, const std::string& where);
std::int64_t json_int(const Json& object, std::string_view key, const std::string& where);
double json_number(const Json& object, std::string_view key, const std::string& where);
std::string json_string(const Json& object, std::string_view key, const std::string& where);
bool json_bool(const Json& object, std::string_view key, const std::string& where);

// As above, but absent or null gives nullopt.
std::optional<std::int64_t> json_int_if(const Json& object, std::string_view key, const std::string& where);
std::optional<double> json_number_if(const Json& object, std::string_view key, const std::string& where);
std::optional<std::string> json_string_if(const Json& object, std::string_view key, const std::string& where);
std::optional<bool> json_bool_if(const Json& object, std::string_view key, const std::string& where);

// For what may be of any shape and is not worth an Error: "" unless it is an object with a text of this name.
std::string text_or_empty(const OrderedJson& object, const char* key);

}  // namespace qreason
