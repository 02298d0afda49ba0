#include "eval/graders/math/word_tokens.h"

#include <algorithm>
#include <array>

#include "eval/graders/math/latex_commands.h"
#include "eval/graders/math/words.h"

namespace qreason::math {

bool WordTokens::after_value() const {
  if (tokens_.empty()) return false;
  const Token& last = tokens_.back();
  return last.kind == TokenKind::kNumber || last.kind == TokenKind::kText ||
         (last.kind == TokenKind::kSymbol && (last.text == "}" || last.text == ")" || last.text == "/"));
}

bool WordTokens::ends_with(std::size_t before, TokenKind kind, std::string_view text) const {
  return tokens_.size() > before && tokens_[tokens_.size() - 1 - before].kind == kind &&
         tokens_[tokens_.size() - 1 - before].text == text;
}

// "5\frac{\text{m}}{\text{s}}", "5\text{ N}\cdot\text{m}": where a letter in \text is a unit though no value is right
// in front of it.
bool WordTokens::among_units() const {
  const std::size_t size = tokens_.size();
  if (ends_with(0, TokenKind::kCommand, "cdot") || ends_with(0, TokenKind::kSymbol, "*"))
    return size >= 2 && tokens_[size - 2].kind == TokenKind::kText;
  if (!ends_with(0, TokenKind::kSymbol, "{")) return false;
  std::size_t above = size - 1;  // the brace of the upper half
  if (ends_with(1, TokenKind::kSymbol, "}")) {
    for (above = size - 2; above > 0 && tokens_[above].text != "{";) --above;
    if (tokens_[above + 1].kind != TokenKind::kText) return false;
  }
  const auto is_value = [](const Token& token) {
    return token.kind == TokenKind::kNumber ||
           (token.kind == TokenKind::kSymbol && (token.text == "}" || token.text == ")"));
  };
  return above >= 2 && tokens_[above - 1].kind == TokenKind::kCommand && tokens_[above - 1].text == "frac" &&
         is_value(tokens_[above - 2]);
}

bool WordTokens::after_degree() const {
  return !tokens_.empty() && tokens_.back().kind == TokenKind::kSymbol && tokens_.back().text == kDegree;
}

bool WordTokens::word() {
  std::size_t end = at_;
  while (end < text_.size() && is_letter(text_[end])) ++end;
  std::string letters(text_.substr(at_, end - at_));
  // "p.m.", "a.m.", "Rs."
  if (letters.size() == 1 && end + 1 < text_.size() && text_[end] == '.' &&
      (text_[end + 1] == 'm' || text_[end + 1] == 'M')) {
    letters += ".m.";
    end = std::min(end + 3, text_.size());
  } else if (letters == "Rs" && end < text_.size() && text_[end] == '.') {
    ++end;
  }
  if (multiplies_power_of_ten(letters, end)) {
    at_ = end;
    push(TokenKind::kCommand, "times");
    return true;
  }
  const bool glued = at_ > 0 && is_digit(text_[at_ - 1]);
  at_ = end;
  if (peek() == '.' && (is_blank(peek(1)) || peek(1) == '^') && after_value() &&
      (letters == "sq" || letters == "cu" || is_unit_word(letters)))
    ++at_;                                                             // "sq. units"
  if (letters == "US" && (starts("\\$") || starts("$"))) return true;  // "US\$15"
  const std::string lower = lower_case(letters);
  const bool minutes = lower == "min" && ends_in_minutes();
  if (is_function_name(lower) && !(text_depth_ > 0 && after_value()) && !(lower == "deg" || lower == "sec") &&
      !minutes) {
    push(TokenKind::kCommand, lower);
  } else if (lower == "pi") {
    push(TokenKind::kCommand, "pi");
  } else if (lower == "infinity") {
    push(TokenKind::kCommand, "infty");
  } else if (letters == "mod") {
    push(TokenKind::kCommand, "mod");
  } else if (lower == "choose") {
    push(TokenKind::kCommand, "choose");
  } else if (lower == "and" || lower == "or" || (lower == "to" && between_numbers())) {
    push(TokenKind::kText, lower);
  } else if (is_text(letters, glued)) {
    push(TokenKind::kText, letters);
  } else {
    for (const char c : letters) push(TokenKind::kLetter, std::string(1, c));
  }
  return true;
}

// "5 to 3"
bool WordTokens::between_numbers() const {
  const std::size_t next = text_.find_first_not_of(' ', at_);
  return !tokens_.empty() && tokens_.back().kind == TokenKind::kNumber && next != std::string_view::npos &&
         is_digit(text_[next]);
}

// "5 x 10^3"
bool WordTokens::multiplies_power_of_ten(std::string_view letters, std::size_t end) const {
  if ((letters != "x" && letters != "X") || tokens_.empty() || tokens_.back().kind != TokenKind::kNumber) return false;
  const std::size_t next = text_.find_first_not_of(' ', end);
  return next != std::string_view::npos && text_.substr(next).starts_with("10^");
}

// "a" in front of another word, in words.
bool WordTokens::is_article(std::string_view letters) const {
  const auto begins = [&](std::string_view word) { return starts(word) && !is_letter(peek(word.size())); };
  return text_depth_ > 0 && letters == "a" && is_blank(peek()) && is_letter(peek(1)) && is_letter(peek(2)) &&
         !begins(" and") && !begins(" or");
}

bool WordTokens::is_text(const std::string& letters, bool glued) const {
  if (is_article(letters)) return true;
  if (letters.size() == 1) {
    const bool behind = after_value() || (text_depth_ > 0 && among_units());
    if (!behind || kLetterUnits.find(letters[0]) == std::string_view::npos) {
      return after_degree() && (letters == "C" || letters == "F");
    }
    if (tokens_.back().text == "/") return unit_before_slash();
    return text_depth_ > 0 || (reading_.letters == LetterReading::kUnits && space_);
  }
  if (text_depth_ > 0 && letters.size() >= 2) return true;
  if (letters == "of") return !tokens_.empty() && tokens_.back().kind == TokenKind::kText;
  if (letters == "am") return ends_with(1, TokenKind::kSymbol, ":") || ends_in_hour();
  if (is_unit_word(letters) && after_value()) return !is_rather_product(letters);
  if (letters == "sq" || letters == "cu") return after_value();
  if (letters.size() == 2) return false;
  if (is_known_word(letters)) return true;
  return letters.size() >= 4 && !glued && looks_like_word(letters);
}

// "\\frac12 mg" is half a weight, where "5mg" and "5\\text{ mg}" are milligrams.
bool WordTokens::is_rather_product(std::string_view letters) const {
  constexpr std::array<std::string_view, 6> kProducts = {"mg", "nm", "kj", "mV", "mA", "ns"};
  return tokens_.back().kind == TokenKind::kSymbol &&
         std::find(kProducts.begin(), kProducts.end(), letters) != kProducts.end();
}

bool WordTokens::unit_before_slash() const {
  return tokens_.size() >= 2 && tokens_[tokens_.size() - 2].kind == TokenKind::kText;
}

}  // namespace qreason::math
