// Letters in answers: words, units, names of functions or products of letters (between number_tokens.h and
// latex_tokens.cpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eval/graders/math/number_tokens.h"

namespace qreason::math {

class WordTokens : protected NumberTokens {
 protected:
  WordTokens(std::string_view text, Reading reading, std::vector<Token>& tokens, int text_depth)
      : NumberTokens(text, reading, tokens), text_depth_(text_depth) {}

  // Reads the letters at the present place, and pushes their tokens.
  bool word();

  bool after_value() const;
  bool ends_with(std::size_t before, TokenKind kind, std::string_view text) const;
  bool among_units() const;
  bool after_degree() const;
  bool multiplies_power_of_ten(std::string_view letters, std::size_t end) const;

  int text_depth_;  // of \text around them: 0 outside of any

 private:
  bool between_numbers() const;
  bool is_article(std::string_view letters) const;
  bool is_text(const std::string& letters, bool glued) const;
  bool is_rather_product(std::string_view letters) const;
  bool unit_before_slash() const;
};

}  // namespace qreason::math
