// A prompt with places for columns: "{question} ({continent})". {{ and }} are braces, {} stays as it is, as does a
// brace that closes nothing or is not closed in its line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qreason {

struct PromptPart {
  enum class Kind { kText, kColumn };
  Kind kind;
  std::string text;  // as it stands in the prompt, or the column's name
};
std::vector<PromptPart> prompt_parts(std::string_view prompt);

}  // namespace qreason
