#include "eval/graders/math/text_form.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "eval/graders/math/latex_tokens.h"

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
    if (end == i + 2) idle[i] = idle[end] = true;
  }
  return idle;
}

constexpr char kBetweenTokens = '\x1f';  // "2^{1}0" is not "2^{10}"

bool only_letters(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == kBetweenTokens || std::isalpha(static_cast<unsigned char>(c)) != 0; });
}

}  // namespace

std::string normalized_text(std::string_view text) {
  const auto tokens = tokenize_answer(text, CommaReading::kGroups);
  std::string result;
  if (!tokens) {
    for (const char c : text)
      if (!std::isspace(static_cast<unsigned char>(c)) && c != '$') result += c;
    return result;
  }
  const std::vector<bool> idle = idle_braces(*tokens);
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    if (idle[i]) continue;
    const Token& token = (*tokens)[i];
    if (!result.empty()) result += kBetweenTokens;
    if (token.kind == TokenKind::kCommand) result += '\\';
    for (const char c : token.text)
      if (!std::isspace(static_cast<unsigned char>(c))) result += c;
  }
  while (!result.empty() && (result.back() == '.' || result.back() == kBetweenTokens)) result.pop_back();
  return result;
}

bool same_text_form(std::string_view gold, std::string_view answer) {
  std::string gold_text = normalized_text(gold);
  std::string answer_text = normalized_text(answer);
  // In words neither case matters nor how they were cut into tokens ("\\text{odd}", "odd").
  if (only_letters(gold_text) && only_letters(answer_text)) {
    for (std::string* both : {&gold_text, &answer_text}) std::erase(*both, kBetweenTokens);
    const bool words = gold_text.size() >= 3;  // "A" and "a" may be two variables
    for (std::string* both : {&gold_text, &answer_text})
      if (words)
        std::transform(both->begin(), both->end(), both->begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  return gold_text == answer_text;
}

}  // namespace qreason::math
