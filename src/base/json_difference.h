// Where two JSON values part: what tells the settings of two runs apart, for messages.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"

namespace qreason {

struct JsonDifference {
  std::string path;           // of the first member that differs: "provenance.sampling.temperature"; empty: the whole
  std::string first, second;  // its two values as JSON; "null" for one that is not there
};
// nullopt where they are the same; a member that is null is one that is not there. Members of objects are compared by
// name, whatever their order.
std::optional<JsonDifference> json_difference(const OrderedJson& first, const OrderedJson& second);

}  // namespace qreason
