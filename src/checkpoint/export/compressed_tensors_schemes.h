// Which scheme of compressed-tensors a quantized linear and its inputs are.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "formats/quant_format.h"
#include "model/plan.h"

namespace qreason {

enum class CompressedLayout : std::uint8_t { kPacked, kInteger, kFloat, kMxfp4, kNvfp4 };
std::string_view name_of(CompressedLayout layout);  // "pack-quantized", ...

struct CompressedScheme {
  CompressedLayout layout;
  OrderedJson weights;  // QuantizationArgs: the keys that every version of the library knows, no others
  OrderedJson inputs;   // the same, or null
  bool operator==(const CompressedScheme&) const = default;
};

// Of a linear with these weights whose inputs are treated as `site` says. An Error naming `where`: what no scheme is.
CompressedScheme compressed_scheme(const QuantFormat& weights, const SitePlan& site, const std::string& where);

}  // namespace qreason
