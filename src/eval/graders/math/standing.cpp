#include "eval/graders/math/standing.h"

#include <algorithm>
#include <array>
#include <string>

#include "eval/graders/math/extract.h"
#include "eval/graders/math/latex_commands.h"
#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

constexpr std::size_t kReach = 90;  // bytes to either side of a value

// In front of a value, "x = " between or not: it is none, or none is said.
constexpr std::array<std::string_view, 37> kDenials = {
    "never",        "never be",      "neither",      "nor",          "except",         "except for",   "excluding",
    "exclude",      "excludes",      "excluded",     "reject",       "rejecting",      "discard",      "discarding",
    "rule out",     "rules out",     "other than",   "anything but", "everything but", "all but",      "number but",
    "numbers but",  "integer but",   "integers but", "value but",    "values but",     "fails for",    "fail for",
    "fails at",     "fails when",    "none of",      "not be",       "n't be",         "not equal to", "cannot be",
    "cannot equal", "answer exceeds"};
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
constexpr std::array<std::string_view, 63> kMakersBehind = {"factorial",
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
                                                            "or else"};
// Directly behind a value, with a number behind them.
constexpr std::array<std::string_view, 11> kJoiningBehind = {"times",        "over",   "more than", "less than",
                                                             "percent of",   "% of",   "\\% of",    "fewer than",
                                                             "greater than", "to the", "less"};
constexpr std::array<std::string_view, 4> kOrders = {"st", "nd", "rd", "th"};
constexpr std::array<std::string_view, 10> kOrdered = {"prime",  "primes", "power", "root",      "term",
                                                       "number", "odd",    "even",  "fibonacci", "multiple"};
// "The total of 42" is 42, as "a profit of 42" is; "the complement of 42" is not.
constexpr std::array<std::string_view, 12> kNeutralNouns = {"total", "value", "amount", "result", "sum",    "number",
                                                            "price", "cost",  "age",    "rate",   "length", "answer"};

bool ends_with_phrase(std::string_view text, std::string_view phrase) {
  if (!text.ends_with(phrase)) return false;
  const bool suffix = !is_letter(phrase[0]) || phrase == "n't" || phrase == "n't be";
  return suffix || !ends_letter(text.substr(0, text.size() - phrase.size()));
}
bool begins_with_phrase(std::string_view text, std::string_view phrase) {
  return text.starts_with(phrase) && !begins_letter(text.substr(phrase.size()));
}

// What a value may be wrapped in.
std::string_view without_marks_behind(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t$*_`\"'([{\\");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}
std::string_view without_marks_in_front(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of("$*_`\"')]}"), text.size()));
}

// In small letters, with plain apostrophes.
std::string normal(std::string_view text) {
  constexpr std::string_view kApostrophe = "\u2019";
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    const bool apostrophe = text.substr(i).starts_with(kApostrophe);
    plain += apostrophe ? '\'' : text[i];
    i += apostrophe ? kApostrophe.size() : 1;
  }
  return lower_case(plain);
}

std::string_view last_word(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0 && is_letter(text[begin - 1])) --begin;
  return text.substr(begin);
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

template <std::size_t N>
bool ends_with_any_of(std::string_view text, const std::array<std::string_view, N>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view one) { return ends_with_phrase(text, one); });
}
template <std::size_t N>
bool begins_with_any_of(std::string_view text, const std::array<std::string_view, N>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](std::string_view one) { return begins_with_phrase(text, one); });
}

bool is_bounded(std::string_view front, bool announced) {
  return std::any_of(kBounds.begin(), kBounds.end(), [&](std::string_view bound) {
    if (!ends_with_phrase(front, bound)) return false;
    const std::string_view outer = trimmed(front.substr(0, front.size() - bound.size()));
    return announced || outer.empty() || std::string_view(".:;!?").find(outer.back()) != std::string_view::npos;
  });
}

