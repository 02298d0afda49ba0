// Words around values ("about 5", "3 million", "USD 100") and units behind them: the part of the grammar between
// factors (factor_parser.h) and products (expression_parser.cpp).
#pragma once

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

  // "The answer is 5", "USD 100": words say nothing before a value, unless they change it. The stem of a single word in
  // front of a number ("Row 2"), which may tell it from another.
  std::string skip_leading_words();
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
  bool take_ratio_words(Node& result);
  bool take_rate(Node& result);
  // "5 dollars and 30 cents", "2 hours 30 minutes".
  void add_smaller_unit(Node& measure);
};

}  // namespace qreason::math
