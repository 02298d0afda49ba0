#include "base/json.h"

#include <fmt/format.h>

#include <unordered_set>
#include <vector>

#include "base/error.h"

namespace qreason {
namespace {

constexpr int kMaxDepth = 200;

// Text from the file as it may stand in a one-line message.
std::string one_line(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  std::string line(text.substr(0, kLongest));
  for (char& c : line) c = c >= '\0' && c < ' ' ? '?' : c;
  return text.size() > kLongest ? line + "..." : line;
}

// Watches the parse events for what nlohmann accepts and we do not: repeated keys and absurd nesting.
class StrictWatcher {
 public:
  explicit StrictWatcher(const std::string& where) : where_(where) {}

  bool operator()(int depth, Json::parse_event_t event, const std::string* key) {
    if (depth > kMaxDepth) throw Error(where_, fmt::format("JSON nested deeper than {} levels", kMaxDepth));
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end) keys_.pop_back();
    if (event == Json::parse_event_t::key && !keys_.back().insert(*key).second) {
      throw Error(where_, fmt::format("the key \"{}\" twice in one object", one_line(*key)), "each key once");
    }
    return true;
  }

 private:
  const std::string& where_;
  std::vector<std::unordered_set<std::string>> keys_;
};

template <class J>
J parse_strict(std::string_view text, const std::string& where, Excerpts excerpts) {
  // The parser takes a zero byte for the end of the text and would pass over what follows.
  if (text.find('\0') != std::string_view::npos) throw Error(where, "invalid JSON (a zero byte)", "valid JSON");
  StrictWatcher watcher(where);
  auto callback = [&](int depth, typename J::parse_event_t event, J& parsed) {
    const std::string* key = event == J::parse_event_t::key ? parsed.template get_ptr<const std::string*>() : nullptr;
    return watcher(depth, static_cast<Json::parse_event_t>(event), key);
  };
  try {
    return J::parse(text.begin(), text.end(), callback);
  } catch (const nlohmann::json::exception& failure) {
    std::string_view what = failure.what();
    if (excerpts == Excerpts::kHidden) what = what.substr(0, what.find("; last read"));
    throw Error(where, fmt::format("invalid JSON ({})", one_line(what)), "valid JSON");
  }
}

[[noreturn]] void wrong_type(const Json& value, std::string_view key, const std::string& where, const char* wanted) {
  std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (shown.size() > 60) shown = shown.substr(0, 60) + "...";
  throw Error(where, fmt::format("\"{}\" is {}", key, shown), wanted);
}

const Json* present_member(const Json& object, std::string_view key, const std::string& where) {
  if (!object.is_object()) throw Error(where, fmt::format("a JSON {}", object.type_name()), "an object");
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where, Excerpts excerpts) {
  return parse_strict<Json>(text, where, excerpts);
}

OrderedJson parse_ordered_json(std::string_view text, const std::string& where) {
  return parse_strict<OrderedJson>(text, where, Excerpts::kShown);
}

const Json& json_member(const Json& object, std::string_view key, const std::string& where) {
  const Json* member = present_member(object, key, where);
  if (member == nullptr) throw Error(where, fmt::format("no \"{}\"", key), "that key with a value");
  return *member;
}

std::optional<std::int64_t> json_int_if(const Json& object, std::string_view key, const std::string& where) {
  const Json* member = present_member(object, key, where);
  if (member == nullptr) return std::nullopt;
  const bool fits =
      member->is_number_integer() && !(member->is_number_unsigned() && member->get<std::uint64_t>() > INT64_MAX);
  if (!fits) wrong_type(*member, key, where, "an integer");
  return member->get<std::int64_t>();
}

std::optional<double> json_number_if(const Json& object, std::string_view key, const std::string& where) {
  const Json* member = present_member(object, key, where);
  if (member == nullptr) return std::nullopt;
  if (!member->is_number()) wrong_type(*member, key, where, "a number");
  return member->get<double>();
}

std::optional<std::string> json_string_if(const Json& object, std::string_view key, const std::string& where) {
  const Json* member = present_member(object, key, where);
  if (member == nullptr) return std::nullopt;
  if (!member->is_string()) wrong_type(*member, key, where, "a string");
  return member->get<std::string>();
}

std::optional<bool> json_bool_if(const Json& object, std::string_view key, const std::string& where) {
  const Json* member = present_member(object, key, where);
  if (member == nullptr) return std::nullopt;
  if (!member->is_boolean()) wrong_type(*member, key, where, "true or false");
  return member->get<bool>();
}

std::int64_t json_int(const Json& object, std::string_view key, const std::string& where) {
  json_member(object, key, where);
  return *json_int_if(object, key, where);
}

double json_number(const Json& object, std::string_view key, const std::string& where) {
  json_member(object, key, where);
  return *json_number_if(object, key, where);
}

std::string json_string(const Json& object, std::string_view key, const std::string& where) {
  json_member(object, key, where);
  return *json_string_if(object, key, where);
}

bool json_bool(const Json& object, std::string_view key, const std::string& where) {
  json_member(object, key, where);
  return *json_bool_if(object, key, where);
}

std::string text_or_empty(const OrderedJson& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

}  // namespace qreason
