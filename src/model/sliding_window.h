// Attention that does not look back to the beginning: in some blocks a query at position p attends to the keys of
// positions (p - size, p], its own among them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/architecture.h"

namespace qreason {

struct SlidingWindow {
  std::int64_t size = 0;     // positions
  std::vector<bool> layers;  // by layer, whether its attention slides; empty: all do
  bool operator==(const SlidingWindow&) const = default;
};

// What a config.json says about windows, by the rule of its class (ArchitectureFacts::Windows) and with the defaults of
// transformers; nothing where no layer slides. A window where the class has none, layer types that are not known or
// disagree with the rest, and sizes out of 1 to 2^30 are Errors that name the field.
std::optional<SlidingWindow> parse_sliding_window(const Json& json, const std::string& where,
                                                  const ArchitectureFacts& facts, std::int64_t layers);

// Puts the fields that say it again. Throws Error where the class cannot say it.
void put_sliding_window(const std::optional<SlidingWindow>& window, const ArchitectureFacts& facts, OrderedJson& json);

}  // namespace qreason