// "the digit sum of", "the complement of" at the beginning: a function of what follows.
bool is_function_in_words(std::string_view front) {
  constexpr int kMostWords = 4;
  front = trimmed(front);
  if (!front.starts_with("the ") || !ends_with_phrase(front, "of")) return false;
  front = trimmed(front.substr(4, front.size() - 6));
  const std::string_view noun = last_word(front);
  const bool neutral = std::find(kNeutralNouns.begin(), kNeutralNouns.end(), noun) != kNeutralNouns.end();
  const bool other = front.starts_with("absolute") || front.starts_with("digit");
  const bool plain = front.find_first_not_of("abcdefghijklmnopqrstuvwxyz ") == std::string_view::npos;
  return plain && !front.empty() && (!neutral || other) && std::count(front.begin(), front.end(), ' ') < kMostWords;
}

Judged judged_in_front(std::string_view lower, bool announced, std::size_t cut) {
  const std::string_view front = without_marks_behind(lower), outer = without_name(front);
  for (const std::string_view contrast : kContrasts) {
    if (!ends_with_phrase(outer, contrast)) continue;
    const std::string_view said = trimmed(outer.substr(0, outer.size() - contrast.size()));
    const bool apart = said.ends_with(',') || said.ends_with('(') || said.ends_with(';') || said.ends_with("and") ||
                       said.ends_with("but") || contrast == "rather than" || contrast == "instead of";
    return apart ? Judged{Standing::kContrasted, cut + outer.size() - contrast.size()} : Judged{Standing::kChanged};
  }
  const bool changed = ends_with_any_of(outer, kDenials) ||
                       (ends_with_any_of(front, kMakersInFront) && !front.ends_with("by a factor of")) ||
                       ends_with_function(outer);
  return changed || is_bounded(front, announced) || (announced && is_function_in_words(front))
             ? Judged{Standing::kChanged}
             : Judged{};
}

