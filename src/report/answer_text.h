// A text of an answer as the page keeps it: where it leaves the baseline's, and what of a long one stays.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/json.h"

namespace qreason {

// Bytes at the front that both have, up to the end of a character. nullopt: the texts are the same.
std::optional<std::size_t> divergence_point(std::string_view base, std::string_view own);

// The text as a list of strings and, where something was left out, numbers of bytes; `parts`: the index of the string
// that begins at byte `divergence`. A text of at most `limit` bytes is whole. A longer one keeps a quarter of the limit
// at its beginning and at its end, and a quarter before and behind the divergence, cut between characters.
struct KeptText {
  OrderedJson pieces = OrderedJson::array();
  std::optional<std::size_t> parts;
};
KeptText kept_text(std::string_view text, std::optional<std::size_t> divergence, std::size_t limit);

// Code units of UTF-16 that the shown_text() of it takes: what a script counts.
std::size_t script_length(std::string_view text);

}  // namespace qreason
