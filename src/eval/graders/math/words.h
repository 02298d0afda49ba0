// What words mean behind a number and alone: units, things that are counted, numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eval/graders/math/rational.h"

namespace qreason::math {

// A unit as a product of base units with exponents, and its size in them. `dimensions` is a sorted text ("m^1 s^-2");
// "#" and a stem for things that are counted (noun_stem); empty for what says nothing ("units", "in all").
struct Unit {
  std::string dimensions;
  Rational scale{1};
};

inline bool has_dimensions(std::string_view dimensions) {
  return !dimensions.empty() && dimensions[0] != '#';
}

// Begins the dimensions of "square units": of a length that is not named, and may be any.
inline constexpr std::string_view kAnyUnit = "unit^";

// One word or abbreviation ("cm", "Metres", "p.m."). Case matters for what is shorter than three letters.
std::optional<Unit> unit_of_word(std::string_view word);
Unit times(const Unit& a, const Unit& b, std::int64_t power);

bool is_unit_word(std::string_view word);
// Things that are counted ("apples", "men"), and what may stand between a number and its unit ("red", "of", "square").
bool is_noun(std::string_view word);
bool is_filler(std::string_view word);
// The same for "apple" and "apples", "child" and "children"; empty where a word says no more than a number does
// ("items", "ways", "solutions").
std::string noun_stem(std::string_view word);
// "north", "ellipse": a word that is an answer, or part of one, and no product of letters.
bool is_known_word(std::string_view word);
// An unknown run of letters that is rather a word ("evelyn") than a product of variables ("wxyz", "bcda").
bool looks_like_word(std::string_view letters);

// "three", "twenty-one", "one hundred and five", "two thirds", "half", "two and a half"; nullopt for anything else.
std::optional<Rational> number_in_words(std::string_view words);
// "a half", "two thirds": between 0 and 1.
std::optional<Rational> part_in_words(std::string_view words);
// "million", "dozens": what they multiply a number by.
std::optional<Rational> scale_word(std::string_view word);
bool is_percent_word(std::string_view word);

std::string lower_case(std::string_view text);

}  // namespace qreason::math
