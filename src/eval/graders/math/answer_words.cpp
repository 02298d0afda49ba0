#include "eval/graders/math/answer_words.h"

#include <string>

#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/word_parser.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

bool is_symbol(const Token& token, std::string_view text) {
  return token.kind == TokenKind::kSymbol && token.text == text;
}

}  // namespace

std::optional<Node> words_alone(const std::vector<Token>& tokens) {
  // Two letters that are an answer in words and no product.
  const auto is_letter_token = [&](std::size_t i) { return tokens[i].kind == TokenKind::kLetter; };
  if (tokens.size() == 2 && is_letter_token(0) && is_letter_token(1) && !tokens[1].space_before) {
    const std::string both = tokens[0].text + tokens[1].text;
    if (const std::string lower = lower_case(both); lower == "no" || lower == "up")
      return make_node(NodeKind::kText, {}, both);
  }
  std::string text;
  bool word = false;
  for (const Token& token : tokens) {
    const bool hyphen = is_symbol(token, "-") && !text.empty();
    if (token.kind != TokenKind::kText && token.kind != TokenKind::kLetter && !hyphen) return std::nullopt;
    if (token.kind == TokenKind::kText && is_separator_word(token.text) && !number_in_words(text)) return std::nullopt;
    word = word || token.kind == TokenKind::kText;
    if (token.kind == TokenKind::kText && !text.empty() && text.back() != '-')
      text += ' ';
    else if (token.space_before && !text.empty())
      text += ' ';
    text += hyphen ? "-" : token.text;
  }
  if (!word) return std::nullopt;
  const bool option = tokens.size() == 2 && tokens[1].text.size() == 1 &&
                      (lower_case(tokens[0].text) == "option" || lower_case(tokens[0].text) == "choice");
  if (option) return make_node(NodeKind::kSymbol, {}, tokens[1].text);
  if (const auto number = number_in_words(text)) return number_node(*number);
  const std::string lower = lower_case(text);
  if (lower == "all real numbers" || lower == "all reals" || lower == "real numbers" || lower == "all real" ||
      lower == "the set of all real numbers" || lower == "the set of real numbers")
    return make_node(NodeKind::kSymbol, {}, "reals");
  if (lower == "empty set" || lower == "the empty set") return make_node(NodeKind::kSet, {});
  if (lower == "noon" || lower == "midnight") {
    Node time = make_node(NodeKind::kRatio, pair(number_node("12"), number_node("00")));
    time.text = half_day_of(lower);
    return time;
  }
  // A number in front ("three apples") is a value.
  if (tokens[0].kind == TokenKind::kText && number_in_words(tokens[0].text)) return std::nullopt;
  return make_node(NodeKind::kText, {}, text);
}

std::optional<Node> marked_choice(const std::vector<Token>& tokens) {
  const bool two = tokens.size() == 2 && tokens[0].kind == TokenKind::kLetter && tokens[0].text.size() == 1 &&
                   tokens[0].text[0] >= 'A' && tokens[0].text[0] <= 'Z';
  if (!two || !(is_symbol(tokens[1], ")") || is_symbol(tokens[1], ":"))) return std::nullopt;
  return make_node(NodeKind::kSymbol, {}, tokens[0].text);
}

}  // namespace qreason::math
