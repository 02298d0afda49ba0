#include "eval/graders/math/word_parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "eval/graders/math/leading_words.h"
#include "eval/graders/math/unit_parser.h"
#include "eval/graders/taking_back.h"

namespace qreason::math {
namespace {

// With "of" behind them no value at all of what follows: "a multiple of 6" is no 6, whatever stands between.
constexpr std::array<std::string_view, 14> kOtherValues = {
    "reciprocal", "opposite", "cube",       "multiple",  "multiples", "factor",   "factors",
    "divisor",    "divisors", "complement", "conjugate", "loss",      "increase", "decrease"};

bool is_other_value(std::string_view word) {
  return std::find(kOtherValues.begin(), kOtherValues.end(), word) != kOtherValues.end();
}

bool money(std::string_view dimensions) {
  for (const std::string_view name : {"usd^1", "eur^1", "gbp^1", "yen^1", "rupee^1", "yuan^1", "peso^1", "rouble^1"})
    if (dimensions == name) return true;
  return false;
}

Node measured(Node value, const Unit& unit) {
  Node result = make_node(NodeKind::kMeasure, single(std::move(value)), unit.dimensions);
  result.value = unit.scale;
  return result;
}

// "rows" as "row", "largest" as it is.
std::string stem_of(const std::string& word) {
  return is_noun(word) ? noun_stem(word) : lower_case(word);
}

}  // namespace

bool is_separator_word(const std::string& text) {
  return text == "and" || text == "or";
}

std::string half_day_of(std::string_view lower_case_word) {
  return lower_case_word == "noon" ? "pm^1" : lower_case_word == "midnight" ? "am^1" : "";
}

// The index behind the words in front of a value, and behind their colon ("Total: 15"); nullopt where no words stand in
// front of one.
std::optional<std::size_t> WordParser::leading_end() const {
  std::size_t ahead = at_;
  while (ahead < tokens_.size() && tokens_[ahead].kind == TokenKind::kText && !is_separator_word(tokens_[ahead].text))
    ++ahead;
  if (ahead == at_) return std::nullopt;
  if (ahead + 1 < tokens_.size() && is_symbol_token(tokens_[ahead], ":")) ++ahead;
  if (ahead == tokens_.size() || number_in_words(tokens_[at_].text)) return std::nullopt;
  const bool part = lower_case(tokens_[at_].text) == "a" && ahead > at_ + 1 &&
                    (scale_word(tokens_[at_ + 1].text) || part_in_words("a " + lower_case(tokens_[at_ + 1].text)));
  if (part) return std::nullopt;  // "a half", "a dozen"
  static constexpr std::array<std::string_view, 8> kNoValues = {",", ")", "}", "=", "\\}", "]", "\\\\", "end"};
  const Token& next = tokens_[ahead];
  const bool value =
      next.kind != TokenKind::kText && std::find(kNoValues.begin(), kNoValues.end(), next.text) == kNoValues.end();
  return value ? std::optional(ahead) : std::nullopt;
}

// "Var(9)", "Area(4)": a function, where "vertex (1, 2)" and "the answer is (4)" have words in front of a value.
bool WordParser::names_function(std::size_t end) const {
  if (!is_symbol_token(tokens_[end], "(") || tokens_[end - 1].kind != TokenKind::kText) return false;
  const LeadingWord last = leading_word(tokens_[end - 1].text);
  if (last != LeadingWord::kNames) return last == LeadingWord::kUnknown;
  int depth = 0;
  for (std::size_t i = end; i < tokens_.size(); ++i) {
    if (is_symbol_token(tokens_[i], ",") && depth == 1) return false;
    if (is_symbol_token(tokens_[i], "(")) ++depth;
    if (is_symbol_token(tokens_[i], ")") && --depth == 0) return true;
  }
  return true;
}

bool WordParser::is_name_at(std::size_t at, std::size_t end) const {
  if (!looks_like_name(tokens_[at].text)) return false;
  if (at + 1 < end && tokens_[at + 1].kind == TokenKind::kText && follows_name(lower_case(tokens_[at + 1].text)))
    return true;
  static constexpr std::array<std::string_view, 8> kBeforeNames = {"of",      "for",  "triangle", "angle",
                                                                   "segment", "side", "line",     "square"};
  return at > at_ &&
         std::find(kBeforeNames.begin(), kBeforeNames.end(), lower_case(tokens_[at - 1].text)) != kBeforeNames.end();
}

// The index of the last "is" or colon in front of the value at `end`; at_ where there is none.
std::size_t WordParser::last_stating(std::size_t end) const {
  std::size_t last = std::max(end, at_ + 1) - 1;
  while (last > at_ && !follows_name(lower_case(tokens_[last].text)) && !is_symbol_token(tokens_[last], ":")) --last;
  return last;
}

// "The probability that it rains is", "the result simplifies to exactly": the index behind the last verb of a statement
// of the value at `end`, whatever the words are that it is about; at_ where there is none, or something else is said.
std::size_t WordParser::statement_end(std::size_t end) const {
  static constexpr std::array<std::string_view, 5> kVerbs = {"is", "are", "was", "were", "equals"};
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kPairs = {{{"simplifies", "to"},
                                                                                            {"reduces", "to"},
                                                                                            {"evaluates", "to"},
                                                                                            {"out", "to"},
                                                                                            {"equal", "to"},
                                                                                            {"found", "to"},
                                                                                            {"written", "as"},
                                                                                            {"expressed", "as"},
                                                                                            {"simplified", "as"},
                                                                                            {"given", "by"},
                                                                                            {"simplified", "to"},
                                                                                            {"computed", "as"}}};
  std::size_t behind = at_;
  std::string before;
  if (is_condition(lower_case(tokens_[at_].text))) return at_;
  bool of = false;
  for (std::size_t i = at_; i < end; ++i) {
    if (tokens_[i].kind != TokenKind::kText) return at_;
    const std::string word = lower_case(tokens_[i].text);
    of = of || word == "of";
    if (of && word == "answer") return at_;  // "the square of the answer is"
    if (before == "its" && (is_other_value(word) || is_operator_noun(word))) return at_;
    const bool verb = std::find(kVerbs.begin(), kVerbs.end(), word) != kVerbs.end() ||
                      std::find(kPairs.begin(), kPairs.end(),
                                std::pair<std::string_view, std::string_view>(before, word)) != kPairs.end();
    if (verb && i > at_) behind = i + 1;
    before = word;
  }
  const bool altered = std::any_of(tokens_.begin() + static_cast<std::ptrdiff_t>(at_),
                                   tokens_.begin() + static_cast<std::ptrdiff_t>(behind),
                                   [](const Token& token) { return alters_statement(token.text); });
  return altered ? at_ : behind;
}

// Whether the word at `at` leaves the value at `end` as it is; `stating` is last_stating(end).
bool WordParser::keeps_value(std::size_t at, std::size_t end, std::size_t stating) const {
  const auto word_at = [&](std::size_t i) {
    return i >= at_ && i < end && tokens_[i].kind == TokenKind::kText ? lower_case(tokens_[i].text) : std::string();
  };
  const std::string word = word_at(at), next = word_at(at + 1);
  const bool stated = stating > at, of = next == "of";
  const bool other = is_other_value(word);
  const std::string before = word_at(at - 1);
  if (before == "its" && (other || is_operator_noun(word))) return false;  // "its reciprocal is"
  const bool article = before == "a" || before == "an";
  if (article && word_at(at - 2) == "at") return false;  // "at a minimum"
  if (at == at_ && word == "times") return false;
  if (word == "of" && (next == "answer" || word_at(at + 2) == "answer" || word_at(at + 3) == "answer")) return false;
  if (of && article && is_amount_noun(word)) return true;
  if (of && !article && is_price_noun(word) && !stated) return false;
  if ((of && (other || (is_function_noun(word) && !stated))) || (is_operator_noun(word) && !stated)) return false;
  if (word == "value" && of && word_at(at - 1) == "absolute" && !stated) return false;
  if ((word == "increase" || word == "decrease" || word == "change") && next == "by") return false;
  // "the area of a square of side 3" is no 3.
  const bool named = leading_word(word_at(end - 1)) == LeadingWord::kNames && !at_kind(TokenKind::kLetter, end - at_);
  if (word == "of" && at > at_ && at + 1 < end && named && !stated) return false;
  if (word == "greatest" && (next == "common" || next == "possible" || next == "value")) return true;
  const auto number = number_in_words(word);
  if (number && number->is_integer() && is_noun(next) && next != "times") return true;  // "the two numbers are"
  return leading_word(word) != LeadingWord::kUnknown || is_name_at(at, end);
}

// Whether all words up to `end` do.
bool WordParser::keep_value(std::size_t end) const {
  const std::size_t stating = last_stating(end);
  for (std::size_t i = statement_end(end); i < end; ++i) {
    if (tokens_[i].kind != TokenKind::kText) continue;
    const std::string word = lower_case(tokens_[i].text);
    if ((word == "negative" || word == "minus") && i + 1 == end) return true;
    if (!keeps_value(i, end, stating)) return false;
  }
  return true;
}

std::string WordParser::label_until(std::size_t end, bool known) const {
  std::string label = " ";
  for (std::size_t i = at_; i < end; ++i) {
    const std::string& text = tokens_[i].text;
    if (tokens_[i].kind != TokenKind::kText || (known && leading_word(text) == LeadingWord::kIdle)) continue;
    const std::string word = !known ? lower_case(text) : text == "max" || text == "min" ? text + "imum" : stem_of(text);
    if (!word.empty()) label += word + " ";
  }
  return known ? (label.size() > 1 ? label : "") : kUnknownLabel + label;
}

std::string WordParser::take_label() {
  const auto end = leading_end();
  if (!end || names_function(*end)) return "";
  const bool colon = is_symbol_token(tokens_[*end - 1], ":"), known = keep_value(*end);
  if (!known && !colon) return "";
  const std::string last = lower_case(tokens_[*end - 1].text);
  const bool one_word = *end - at_ == 1;
  // "Row 2" alone may be two rows, "USD 5" is money.
  const bool alone = *end + 1 == tokens_.size() && at_ == 0 && at_kind(TokenKind::kNumber, 1);
  if (last == "negative" || last == "minus" || (one_word && (alone || is_unit_word(tokens_[at_].text)))) return "";
  const bool of = last == "of" && !one_word && !at_kind(TokenKind::kLetter, *end - at_);
  chooses_ = chooses_ || (of && is_choosing_word(tokens_[*end - 2].text));
  std::string label = label_until(*end, known);
  at_ = *end;
  return label;
}

std::string WordParser::skip_leading_words() {
  const auto end = leading_end();
  if (!end) return "";
  const bool function = names_function(*end);
  const std::size_t ahead = function ? *end - 1 : *end;
  if (!keep_value(ahead)) throw NotAnAnswer{};
  const bool labels = ahead - at_ == 1 && at_kind(TokenKind::kNumber, 1) && !is_filler(tokens_[at_].text);
  if (labels && is_reference_noun(tokens_[at_].text)) throw NotAnAnswer{};
  std::string label = labels ? noun_stem(tokens_[at_].text) : "";
  const auto unit = ahead - at_ == 1 ? unit_of_word(tokens_[at_].text) : std::nullopt;
  if (ahead == at_) return "";
  at_ = ahead;
  if (unit && at_ < tokens_.size() && unit->dimensions.size() > 2 && unit->scale == Rational(1) &&
      money(unit->dimensions)) {
    at_ -= 1;
    tokens_[at_] = {TokenKind::kSymbol, std::string(kCurrency) + unit->dimensions.substr(0, unit->dimensions.find('^')),
                    true};
    return "";
  }
  if (const std::string last = lower_case(tokens_[at_ - 1].text); last == "negative" || last == "minus") {
    at_ -= 1;
    tokens_[at_] = {TokenKind::kSymbol, "-", true};
    return "";
  }
  return label;
}

// "5 out of 6", "1 in 6", "3 to 1".
bool WordParser::take_ratio_words(Node& result) {
  if (!is_integer_node(result)) return false;
  const std::string& word = tokens_[at_].text;
  const auto has_number = [&](std::size_t ahead) { return at_kind(TokenKind::kNumber, ahead); };
  const bool out_of = word == "out" && at_kind(TokenKind::kText, 1) && tokens_[at_ + 1].text == "of" && has_number(2);
  if (!out_of && !((word == "in" || word == "to") && has_number(1))) return false;
  const NodeKind kind = word == "to" ? NodeKind::kRatio : NodeKind::kQuotient;
  at_ += out_of ? 2 : 1;
  result = make_node(kind, pair(std::move(result), factor()));
  return true;
}

// "\\$18 per day", "\\$5 per ticket".
bool WordParser::take_rate(Node& result) {
  if (result.kind != NodeKind::kMeasure || !money(result.text) || tokens_[at_].text != "per") return false;
  const auto phrase = unit_phrase(tokens_, at_ + 1);
  if (!phrase) return false;
  const Unit by = has_dimensions(phrase->unit.dimensions) ? phrase->unit : Unit{};
  const Unit rate = times(Unit{result.text, *result.value}, by, -1);
  at_ = phrase->end;
  result.text = rate.dimensions;
  result.value = rate.scale;
  return true;
}

// "half of 6", "two thirds of 6"; and "7 only", "7 left".
bool WordParser::take_part_of(Node& result) {
  const std::string& word = tokens_[at_].text;
  const bool part = result.kind == NodeKind::kNumber && result.value && result.value->less_than(Rational(1)) &&
                    !result.value->is_integer() && !result.decimal;
  if (word == "of" && part && at_kind(TokenKind::kNumber, 1)) {
    ++at_;
    result = multiplied(std::move(result), factor());
    return true;
  }
  const bool idle = word == "only" || word == "exactly" || word == "left";
  return idle && at_ + 1 == tokens_.size() && ++at_;
}

// "twice 6", "double 6": what they multiply the number behind them by, and are passed over then.
std::optional<std::int64_t> WordParser::take_multiplier() {
  if (!at_kind(TokenKind::kText) || !at_kind(TokenKind::kNumber, 1)) return std::nullopt;
  const std::string word = lower_case(tokens_[at_].text);
  const std::int64_t by = word == "twice" || word == "double" ? 2 : word == "thrice" || word == "triple" ? 3 : 0;
  if (by == 0) return std::nullopt;
  ++at_;
  return by;
}

bool WordParser::take_words(Node& result) {
  const std::string& word = tokens_[at_].text;
  if (is_separator_word(word)) return false;
  if (const auto scale = scale_word(word)) {
    ++at_;
    result = multiplied(std::move(result), number_node(*scale));
    if (at_kind(TokenKind::kText) && tokens_[at_].text == "of") ++at_;
    return true;
  }
  const bool per_cent = word == "per" && at_kind(TokenKind::kText, 1) && tokens_[at_ + 1].text == "cent";
  if (is_percent_word(word) || per_cent) {
    at_ += per_cent ? 2 : 1;
    result = make_node(NodeKind::kPercent, single(std::move(result)));
    return true;
  }
  if (word.size() > 5 && word.ends_with("s") && is_integer_node(result) && !is_noun(word)) {
    if (const auto part = part_in_words("one " + lower_case(word))) {  // "2 thirds"
      ++at_;
      result = multiplied(std::move(result), number_node(*part));
      return true;
    }
  }
  if (take_part_of(result) || take_ratio_words(result) || take_rate(result)) return true;
  if (const std::string half = half_day_of(lower_case(word));
      !half.empty() && result.kind == NodeKind::kNumber && (result.text == "12" || result.text == "00")) {
    ++at_;
    result = measured(std::move(result), Unit{half});
    return true;
  }
  if (word == "th" || word == "st" || word == "nd" || word == "rd") {
    ++at_;
    return true;
  }
  if (auto phrase = unit_phrase(tokens_, at_)) {
    at_ = phrase->end;
    result = measured(std::move(result), phrase->unit);
    add_smaller_unit(result);
    return true;
  }
  ++at_;
  result = multiplied(std::move(result), make_node(NodeKind::kText, {}, word));
  return true;
}

bool WordParser::take_part(Node& result) {
  const bool here = at_kind(TokenKind::kText) && tokens_[at_].text == "and" && is_integer_node(result);
  if (!here) return false;
  std::string words;
  for (std::size_t end = at_ + 1; end < tokens_.size() && end <= at_ + 3; ++end) {
    if (tokens_[end].kind != TokenKind::kText && !(tokens_[end].kind == TokenKind::kLetter && words.empty())) break;
    words += (words.empty() ? "" : " ") + tokens_[end].text;
    const auto part = part_in_words(lower_case(words));
    if (!part) continue;
    at_ = end + 1;
    result = make_node(NodeKind::kSum, pair(std::move(result), number_node(*part)));
    return true;
  }
  return false;
}

bool WordParser::take_hyphenated_unit(Node& result) {
  if (!at_symbol("-") || !at_kind(TokenKind::kText, 1) || result.kind != NodeKind::kNumber) return false;
  if (tokens_[at_].space_before || tokens_[at_ + 1].space_before) return false;
  const auto phrase = unit_phrase(tokens_, at_ + 1);
  if (!phrase) return false;
  at_ = phrase->end;
  result = measured(std::move(result), phrase->unit);
  return true;
}

bool WordParser::take_fraction_of_units(Node& result) {
  if (!at_command("frac") || !at_symbol("{", 1) || !at_kind(TokenKind::kText, 2)) return false;
  const auto above = unit_phrase(tokens_, at_ + 2);
  if (!above || above->end + 2 >= tokens_.size() || !is_symbol_token(tokens_[above->end], "}") ||
      !is_symbol_token(tokens_[above->end + 1], "{"))
    return false;
  const auto below = unit_phrase(tokens_, above->end + 2);
  if (!below || below->end >= tokens_.size() || !is_symbol_token(tokens_[below->end], "}")) return false;
  at_ = below->end + 1;
  result = measured(std::move(result), times(above->unit, below->unit, -1));
  return true;
}

void WordParser::add_smaller_unit(Node& measure) {
  std::size_t ahead = at_kind(TokenKind::kText) && tokens_[at_].text == "and" ? 1 : 0;
  if (!at_kind(TokenKind::kNumber, ahead) || !at_kind(TokenKind::kText, ahead + 1) || !has_dimensions(measure.text))
    return;
  const auto phrase = unit_phrase(tokens_, at_ + ahead + 1);
  const bool fits = phrase && phrase->unit.dimensions == measure.text && phrase->unit.scale.less_than(*measure.value);
  const auto share = fits ? phrase->unit.scale.over(*measure.value) : std::nullopt;
  if (!share) return;
  Node small = multiplied(number_node(tokens_[at_ + ahead].text), number_node(*share));
  at_ = phrase->end;
  measure.children[0] = make_node(NodeKind::kSum, pair(std::move(measure.children[0]), std::move(small)));
}

}  // namespace qreason::math
