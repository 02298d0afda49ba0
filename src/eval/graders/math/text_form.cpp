#include "eval/graders/math/text_form.h"

#include <algorithm>
#include <array>
#include <vector>

#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

// Where the group that opens at `open` closes; the end when it does not.
std::size_t group_end(const std::vector<Token>& tokens, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    if (tokens[i].kind != TokenKind::kSymbol) continue;
    if (tokens[i].text == "{") ++depth;
    if (tokens[i].text == "}" && --depth == 0) return i;
  }
  return tokens.size();
}

// Braces around one token say nothing; all others are structure ("2^{n-1}" is not "2^{n}-1").
std::vector<bool> idle_braces(const std::vector<Token>& tokens) {
  std::vector<bool> idle(tokens.size(), false);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != TokenKind::kSymbol || tokens[i].text != "{") continue;
    const std::size_t end = group_end(tokens, i);
    const bool comma = i + 1 < tokens.size() && tokens[i + 1].text == ",";  // "2{,}5" is not "2, 5"
    if (end == i + 2 && end < tokens.size() && !comma) idle[i] = idle[end] = true;
  }
  return idle;
}

// "MeV" and "meV".
bool case_tells_unit(std::string_view word) {
  const auto unit = unit_of_word(word);
  const auto lower = unit ? unit_of_word(lower_case(word)) : std::nullopt;
  return unit && !(lower && lower->dimensions == unit->dimensions && lower->scale == unit->scale);
}

// Words of two letters that are no units, chemical elements or names of points, whatever their case.
constexpr std::array<std::string_view, 26> kShortWords = {"no", "up", "is", "it", "of", "in", "at", "to", "by",
                                                          "be", "we", "he", "so", "do", "or", "an", "as", "if",
                                                          "on", "am", "pm", "th", "st", "nd", "rd", "us"};

constexpr char kBetweenTokens = '\x1f';  // "2^{1}0" is not "2^{10}"

}  // namespace

std::string normalized_text(std::string_view text) {
  std::string form;
  const auto tokens = tokenize_answer(text, Reading{});
  if (!tokens) {
    for (const char c : text)
      if (!is_blank(c) && c != '$') form += c;
    return form;
  }
  const std::vector<bool> idle = idle_braces(*tokens);
  bool letters_before = false;  // "2 3" are two numbers, "a b" is the product that "ab" is
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    if (idle[i]) continue;
    const Token& token = (*tokens)[i];
    const bool last_stop = i + 1 == tokens->size() && token.kind == TokenKind::kSymbol && token.text == ".";
    if (last_stop) break;
    const bool word = token.kind == TokenKind::kText;
    if (!form.empty() && !(word && letters_before)) form += kBetweenTokens;
    letters_before = word;
    if (token.kind == TokenKind::kCommand) form += '\\';
    for (const char c : word ? word_form(token.text) : token.text)
      if (!is_blank(c)) form += c;
  }
  return form;
}

std::string word_form(std::string_view word) {
  const std::string lower = lower_case(word);
  const bool capital_inside = word.size() > 1 && lower_case(word.substr(1)) != word.substr(1);
  const bool small = std::any_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  const bool is_short =
      word.size() == 2 && std::find(kShortWords.begin(), kShortWords.end(), lower) == kShortWords.end();
  return is_short || (capital_inside && small) || case_tells_unit(word) ? std::string(word) : lower;
}

bool is_empty_text(std::string_view text) {
  return normalized_text(text).empty();
}

}  // namespace qreason::math
