// Phrases at the ends of pieces of running text.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "eval/graders/math/latex_tokens.h"

namespace qreason::math {

// In small letters, with plain apostrophes: what the functions below are asked of.
std::string in_plain_letters(std::string_view text);

// Whether a text ends or begins with a phrase, and no word goes on there.
bool ends_with_phrase(std::string_view text, std::string_view phrase);
bool begins_with_phrase(std::string_view text, std::string_view phrase);

template <std::size_t N>
bool ends_with_any_of(std::string_view text, const std::array<std::string_view, N>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view one) { return ends_with_phrase(text, one); });
}
template <std::size_t N>
bool begins_with_any_of(std::string_view text, const std::array<std::string_view, N>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](std::string_view one) { return begins_with_phrase(text, one); });
}

// The letters that a text begins or ends with, apostrophes inside of the first word included.
std::string_view first_word(std::string_view text);
std::string_view last_word(std::string_view text);

template <class Holds>
bool any_word(std::string_view text, Holds holds) {
  while (!text.empty()) {
    const std::string_view word = first_word(text);
    if (!word.empty() && holds(word)) return true;
    text.remove_prefix(std::max<std::size_t>(word.size(), 1));
  }
  return false;
}

}  // namespace qreason::math
