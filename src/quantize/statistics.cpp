#include "quantize/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace qreason {

void Statistics::put(const std::string& name, std::vector<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw Error("statistics " + name, fmt::format("{} at {}", values[i], i), "finite numbers");
    }
  }
  if (!values_.emplace(name, std::move(values)).second) throw Error("statistics " + name, "found twice", "once");
}

const std::vector<float>& Statistics::at(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw Error("statistics " + name, "not measured", "a statistics pass before");
  return found->second;
}

OrderedJson Statistics::to_json() const {
  OrderedJson json = OrderedJson::object();
  for (const auto& [name, values] : values_) json[name] = values;
  return json;
}

void Statistics::add_json(const OrderedJson& json, const std::string& where) {
  if (!json.is_object()) throw Error(where, "statistics that are no object", "{name: [numbers]}");
  for (const auto& [name, values] : json.items()) {
    std::vector<float> numbers;
    for (const OrderedJson& value : values) {
      if (!value.is_number()) throw Error(where, fmt::format("no number in {}", name), "numbers");
      numbers.push_back(value.get<float>());
    }
    put(name, std::move(numbers));
  }
}

OrderedJson Statistics::summary() const {
  OrderedJson json = OrderedJson::object();
  for (const auto& [name, values] : values_) {
    std::vector<float> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    if (sorted.empty()) continue;
    json[name] = {{"median", sorted[sorted.size() / 2]}, {"max", sorted.back()}};
  }
  return json;
}

std::string channel_maxima_name(std::int64_t layer, std::string_view site) {
  return fmt::format("layers.{}.{}.absmax", layer, site);
}

std::string key_minima_name(std::int64_t layer) {
  return fmt::format("layers.{}.key.min", layer);
}

std::string key_maxima_name(std::int64_t layer) {
  return fmt::format("layers.{}.key.max", layer);
}

std::string divergence_name(std::int64_t layer, std::string_view linear, std::string_view format) {
  return fmt::format("layers.{}.{}.{}.divergence", layer, linear, format);
}

}  // namespace qreason
