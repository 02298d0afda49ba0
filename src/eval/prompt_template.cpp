#include "eval/prompt_template.h"

#include <utility>

namespace qreason {

std::vector<PromptPart> prompt_parts(std::string_view prompt) {
  std::vector<PromptPart> parts;
  std::string text;
  const auto end_text = [&] {
    if (!text.empty()) parts.push_back({PromptPart::Kind::kText, std::exchange(text, {})});
  };
  for (std::size_t at = 0; at < prompt.size(); ++at) {
    const char c = prompt[at];
    const bool doubled = at + 1 < prompt.size() && prompt[at + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      text += c;
      ++at;
      continue;
    }
    const std::size_t end = c == '{' ? prompt.find_first_of("{}\n", at + 1) : std::string_view::npos;
    if (end == std::string_view::npos || prompt[end] != '}' || end == at + 1) {
      text += c;
      continue;
    }
    end_text();
    parts.push_back({PromptPart::Kind::kColumn, std::string(prompt.substr(at + 1, end - at - 1))});
    at = end;
  }
  end_text();
  return parts;
}

}  // namespace qreason
