// Words around values ("about 5", "3 million", "USD 100") and units behind them: the part of the grammar between
// factors (factor_parser.h) and products (expression_parser.cpp).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/words.h"

namespace qreason::math {

bool is_separator_word(const std::string& text);  // "and", "or"
// "noon", "midnight": the unit of the twelve in front of them or meant by them; empty for any other word.
std::string half_day_of(std::string_view lower_case_word);

class WordParser : public FactorParser {
 protected:
  using FactorParser::FactorParser;

  // "The answer is 5", "USD 100": words that are known to say nothing before a value (leading_words.h); others are no
  // answer that we understand. The stem of a single word in front of a number ("Row 2"), which may tell it from
  // another.
  std::string skip_leading_words();
  // "inner radius 3", "Alice: 3" at the beginning of an answer or of an element of a list: what kLabelled says of them;
  // empty, and then skip_leading_words sees to the words, where none of them tells a value from another.
  std::string take_label();
  bool chooses_ = false;  // a label was one of "largest of" its like: of several values one is meant
  std::optional<std::int64_t> take_multiplier();
  // Words behind a value: percent, "million", a unit; any other word is a factor that nothing but itself equals. False:
  // a separator.
  bool take_words(Node& result);
  // "17 and a half". False: no such thing here.
  bool take_part(Node& result);
  // "5-digit", "12-inch". False: no such thing here; so too below.
  bool take_hyphenated_unit(Node& result);
  // "\frac{\text{m}}{\text{s}}" behind a value.
  bool take_fraction_of_units(Node& result);

 private:
  std::optional<std::size_t> leading_end() const;
  bool names_function(std::size_t end) const;
  bool is_name_at(std::size_t at, std::size_t end) const;
  std::size_t last_stating(std::size_t end) const;
  std::size_t statement_end(std::size_t end) const;
  bool keeps_value(std::size_t at, std::size_t end, std::size_t stating) const;
  bool keep_value(std::size_t end) const;
  std::string label_until(std::size_t end, bool known) const;
  bool take_part_of(Node& result);
  bool take_ratio_words(Node& result);
  bool take_rate(Node& result);
  // "5 dollars and 30 cents", "2 hours 30 minutes".
  void add_smaller_unit(Node& measure);
};

}  // namespace qreason::math
