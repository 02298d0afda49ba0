#include "cli/thought_tokens.h"

#include <string_view>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::string_view kEnd = "</think>";
constexpr const char* kClosing = "\n</think>\n\n";  // as the R1 models write it
constexpr const char* kGoingOn = "Wait";            // s1, section 3.1

bool ends_with_closed_thought(std::string_view prompt) {
  const std::size_t last = prompt.find_last_not_of(" \t\r\n");
  return last != std::string_view::npos && prompt.substr(0, last + 1).ends_with(kEnd);
}

}  // namespace

std::optional<ThoughtTokens> thought_tokens(const OpenedTokenizer& text, const SamplingParameters& sampling,
                                            const std::string& prompt) {
  if (sampling.thinking_budget == 0 && sampling.thinking_minimum == 0) return std::nullopt;
  const auto end = text.tokenizer.token_id(kEnd);
  if (!end)
    throw Error::usage("thinking budget or minimum", text.where + " without a token </think>", "a model that has one");
  if (ends_with_closed_thought(prompt)) return std::nullopt;
  return ThoughtTokens{.end = *end,
                       .closing = text.tokenizer.encode(kClosing, SpecialTokens::kOmit),
                       .going_on = text.tokenizer.encode(kGoingOn, SpecialTokens::kOmit)};
}

}  // namespace qreason
