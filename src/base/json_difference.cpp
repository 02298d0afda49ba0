#include "base/json_difference.h"

namespace qreason {
namespace {

std::string text_of(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::optional<JsonDifference> difference_at(const std::string& path, const OrderedJson& first,
                                            const OrderedJson& second) {
  if (!first.is_object() || !second.is_object()) {
    if (first == second) return std::nullopt;
    return JsonDifference{path, text_of(first), text_of(second)};
  }
  const auto below = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  for (const auto& [key, value] : first.items()) {
    auto difference = difference_at(below(key), value, second.contains(key) ? second[key] : OrderedJson(nullptr));
    if (difference) return difference;
  }
  for (const auto& [key, value] : second.items())
    if (!first.contains(key) && !value.is_null()) return difference_at(below(key), OrderedJson(nullptr), value);
  return std::nullopt;
}

}  // namespace

std::optional<JsonDifference> json_difference(const OrderedJson& first, const OrderedJson& second) {
  return difference_at("", first, second);
}

}  // namespace qreason
