#include "eval/graders/math/standing.h"

#include <algorithm>
#include <array>
#include <string>

#include "eval/graders/math/expression.h"
#include "eval/graders/math/extract.h"
#include "eval/graders/math/latex_commands.h"
#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/leading_words.h"
#include "eval/graders/math/phrases.h"
#include "eval/graders/math/words.h"
#include "eval/graders/taking_back.h"

namespace qreason::math {
namespace {

constexpr std::size_t kReach = 90;  // bytes to either side of a value

// In front of a value, "x = " between or not: it is none, or none is said.
// Beside the words of is_rejection.
constexpr std::array<std::string_view, 32> kDenials = {
    "never",          "never be",     "neither",      "nor",           "except",       "except for",     "rule out",
    "rules out",      "other than",   "anything but", "all but",       "number but",   "everything but", "numbers but",
    "integer but",    "integers but", "value but",    "values but",    "fails for",    "fail for",       "fails at",
    "fails when",     "none of",      "not be",       "n't be",        "not equal to", "cannot be",      "cannot equal",
    "answer exceeds", "differs from", "differ from",  "different from"};
// The same, unless they set it apart from a value in front of them.
constexpr std::array<std::string_view, 5> kContrasts = {"not", "n't", "cannot", "rather than", "instead of"};

// Directly in front of a value: what makes another one of it.
constexpr std::array<std::string_view, 56> kMakersInFront = {
    "twice",         "thrice",      "double",       "triple",         "quadruple",    "half",          "half of",
    "third of",      "quarter of",  "fourth of",    "fifth of",       "sixth of",     "tenth of",      "thirds of",
    "quarters of",   "fourths of",  "fifths of",    "square of",      "cube of",      "root of",       "power of",
    "powers of",     "multiple of", "multiples of", "factor of",      "factors of",   "divisor of",    "divisors of",
    "reciprocal of", "inverse of",  "successor of", "predecessor of", "factorial of", "logarithm of",  "log of",
    "sine of",       "cosine of",   "tangent of",   "opposite of",    "negative of",  "negation of",   "percent of",
    "% of",          "plus",        "minus",        "times",          "divided by",   "multiplied by", "divisible by",
    "coprime to",    "prime to",    "square root",  "cube root",      "modulo",       "mod",           "to the"};
// The same in what is announced, and at the beginning of a sentence: "k must be at least 900" may end with what was
// asked for.
constexpr std::array<std::string_view, 23> kBounds = {"over",
                                                      "under",
                                                      "above",
                                                      "below",
                                                      "beyond",
                                                      "up to",
                                                      "exceeds",
                                                      "exceed",
                                                      "exceeding",
                                                      "at least",
                                                      "at most",
                                                      "than",
                                                      "than or equal to",
                                                      "fewer than",
                                                      "less than",
                                                      "more than",
                                                      "greater than",
                                                      "larger than",
                                                      "smaller than",
                                                      "no more than",
                                                      "no less than",
                                                      "no fewer than",
                                                      "bigger than"};

// In front of two values, "and" between them. "A sum of 42" is 42.
constexpr std::array<std::string_view, 15> kPairs = {"sum of",      "product of", "difference of", "difference between",
                                                     "quotient of", "ratio of",   "between",       "average of",
                                                     "mean of",     "maximum of", "minimum of",    "gcd of",
                                                     "lcm of",      "larger of",  "smaller of"};

// Directly behind a value.
constexpr std::array<std::string_view, 64> kMakersBehind = {"factorial",
                                                            "plus",
                                                            "minus",
                                                            "divided by",
                                                            "multiplied by",
                                                            "choose",
                                                            "tenths",
                                                            "hundredths",
                                                            "thousandths",
                                                            "halves",
                                                            "thirds",
                                                            "fourths",
                                                            "fifths",
                                                            "sixths",
                                                            "sevenths",
                                                            "eighths",
                                                            "ninths",
                                                            "or more",
                                                            "or less",
                                                            "or fewer",
                                                            "or greater",
                                                            "or above",
                                                            "or below",
                                                            "or higher",
                                                            "or lower",
                                                            "or larger",
                                                            "or smaller",
                                                            "to the power",
                                                            "raised to",
                                                            "mod",
                                                            "modulo",
                                                            "is extraneous",
                                                            "is an extraneous",
                                                            "fails",
                                                            "does not satisfy",
                                                            "doesn't satisfy",
                                                            "does not work",
                                                            "doesn't work",
                                                            "is not a solution",
                                                            "is not a root",
                                                            "is not the answer",
                                                            "is not valid",
                                                            "is not possible",
                                                            "is impossible",
                                                            "is invalid",
                                                            "is rejected",
                                                            "is excluded",
                                                            "is wrong",
                                                            "is incorrect",
                                                            "at most",
                                                            "at least",
                                                            "or over",
                                                            "or under",
                                                            "increased by",
                                                            "decreased by",
                                                            "reduced by",
                                                            "diminished by",
                                                            "added to",
                                                            "subtracted from",
                                                            "or maybe",
                                                            "or possibly",
                                                            "or perhaps",
                                                            "or else",
                                                            "is too"};
// Directly behind a value, with a number behind them.
constexpr std::array<std::string_view, 12> kJoiningBehind = {"times",        "over",   "more than", "less than",
                                                             "percent of",   "% of",   "\\% of",    "fewer than",
                                                             "greater than", "to the", "less",      "per"};
// Directly behind what is announced.
constexpr std::array<std::string_view, 11> kConditionsBehind = {"if",       "unless",   "only if",  "only when",
                                                                "only for", "provided", "assuming", "in the case",
                                                                "in case",  "short of", "away from"};
constexpr std::array<std::string_view, 4> kOrders = {"st", "nd", "rd", "th"};
constexpr std::array<std::string_view, 10> kOrdered = {"prime",  "primes", "power", "root",      "term",
                                                       "number", "odd",    "even",  "fibonacci", "multiple"};
// What a value may be wrapped in.
std::string_view without_marks_behind(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t$*_`\"'([{\\");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}
std::string_view without_marks_in_front(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of("$*_`\"')]}"), text.size()));
}

