#include "eval/graders/math/word_parser.h"

#include <algorithm>
#include <array>

#include "eval/graders/math/unit_parser.h"

namespace qreason::math {
namespace {

// In front of a value they change it, or the question.
constexpr std::array<std::string_view, 41> kChangingWords = {
    "not",       "no",        "less",     "more",     "fewer", "greater",   "most",      "least",     "than",
    "over",      "under",     "above",    "up",       "below", "half",      "twice",     "double",    "triple",
    "minus",     "plus",      "between",  "except",   "every", "without",   "mod",       "power",     "inverse",
    "square",    "root",      "negative", "anything", "never", "undefined", "divisible", "decreases", "decreased",
    "increases", "increased", "base",     "but",      "from"};
// The same with "of" behind them: "a multiple of 6" is no 6.
constexpr std::array<std::string_view, 14> kFunctionWords = {
    "reciprocal", "opposite", "cube",       "multiple",  "multiples", "factor",   "factors",
    "divisor",    "divisors", "complement", "conjugate", "loss",      "increase", "decrease"};

template <std::size_t N>
bool holds(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
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

}  // namespace

bool is_separator_word(const std::string& text) {
  return text == "and" || text == "or";
}

std::string half_day_of(std::string_view lower_case_word) {
  return lower_case_word == "noon" ? "pm^1" : lower_case_word == "midnight" ? "am^1" : "";
}

std::string WordParser::skip_leading_words() {
  std::size_t ahead = at_;
  while (ahead < tokens_.size() && tokens_[ahead].kind == TokenKind::kText && !is_separator_word(tokens_[ahead].text))
    ++ahead;
  if (ahead == at_) return "";
  if (ahead + 1 < tokens_.size() && is_symbol_token(tokens_[ahead], ":")) ++ahead;  // "Total: 15"
  if (number_in_words(tokens_[at_].text) || lower_case(tokens_[at_].text) == "a") return "";
  const bool value_follows = ahead < tokens_.size() && !is_symbol_token(tokens_[ahead], ",") &&
                             !is_symbol_token(tokens_[ahead], ")") && !is_symbol_token(tokens_[ahead], "}") &&
                             tokens_[ahead].text != "=" && tokens_[ahead].text != "\\}" && tokens_[ahead].text != "]" &&
                             tokens_[ahead].text != "\\\\" && tokens_[ahead].text != "end" &&
                             tokens_[ahead].kind != TokenKind::kText;
  if (!value_follows) return "";
  for (std::size_t i = at_; i < ahead; ++i) {
    if (tokens_[i].kind != TokenKind::kText) continue;
    const std::string word = lower_case(tokens_[i].text);
    if ((word == "negative" || word == "minus") && i + 1 == ahead) break;
    if (holds(kChangingWords, word)) throw NotAnAnswer{};
    const bool of = i + 1 < ahead && lower_case(tokens_[i + 1].text) == "of";
    if (of && holds(kFunctionWords, word)) throw NotAnAnswer{};
  }
  const bool labels = ahead - at_ == 1 && at_kind(TokenKind::kNumber, 1) && !is_filler(tokens_[at_].text);
  std::string label = labels ? noun_stem(tokens_[at_].text) : "";
  const auto unit = ahead - at_ == 1 ? unit_of_word(tokens_[at_].text) : std::nullopt;
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
  if (take_ratio_words(result) || take_rate(result)) return true;
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
