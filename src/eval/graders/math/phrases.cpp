#include "eval/graders/math/phrases.h"

#include "eval/graders/math/words.h"

namespace qreason::math {

std::string in_plain_letters(std::string_view text) {
  constexpr std::string_view kApostrophe = "\u2019";
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    const bool apostrophe = text.substr(i).starts_with(kApostrophe);
    plain += apostrophe ? '\'' : text[i];
    i += apostrophe ? kApostrophe.size() : 1;
  }
  return lower_case(plain);
}

bool ends_with_phrase(std::string_view text, std::string_view phrase) {
  if (!text.ends_with(phrase)) return false;
  const bool suffix = !is_letter(phrase[0]) || phrase == "n't" || phrase == "n't be";
  return suffix || !ends_letter(text.substr(0, text.size() - phrase.size()));
}

bool begins_with_phrase(std::string_view text, std::string_view phrase) {
  return text.starts_with(phrase) && !begins_letter(text.substr(phrase.size()));
}

std::string_view first_word(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && (is_letter(text[end]) || (end > 0 && text[end] == '\''))) ++end;
  return text.substr(0, end);
}

std::string_view last_word(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0 && is_letter(text[begin - 1])) --begin;
  return text.substr(begin);
}

}  // namespace qreason::math
