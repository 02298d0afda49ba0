#include "eval/graders/math/corrections.h"

#include <algorithm>
#include <array>
#include <string>

#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/phrases.h"
#include "eval/graders/taking_back.h"

namespace qreason::math {
namespace {

constexpr std::size_t kReach = 90;  // bytes behind a value

// Beside the words of is_withdrawal.
constexpr std::array<std::string_view, 6> kWithdrawals = {"scratch that", "rather",        "i mean",
                                                          "but it is",    "but it should", "but the correct"};

bool withdraws(std::string_view lower) {
  return is_withdrawal(first_word(lower)) || begins_with_any_of(lower, kWithdrawals);
}

std::string_view without_punctuation(std::string_view text) {
  while (!text.empty()) {
    if (is_blank(text[0]) || std::string_view(".,;:!?-()*_$\"'=").find(text[0]) != std::string_view::npos)
      text.remove_prefix(1);
    else if (text.starts_with("\u2014") || text.starts_with("\u2013") || text.starts_with("\u2026"))
      text.remove_prefix(3);
    else
      break;
  }
  return text;
}

}  // namespace

std::optional<std::string_view> correction(std::string_view behind) {
  std::string_view rest = without_punctuation(behind);
  if (!withdraws(in_plain_letters(rest.substr(0, std::min(rest.size(), kReach))))) return std::nullopt;
  while (true) {
    const std::string_view word = first_word(rest);
    if (word.empty()) return begins_digit(rest) ? std::optional(rest) : std::nullopt;
    if (word != "but" && !is_correcting(in_plain_letters(word))) return std::nullopt;
    rest = without_punctuation(rest.substr(word.size()));
  }
}

bool is_supposed(std::string_view before) {
  constexpr std::size_t kLongestClause = 40;
  std::string clause = in_plain_letters(before.substr(before.size() - std::min(before.size(), kLongestClause)));
  if (const std::size_t end = clause.find_last_of(".!?;:,\n"); end != std::string::npos) clause.erase(0, end + 1);
  return any_word(clause, is_doubt);
}

}  // namespace qreason::math