// Whether a value is the second of two that say another one together: "sum of 42 and", "between 42 and", and in what is
// announced "from 42 to".
bool is_second_of_two(std::string_view lower, bool announced) {
  const std::string_view front = without_marks_behind(lower);
  for (const std::string_view joint : {"and", "nor", "or", "to"}) {
    if (!ends_with_phrase(front, joint)) continue;
    const std::string_view first = trimmed(front.substr(0, front.size() - joint.size()));
    const std::size_t number = first.find_last_not_of("0123456789.,-/$") + 1;
    if (number == first.size()) return false;
    const std::string_view outer = first.substr(0, number);
    if (joint == "to") return announced && ends_with_phrase(without_marks_behind(outer), "from");
    return ends_with_any_of(without_marks_behind(outer), kPairs) ||
           judged_in_front(outer, announced, 0).standing == Standing::kChanged;
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

// "7th prime", "42C2": what is glued to a number.
bool is_order(std::string_view lower) {
  std::size_t end = 0;
  while (end < lower.size() && (is_letter(lower[end]) || is_digit(lower[end]))) ++end;
  const std::string_view glued = lower.substr(0, end);
  if (std::find(kOrders.begin(), kOrders.end(), glued) != kOrders.end())
    return begins_with_any_of(trimmed(lower.substr(end)), kOrdered);
  return begins_letter(glued) && std::any_of(glued.begin(), glued.end(), is_digit);
}

bool is_changed_behind(std::string_view lower, bool announced) {
  const std::string_view rest = without_marks_in_front(lower);
  if (begins_with_phrase(rest, "? no")) return true;
  const std::string_view next = trimmed(rest.substr(rest.starts_with(", or ") ? 1 : 0));
  if (rest.size() == next.size() && !next.empty() && !is_digit(next[0]) && next[0] != '\\' && next[0] != '%')
    return false;
  if (begins_with_any_of(next, kMakersBehind)) return true;
  for (const std::string_view power : {"squared", "cubed"})
    if (begins_with_phrase(next, power)) {
      const std::string_view unit = trimmed(next.substr(power.size()));
      std::size_t end = 0;
      while (end < unit.size() && is_letter(unit[end])) ++end;
      return !is_unit_word(unit.substr(0, end)) && !is_noun(unit.substr(0, end));
    }
  for (const std::string_view word : kJoiningBehind)
    if (begins_with_phrase(next, word) && begins_with_number(next.substr(word.size()))) return true;
  return announced && begins_with_phrase(next, "to") && begins_with_number(next.substr(2)) && !tells_precision(next);
}

}  // namespace

Judged standing_of(std::string_view before, std::string_view behind, bool announced) {
  const std::size_t newline = before.rfind('\n');
  const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
  const std::size_t cut = std::max(line, before.size() - std::min(before.size(), kReach));
  // A typographic apostrophe is longer than a plain one: what is kept is counted in the text itself.
  const std::string front = normal(before.substr(cut));
  Judged judged = judged_in_front(front, announced, cut);
  if (judged.standing == Standing::kContrasted)
    judged.kept = std::min(judged.kept + (before.size() - cut - front.size()), before.size());
  if (judged.standing != Standing::kStands) return judged;
  if (is_second_of_two(front, announced)) return {Standing::kChanged};
  const std::string rest = normal(behind.substr(0, std::min({behind.size(), kReach, behind.find('\n')})));
  if (begins_with_phrase(trimmed(without_marks_in_front(rest)), "and") &&
      ends_with_any_of(without_marks_behind(front), kPairs))
    return {Standing::kChanged};
  if (announced && is_order(rest)) return {Standing::kChanged};
  return is_changed_behind(rest, announced) ? Judged{Standing::kChanged} : Judged{};
}

namespace {

constexpr std::array<std::string_view, 9> kWithdrawals = {"no",   "wait",         "actually", "correction", "sorry",
                                                          "oops", "scratch that", "rather",   "i mean"};
// What may stand between a withdrawal and the value that is said instead.
constexpr std::array<std::string_view, 27> kCorrecting = {
    "no",   "wait",   "actually", "correction", "sorry",  "oops",   "it",  "it's",  "its",
    "is",   "should", "be",       "must",       "the",    "answer", "i",   "mean",  "make",
    "that", "that's", "correct",  "value",      "rather", "to",     "not", "wrong", "scratch"};

std::string_view without_punctuation(std::string_view text) {
  while (!text.empty()) {
    if (is_blank(text[0]) || std::string_view(".,;:!?-()*_$\"'=").find(text[0]) != std::string_view::npos)
      text.remove_prefix(1);
    else if (text.starts_with("\u2014") || text.starts_with("\u2013") || text.starts_with("\u2026"))
      text.remove_prefix(3);
    else
      break;
  }
  return text;
}

std::string_view word_with_apostrophes(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && (is_letter(text[end]) || (end > 0 && text[end] == '\''))) ++end;
  return text.substr(0, end);
}

}  // namespace

std::optional<std::string_view> correction(std::string_view behind) {
  std::string_view rest = without_punctuation(behind);
  const std::string lower = normal(rest.substr(0, std::min(rest.size(), kReach)));
  if (!begins_with_any_of(lower, kWithdrawals)) return std::nullopt;
  while (true) {
    const std::string_view word = word_with_apostrophes(rest);
    if (word.empty()) return begins_digit(rest) ? std::optional(rest) : std::nullopt;
    if (std::find(kCorrecting.begin(), kCorrecting.end(), normal(word)) == kCorrecting.end()) return std::nullopt;
    rest = without_punctuation(rest.substr(word.size()));
  }
}

bool is_supposed(std::string_view before) {
  constexpr std::size_t kLongestClause = 40;
  std::string clause = normal(before.substr(before.size() - std::min(before.size(), kLongestClause)));
  if (const std::size_t end = clause.find_last_of(".!?;:,\n"); end != std::string::npos) clause.erase(0, end + 1);
  for (const std::string_view word : {"suppose", "supposing", "assume", "assuming", "maybe", "perhaps"})
    if (begins_with_phrase(trimmed(clause), word)) return true;
  return false;
}

}  // namespace qreason::math
