// "\begin{cases}": the part of FactorParser that reads functions given by cases, and systems.
#include <algorithm>
#include <initializer_list>

#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/piecewise.h"
#include "eval/graders/math/words.h"

namespace qreason::math {

// "x^2, x \\le 1 \\\\ 2, x > 1": the only comma of a row without cells, in front of a condition, becomes "&".
void FactorParser::divide_rows() {
  std::size_t comma = 0;
  bool one = true, relation_before = false, relation_behind = false;
  int depth = 0;
  for (std::size_t i = at_; i < tokens_.size(); ++i) {
    const Token& token = tokens_[i];
    const bool end = token.kind == TokenKind::kCommand && token.text == "end";
    const auto is_any = [&](std::initializer_list<std::string_view> signs) {
      return token.kind == TokenKind::kSymbol && std::find(signs.begin(), signs.end(), token.text) != signs.end();
    };
    if (end || is_any({"\\\\"})) {
      if (comma != 0 && one && relation_behind && !relation_before) tokens_[comma].text.assign(1, '&');
      comma = 0;
      one = true;
      relation_before = relation_behind = false;
      if (end) return;
    } else if (is_any({"(", "[", "{", "\\{"})) {
      ++depth;
    } else if (is_any({")", "]", "}", "\\}"})) {
      --depth;
    } else if (is_any({"&"}) || (token.kind == TokenKind::kText && lower_case(token.text) == "if")) {
      one = false;
    } else if (is_any({"=", "<", ">", "<=", ">=", "!="}) || (token.kind == TokenKind::kCommand && token.text == "in")) {
      (comma != 0 ? relation_behind : relation_before) = true;
    } else if (is_any({","}) && depth == 0 && i + 1 < tokens_.size() && !is_symbol_token(tokens_[i + 1], "\\\\")) {
      one = one && comma == 0;
      comma = i;
    }
  }
}

// Of the environment that begins here: "if" and its like become "&" where there is none, and what only closes a cell
// goes.
void FactorParser::simplify_cases() {
  divide_rows();
  std::vector<Token> kept(tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(at_));
  const auto ends_cell = [](const Token& token) {
    return is_symbol_token(token, "&") || is_symbol_token(token, "\\\\") ||
           (token.kind == TokenKind::kCommand && token.text == "end");
  };
  std::size_t i = at_;
  for (bool inside = true; i < tokens_.size() && inside; ++i) {
    const Token& token = tokens_[i];
    const std::string word = token.kind == TokenKind::kText ? lower_case(token.text) : "";
    const bool opens = word == "if" || word == "for" || word == "when" || word == "where" || word == "whenever";
    inside = !(token.kind == TokenKind::kCommand && token.text == "end");
    const bool closes = ends_cell(token) || opens || is_otherwise(word);
    while (
        closes && kept.size() > at_ &&
        (is_symbol_token(kept.back(), ",") || is_symbol_token(kept.back(), ".") || is_symbol_token(kept.back(), ";")))
      kept.pop_back();
    const bool new_cell = (opens || is_otherwise(word)) && kept.size() > at_ && !ends_cell(kept.back());
    if (new_cell) kept.push_back({TokenKind::kSymbol, "&", false});
    if (!opens) kept.push_back(token);
  }
  kept.insert(kept.end(), tokens_.begin() + static_cast<std::ptrdiff_t>(i), tokens_.end());
  tokens_ = std::move(kept);
}

// Rows of a value and its condition; rows of one cell each are equations that all hold.
Node FactorParser::cases() {
  simplify_cases();
  std::vector<Node> cells;
  std::size_t rows = 0;
  while (!take_command("end")) {
    if (take_symbol("\\\\")) continue;
    ++rows;
    cells.push_back(list());
    if (!take_symbol("&")) continue;
    const bool rest = at_kind(TokenKind::kText) && is_otherwise(tokens_[at_].text);
    cells.push_back(rest ? make_node(NodeKind::kText, {}, "otherwise") : list());
    if (rest) ++at_;
    if (done() || !(at_symbol("\\\\") || at_command("end"))) throw NotAnAnswer{};
  }
  environment();
  if (rows > 0 && cells.size() == 2 * rows) return make_node(NodeKind::kPiecewise, std::move(cells));
  if (rows == 0 || cells.size() != rows) throw NotAnAnswer{};
  return rows == 1 ? std::move(cells[0]) : make_node(NodeKind::kList, std::move(cells), "and");
}

}  // namespace qreason::math