// "x = ", "n=" at the end of a text taken away; the text where there is no such name.
std::string_view without_name(std::string_view text) {
  if (!text.ends_with('=')) return text;
  std::string_view outer = without_marks_behind(text.substr(0, text.size() - 1));
  if (last_word(outer).size() != 1) return text;
  outer.remove_suffix(1);
  return without_marks_behind(outer);
}

// "log", "sin", "log_2".
bool ends_with_function(std::string_view text) {
  if (const std::size_t low = text.rfind('_');
      low != std::string_view::npos && low + 1 < text.size() &&
      std::all_of(text.begin() + static_cast<std::ptrdiff_t>(low) + 1, text.end(), [](char c) { return is_digit(c); }))
    text = text.substr(0, low);
  const std::string_view word = last_word(text);
  return word.size() >= 2 && word.size() <= 3 && is_function_name(word) && word != "min" && word != "max" &&
         word != "gcd" && word != "lcm";
}

bool is_bounded(std::string_view front, Place place) {
  return std::any_of(kBounds.begin(), kBounds.end(), [&](std::string_view bound) {
    if (!ends_with_phrase(front, bound)) return false;
    const std::string_view outer = trimmed(front.substr(0, front.size() - bound.size()));
    return place != Place::kInPassing || outer.empty() ||
           std::string_view(".:;!?").find(outer.back()) != std::string_view::npos;
  });
}

// "page 42", "a number with 42": a number of something else.
bool is_reference(std::string_view front) {
  static constexpr std::array<std::string_view, 5> kPlaces = {"with", "in", "on", "at", "for"};
  const std::string_view word = last_word(front);
  if (is_reference_noun(word) || std::find(kPlaces.begin(), kPlaces.end(), word) != kPlaces.end()) return true;
  return leading_word(word) == LeadingWord::kNames && !is_filler(word) && !noun_stem(word).empty();
}

