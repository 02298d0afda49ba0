// Words, letters with their subscripts, and functions that are named: the part of FactorParser that begins with a
// letter.
#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/known_functions.h"
#include "eval/graders/math/words.h"

namespace qreason::math {

// A word, or as many of them as are a number.
Node FactorParser::word(const Token& token) {
  std::string words = token.text;
  std::optional<Rational> value = number_in_words(words);
  if (token.text == "negative" || token.text == "minus") value = std::nullopt;
  for (std::size_t end = at_; value || token.text == "negative" || token.text == "minus" || token.text == "a";) {
    const bool hyphen = end < tokens_.size() && is_symbol_token(tokens_[end], "-");
    const std::size_t next = hyphen ? end + 1 : end;
    const bool article = next < tokens_.size() && tokens_[next].kind == TokenKind::kLetter &&
                         tokens_[next].text == "a" && words.ends_with(" and");
    if (next >= tokens_.size() || (tokens_[next].kind != TokenKind::kText && !article)) break;
    words += " " + tokens_[next].text;
    const auto longer = number_in_words(words);
    if (!longer && tokens_[next].text != "and" && !article) break;
    end = next + 1;
    if (!longer) continue;
    value = longer;
    at_ = end;
  }
  if (value) return number_node(*value);
  if (take_symbol("(")) {  // "Var(X)"
    Node inside = bracket("(");
    const bool several = inside.kind == NodeKind::kTuple;
    return make_node(NodeKind::kApply, several ? std::move(inside.children) : single(std::move(inside)), token.text);
  }
  return make_node(NodeKind::kText, {}, token.text);
}

namespace {

bool is_function_letter(const std::string& name) {
  const char first = name[0];
  return (name.size() == 1 || name[1] == '_' || name[1] == '\'') &&
         (first == 'f' || first == 'g' || first == 'F' || first == 'G');
}

}  // namespace

Node FactorParser::symbol(std::string name) {
  if ((name == "i" || name == "e") && !at_symbol("_")) return make_node(NodeKind::kConstant, {}, name);
  if (take_symbol("_")) name += "_" + subscript();
  const bool capital = name.size() == 1 && ((name[0] >= 'A' && name[0] <= 'Z') || name == "h");
  const bool of_letter = at_symbol("(") && at_kind(TokenKind::kLetter, 1) && at_symbol(")", 2);  // "W(n)"
  const bool of_number = at_symbol("(") && at_kind(TokenKind::kNumber, 1) && at_symbol(")", 2) && at_symbol("=", 3);
  const bool expects = (name == "E" || name == "P") && at_symbol("[");  // "E[X^2]"
  if (name == "y" && take_order(name)) return make_node(NodeKind::kSymbol, {}, std::move(name));
  if (!is_function_letter(name) && !(capital && (of_letter || of_number || at_tuple())) && !expects &&
      !is_applied_letter(name))
    return make_node(NodeKind::kSymbol, {}, std::move(name));
  while (take_symbol("'")) name += "'";
  take_order(name);
  const bool inverse = at_symbol("^") && at_symbol("{", 1) && at_symbol("-", 2) && at_kind(TokenKind::kNumber, 3) &&
                       tokens_[at_ + 3].text == "1" && at_symbol("}", 4) && at_symbol("(", 5);
  if (inverse) {
    name += "^-1";
    at_ += 5;
  }
  if (!at_symbol("(") && !expects) return make_node(NodeKind::kSymbol, {}, std::move(name));
  return applied(std::move(name));
}

// Whether a bracket begins here that holds several entries: "(1, 2)".
bool FactorParser::at_tuple() const {
  int depth = 0;
  for (std::size_t i = at_; i < tokens_.size(); ++i) {
    if (is_symbol_token(tokens_[i], "(")) ++depth;
    if (is_symbol_token(tokens_[i], ")")) --depth;
    if (depth == 0) return false;
    if (depth == 1 && is_symbol_token(tokens_[i], ",")) return true;
  }
  return false;
}

// f(x): the bracket is here.
Node FactorParser::applied(std::string name) {
  Node inside = bracket(tokens_[at_++].text);
  if (auto value = known_value(name, inside)) return *std::move(value);
  Node result = make_node(NodeKind::kApply, {}, std::move(name));
  result.children = inside.kind == NodeKind::kTuple ? std::move(inside.children) : single(std::move(inside));
  return result;
}

std::string FactorParser::subscript() {
  if (done()) throw NotAnAnswer{};
  if (!take_symbol("{")) return tokens_[at_++].text;
  std::string text;
  int depth = 1;
  while (!done()) {
    const Token& token = tokens_[at_++];
    if (is_symbol_token(token, "{")) ++depth;
    if (is_symbol_token(token, "}") && --depth == 0) return text;
    text += token.text;
  }
  throw NotAnAnswer{};
}

}  // namespace qreason::math
