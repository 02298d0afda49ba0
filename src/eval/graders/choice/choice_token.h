// One letter that stands for a choice, as models write it: B, (B), **B**, "B", $B$, \text{B}, \boxed{B}, option B.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace qreason::choice {

struct Token {
  char letter = 0;      // A to Z
  std::size_t end = 0;  // behind it and what closes around it
};

// Typographic quotes, full-width letters and brackets, and spaces of other kinds in their plain form.
std::string plain_text(std::string_view text);

// The choice that `text` (a plain one) has at `at`, behind white space and opening decoration. A letter that is part of
// a word or a formula is none ("B-type", "B = 5 T", "B_1"), nor is an article ("A triangle") or the name of a thing
// ("C terminus"). A lower-case letter needs brackets, quotes, bold type or a \text command around it.
std::optional<Token> read_choice(std::string_view text, std::size_t at);

// Whether a second choice with another letter is named together with the one that ends at `first.end`: "A or B", "A,
// C".
bool names_another(std::string_view text, const Token& first);

// The word at `at`: its letters of Latin and Cyrillic scripts with apostrophes inside; empty where there is none.
std::string_view word_at(std::string_view text, std::size_t at);
std::string lower_word(std::string_view word);
std::size_t skip_spaces(std::string_view text, std::size_t at);

}  // namespace qreason::choice