// "the cost of", "close to", "some divisor of": words in front of what is announced of which not all are known to leave
// it as it is. Of anything but words nothing is known here.
bool are_altering_words(std::string_view front, Place place) {
  if (place == Place::kInPassing) return false;
  front = trimmed(front);
  while (front.starts_with(':')) front = trimmed(front.substr(1));
  if (front.ends_with('-') && ends_letter(front.substr(0, front.size() - 1))) return true;  // "base-42"
  const bool plain = front.find_first_not_of("abcdefghijklmnopqrstuvwxyz ,:'") == std::string_view::npos;
  if (!plain || front.empty()) return false;
  // "the sum of all of these, 42", "the largest such n, which is 42": what is behind the last comma says it again.
  if (const std::size_t comma = front.rfind(','); comma != std::string_view::npos) {
    if (any_word(front.substr(0, comma), alters_statement)) return true;
    front = trimmed(front.substr(comma + 1));
    if (front.empty()) return false;
  }
  // "Final answer: Jane began 3 hours ago", where "Final answer: the cost of 3 apples" says no 3.
  if (place == Place::kSentence && !front.ends_with(" of") && !front.ends_with(" to") && !front.ends_with(" from"))
    return false;
  return !leaves_value(front) || (place == Place::kAnnounced && is_reference(front));
}

Judged judged_in_front(std::string_view lower, Place place, std::size_t cut) {
  const std::string_view front = without_marks_behind(lower), outer = without_name(front);
  for (const std::string_view contrast : kContrasts) {
    if (!ends_with_phrase(outer, contrast)) continue;
    const std::string_view said = trimmed(outer.substr(0, outer.size() - contrast.size()));
    const bool apart = said.ends_with(',') || said.ends_with('(') || said.ends_with(';') || said.ends_with("and") ||
                       said.ends_with("but") || contrast == "rather than" || contrast == "instead of";
    return apart ? Judged{Standing::kContrasted, cut + outer.size() - contrast.size()} : Judged{Standing::kChanged};
  }
  const bool changed = ends_with_any_of(outer, kDenials) || is_rejection(last_word(outer)) ||
                       (ends_with_any_of(front, kMakersInFront) && !front.ends_with("by a factor of")) ||
                       ends_with_function(outer);
  return changed || is_bounded(front, place) || are_altering_words(outer, place) ? Judged{Standing::kChanged}
                                                                                 : Judged{};
}

// Whether a value is the second of two that say another one together: "sum of 42 and", "between 42 and", and in what is
// announced "from 42 to".
bool is_second_of_two(std::string_view lower, Place place) {
  const std::string_view front = without_marks_behind(lower);
  for (const std::string_view joint : {"and", "nor", "or", "to"}) {
    if (!ends_with_phrase(front, joint)) continue;
    const std::string_view first = trimmed(front.substr(0, front.size() - joint.size()));
    const std::size_t number = first.find_last_not_of("0123456789.,-/$") + 1;
    if (number == first.size()) return false;
    const std::string_view outer = first.substr(0, number);
    if (joint == "to") return place != Place::kInPassing && ends_with_phrase(without_marks_behind(outer), "from");
    return ends_with_any_of(without_marks_behind(outer), kPairs) ||
           judged_in_front(outer, place, 0).standing == Standing::kChanged;
  }
  return false;
}

bool begins_with_number(std::string_view text) {
  text = trimmed(text);
  text.remove_prefix(std::min(text.find_first_not_of("$-"), text.size()));
  std::size_t end = 0;
  while (end < text.size() && is_letter(text[end])) ++end;
  return begins_digit(text) || (end == 1 && text[0] != 'a') || number_in_words(text.substr(0, end));
}

