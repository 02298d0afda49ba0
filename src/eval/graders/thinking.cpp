#include "eval/graders/thinking.h"

#include <algorithm>

#include "eval/graders/last_of.h"

namespace qreason {
namespace {

constexpr std::string_view kBegin = "<think>", kEnd = "</think>";

}  // namespace

std::string_view after_thinking(std::string_view text) {
  const std::size_t at = last_of(text, kEnd);
  return at == std::string_view::npos ? text : text.substr(at + kEnd.size());
}

bool thought_is_unfinished(std::string_view prompt, std::string_view text) {
  if (text.find(kEnd) != std::string_view::npos) return false;
  if (text.find(kBegin) != std::string_view::npos) return true;
  const std::string_view end = prompt.substr(prompt.size() - std::min(prompt.size(), kBegin.size() + 2));
  return end.find(kBegin) != std::string_view::npos;
}

}  // namespace qreason
