#include "eval/composite.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace qreason {
namespace {

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return plain;
}

}  // namespace

std::span<const Composite> composites() {
  // evaluation.md sections 3 and 6.
  static const std::vector<Composite> kComposites = {
      {"AIME-120", {{"AIME-90", 0.75}, {"AIME-2025", 0.25}}, true},
      {"Avg.",
       {{"AIME-90", 0.15},
        {"AIME-2025", 0.05},
        {"MATH-500", 0.2},
        {"GSM8K", 0.2},
        {"GPQA-Diamond", 0.2},
        {"LiveCodeBench", 0.2}},
       false},
      {"steps", {{"steps-easy", 1.0 / 3}, {"steps-medium", 1.0 / 3}, {"steps-hard", 1.0 / 3}}, true},
  };
  return kComposites;
}

const Composite* find_composite(std::string_view name) {
  const auto all = composites();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Composite& composite) {
    return plain_name(composite.name) == plain_name(name);
  });
  return found == all.end() ? nullptr : &*found;
}

const Composite* find_asked_composite(std::string_view name) {
  const Composite* found = find_composite(name);
  return found == nullptr || !found->may_be_asked ? nullptr : found;
}

}  // namespace qreason
