// SentencePiece's way with spaces (Kudo and Richardson 2018): a text is spelled in characters, "▁" stands for a space
// and for the beginning of a text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace qreason {

inline constexpr std::string_view kSpaceMark = "\u2581";  // ▁

std::string replaced_text(std::string_view text, std::string_view pattern, std::string_view content);

// The Metaspace pre_tokenizer of tokenizer.json.
struct Metaspace {
  enum class Prefix { kAlways, kFirst, kNever };  // before each part of a text, before its first, before none
  std::string mark{kSpaceMark};
  Prefix prefix = Prefix::kAlways;
  bool split = true;  // every mark begins a word; else the whole part is one
  // The part with marks. `first`: it begins the text.
  std::string apply(std::string_view part, bool first) const;
};
Metaspace read_metaspace(const Json& section, const std::string& where);

// Cuts a non-empty text before every mark, or before every run of them.
enum class MarkCuts { kEvery, kRuns };
void cut_at_marks(std::string_view text, std::string_view mark, MarkCuts cuts, std::vector<std::string_view>& words);

}  // namespace qreason
