// Numbers in answers, and what tokenizing them shares with the rest (latex_tokens.cpp).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eval/graders/math/latex_tokens.h"

namespace qreason::math {

bool all_of(std::string_view text, bool (*predicate)(char));  // and not empty

class NumberTokens {
 protected:
  NumberTokens(std::string_view text, Reading reading, std::vector<Token>& tokens)
      : text_(text), reading_(reading), tokens_(tokens) {}

  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }
  void push(TokenKind kind, std::string text) {
    tokens_.push_back({kind, std::move(text), space_});
    space_ = false;
  }

  // Each reads what begins at the present place, if it does, and pushes its token.
  bool based_digits();
  bool number();

  // Whether a word that ends here stands for hours or minutes behind a number: "12 am", set apart and last; "120 min",
  // in front of nothing that a minimum could be taken of.
  bool ends_in_hour() const;
  bool ends_in_minutes() const;

  std::string_view text_;
  Reading reading_;
  std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  bool space_ = false;

 private:
  bool separates_entries() const;
  bool lists_solutions() const;
  std::size_t group_separator() const;
  void exponent(std::string& digits);
  void ordinal();
  bool decade(const std::string& digits);
  bool repeating(const std::string& digits);
  bool repeated_by_dots(const std::string& digits);
};

}  // namespace qreason::math