// "to 2 decimal places"
bool tells_precision(std::string_view next) {
  return next.find("decimal") < 12 || next.find("significant") < 16 || next.find("place") < 12;
}

// "10 sandwiches"
bool counts_things(std::string_view text) {
  const std::size_t blank = std::min(text.find(' '), text.size());
  const std::string_view noun = trimmed(text.substr(blank));
  std::size_t end = 0;
  while (end < noun.size() && is_letter(noun[end])) ++end;
  return is_noun(noun.substr(0, end)) || is_unit_word(noun.substr(0, end));
}

// "7th prime", "42C2": what is glued to a number.
bool is_order(std::string_view lower) {
  if (lower.starts_with('-') && begins_letter(lower.substr(1))) {  // "42-gon", where "42-inch" has a unit
    const std::string_view word = first_word(lower.substr(1));
    return !is_unit_word(word) && !is_noun(word);
  }
  std::size_t end = 0;
  while (end < lower.size() && (is_letter(lower[end]) || is_digit(lower[end]))) ++end;
  const std::string_view glued = lower.substr(0, end);
  if (std::find(kOrders.begin(), kOrders.end(), glued) != kOrders.end())
    return begins_with_any_of(trimmed(lower.substr(end)), kOrdered);
  return begins_letter(glued) && std::any_of(glued.begin(), glued.end(), is_digit);
}

bool is_changed_behind(std::string_view lower, Place place) {
  const std::string_view rest = without_marks_in_front(lower);
  if (begins_with_phrase(rest, "? no")) return true;
  const std::string_view next = trimmed(rest.substr(rest.starts_with(", or ") ? 1 : 0));
  if (rest.size() == next.size() && !next.empty() && !is_digit(next[0]) && next[0] != '\\' && next[0] != '%')
    return false;
  if (begins_with_any_of(next, kMakersBehind) ||
      (place != Place::kInPassing && begins_with_any_of(next, kConditionsBehind)))
    return true;
  for (const std::string_view power : {"squared", "cubed"})
    if (begins_with_phrase(next, power)) {
      const std::string_view unit = trimmed(next.substr(power.size()));
      std::size_t end = 0;
      while (end < unit.size() && is_letter(unit[end])) ++end;
      return !is_unit_word(unit.substr(0, end)) && !is_noun(unit.substr(0, end));
    }
  for (const std::string_view word : kJoiningBehind)
    if (begins_with_phrase(next, word) && begins_with_number(next.substr(word.size())))
      return word != "per" || !counts_things(trimmed(next.substr(word.size())));
  return place != Place::kInPassing && begins_with_phrase(next, "to") && begins_with_number(next.substr(2)) &&
         !tells_precision(next);
}

}  // namespace

Judged standing_of(std::string_view before, std::string_view behind, Place place) {
  const std::size_t newline = before.rfind('\n');
  const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
  const std::size_t cut = std::max(line, before.size() - std::min(before.size(), kReach));
  // A typographic apostrophe is longer than a plain one: what is kept is counted in the text itself.
  const std::string front = in_plain_letters(before.substr(cut));
  Judged judged = judged_in_front(front, place, cut);
  if (judged.standing == Standing::kContrasted)
    judged.kept = std::min(judged.kept + (before.size() - cut - front.size()), before.size());
  if (judged.standing != Standing::kStands) return judged;
  if (is_second_of_two(front, place)) return {Standing::kChanged};
  const std::string rest = in_plain_letters(behind.substr(0, std::min({behind.size(), kReach, behind.find('\n')})));
  if (begins_with_phrase(trimmed(without_marks_in_front(rest)), "and") &&
      ends_with_any_of(without_marks_behind(front), kPairs))
    return {Standing::kChanged};
  if (place != Place::kInPassing && is_order(rest)) return {Standing::kChanged};
  return is_changed_behind(rest, place) ? Judged{Standing::kChanged} : Judged{};
}

}  // namespace qreason::math
