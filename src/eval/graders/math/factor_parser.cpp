#include "eval/graders/math/factor_parser.h"

#include <utility>

namespace qreason::math {
namespace {

// "0.1(6)": what has been read before the period, and the period as ninths of its last place.
std::optional<Rational> repeating_value(const std::string& digits, std::size_t open) {
  const std::string before = digits.substr(0, open);
  const std::string period = digits.substr(open + 1, digits.size() - open - 2);
  const std::size_t places = before.size() - before.find('.') - 1;
  const auto start = Rational::from_decimal(before.back() == '.' ? before.substr(0, before.size() - 1) : before);
  const auto share = Rational::from_decimal(period);
  const auto nines = Rational::from_decimal(std::string(period.size(), '9') + std::string(places, '0'));
  const auto part = share && nines ? share->over(*nines) : std::nullopt;
  return start && part ? start->plus(*part) : std::nullopt;
}

Node number_node(const std::string& digits) {
  if (const std::size_t open = digits.find('('); open != std::string::npos)
    return Node{NodeKind::kNumber, digits, repeating_value(digits, open), false, 10, {}};
  Node result{NodeKind::kNumber, digits, Rational::from_decimal(digits), false, 10, {}};
  result.decimal = digits.find('.') != std::string::npos;
  return result;
}

// "\sin^{-1}" is the inverse function.
bool is_minus_one(const Node& n) {
  return n.kind == NodeKind::kNegation && n.children[0].kind == NodeKind::kNumber && n.children[0].text == "1";
}

}  // namespace

Node make_node(NodeKind kind, std::vector<Node> children, std::string text) {
  Node result{kind, std::move(text), std::nullopt, false, 10, {}};
  result.children = std::move(children);
  return result;
}

std::vector<Node> pair(Node first, Node second) {
  std::vector<Node> both;
  both.push_back(std::move(first));
  both.push_back(std::move(second));
  return both;
}

std::vector<Node> single(Node child) {
  std::vector<Node> children;
  children.push_back(std::move(child));
  return children;
}

Node multiplied(Node left, Node right) {
  if (left.kind == NodeKind::kProduct) {
    left.children.push_back(std::move(right));
    return left;
  }
  return make_node(NodeKind::kProduct, pair(std::move(left), std::move(right)));
}

bool is_integer_node(const Node& n) {
  return n.kind == NodeKind::kNumber && n.value && n.value->is_integer() && !n.decimal;
}

namespace {

Node in_radians(Node degrees) {
  Node half_turn = make_node(NodeKind::kQuotient, pair(make_node(NodeKind::kConstant, {}, "pi"), number_node("180")));
  return multiplied(std::move(degrees), std::move(half_turn));
}

}  // namespace

Node FactorParser::factor() {
  Depth depth(depth_);
  Node result = primary();
  for (int chain = 0; chain < kMaxChain; ++chain) {
    if (take_symbol("^"))
      result = make_node(NodeKind::kPower, pair(std::move(result), exponent()));
    else if (take_symbol("!"))
      result = make_node(NodeKind::kFactorial, single(std::move(result)));
    else if (take_symbol("%"))
      result = make_node(NodeKind::kPercent, single(std::move(result)));
    else if (take_symbol("'"))
      result.text += "'";
    else if (take_symbol(kDegree))
      result = in_function_ > 0 ? in_radians(std::move(result)) : std::move(result);
    else
      return result;
  }
  throw NotAnAnswer{};
}

Node FactorParser::exponent() {
  Depth depth(depth_);
  if (take_symbol("-")) return make_node(NodeKind::kNegation, single(exponent()));
  return primary();
}

// The argument of \frac or \sqrt: a group, one digit of a number, or one letter or command.
Node FactorParser::argument() {
  Depth depth(depth_);
  if (!at_kind(TokenKind::kNumber) || tokens_[at_].text.size() == 1) return primary();
  Token& token = tokens_[at_];
  const std::string digit = token.text.substr(0, 1);
  token.text.erase(0, 1);
  token.space_before = false;
  return number_node(digit);
}

Node FactorParser::primary() {
  Depth depth(depth_);
  if (done()) throw NotAnAnswer{};
  const Token token = tokens_[at_++];
  switch (token.kind) {
    case TokenKind::kNumber:
      return number(token);
    case TokenKind::kLetter:
      return symbol(token.text);
    case TokenKind::kText:
      return make_node(NodeKind::kText, {}, token.text);
    case TokenKind::kCommand:
      return command(token.text);
    case TokenKind::kSymbol:
      return bracket(token.text);
  }
  throw NotAnAnswer{};
}

Node FactorParser::number(const Token& token) {
  if (!take_symbol("_")) return number_node(token.text);
  const Node base = argument_or_number();
  const auto value = base.value ? base.value->to_int64() : std::nullopt;
  if (!value) throw NotAnAnswer{};
  Node result = make_node(NodeKind::kBased, {}, token.text);
  result.base = *value;
  result.value = Rational::from_base(token.text, *value);
  return result;
}

Node FactorParser::argument_or_number() {
  return at_kind(TokenKind::kNumber) ? number_node(tokens_[at_++].text) : primary();
}

Node FactorParser::symbol(std::string name) {
  if (name == "i" || name == "e") {
    if (!at_symbol("_")) return make_node(NodeKind::kConstant, {}, name);
  }
  if (take_symbol("_")) name += "_" + subscript();
  return make_node(NodeKind::kSymbol, {}, std::move(name));
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

Node FactorParser::command(const std::string& name) {
  if (name == "frac") {
    Node numerator = argument();
    return make_node(NodeKind::kQuotient, pair(std::move(numerator), argument()));
  }
  if (name == "binom" || name == "dbinom" || name == "tbinom") {
    Node n = argument();
    return make_node(NodeKind::kCall, pair(std::move(n), argument()), "binom");
  }
  if (name == "sqrt") return root();
  if (name == "begin") return matrix();
  if (name == "infty") return make_node(NodeKind::kSymbol, {}, "infty");
  if (name == "pi") return make_node(NodeKind::kConstant, {}, "pi");
  if (name == "emptyset" || name == "varnothing") return make_node(NodeKind::kSet, {});
  if (name == "boxed") return primary();
  if (name == "lfloor" || name == "lceil") return floor_or_ceiling(name);
  if (is_function_name(name)) return call(name);
  return symbol(name);
}

Node FactorParser::root() {
  Depth depth(depth_);
  if (!take_symbol("[")) {
    return make_node(NodeKind::kCall, single(argument()), "sqrt");
  }
  Node index = sum();
  expect("]");
  Node inverse = make_node(NodeKind::kQuotient, pair(number_node("1"), std::move(index)));
  return make_node(NodeKind::kPower, pair(argument(), std::move(inverse)));
}

Node FactorParser::floor_or_ceiling(const std::string& open) {
  Node inside = sum();
  if (!take_command(open == "lfloor" ? "rfloor" : "rceil")) throw NotAnAnswer{};
  return make_node(NodeKind::kCall, single(std::move(inside)), open == "lfloor" ? "floor" : "ceil");
}

// sin x, sin(x), sin^2 x, log_2 8.
Node FactorParser::call(const std::string& name) {
  std::optional<Node> base;
  std::optional<Node> power;
  if (take_symbol("_")) base = argument();
  if (take_symbol("^")) power = exponent();
  Node result = make_node(NodeKind::kCall, {}, name);
  const Depth function(in_function_);
  if (at_symbol("(") || at_symbol("[") || at_symbol("{")) {
    Node inside = primary();  // a power after the bracket is that of the function's value
    if (inside.kind == NodeKind::kTuple)
      result.children = std::move(inside.children);
    else
      result.children = single(std::move(inside));
  } else {
    Node inside = signed_factor();
    while (at_kind(TokenKind::kLetter) || at_command("pi") || (at_command("frac") && !is_integer_node(inside)))
      inside = multiplied(std::move(inside), factor());
    result.children = single(std::move(inside));
  }
  if (base) result.children.push_back(*std::move(base));
  if (base && name != "log") throw NotAnAnswer{};
  if (!power) return result;
  const bool has_inverse = name == "sin" || name == "cos" || name == "tan";
  if (has_inverse && is_minus_one(*power)) {
    result.text = "arc" + name;
    return result;
  }
  return make_node(NodeKind::kPower, pair(std::move(result), *std::move(power)));
}

Node FactorParser::bracket(const std::string& open) {
  if (open == "|") return absolute_value();
  if (open != "(" && open != "[" && open != "{" && open != "\\{") throw NotAnAnswer{};
  const int outer_bars = std::exchange(bars_, 0);
  if (open == "\\{" && take_symbol("\\}")) {
    bars_ = outer_bars;
    return make_node(NodeKind::kSet, {});
  }
  Node inside = list();
  bars_ = outer_bars;
  if (open == "{" || open == "\\{") {
    expect(open == "{" ? "}" : "\\}");
    if (inside.kind == NodeKind::kList)
      inside.kind = NodeKind::kSet;
    else if (open == "\\{")
      return make_node(NodeKind::kSet, single(std::move(inside)));
    return inside;
  }
  const bool round = take_symbol(")");
  if (!round) expect("]");
  if (inside.kind != NodeKind::kList) return inside;
  inside.kind = NodeKind::kTuple;
  inside.text = open + (round ? ")" : "]");
  return inside;
}

Node FactorParser::absolute_value() {
  ++bars_;
  Node inside = sum();
  --bars_;
  expect("|");
  return make_node(NodeKind::kCall, single(std::move(inside)), "abs");
}

std::string FactorParser::environment() {
  expect("{");
  std::string name;
  while (!done() && !at_symbol("}")) name += tokens_[at_++].text;
  expect("}");
  return name;
}

Node FactorParser::matrix() {
  const std::string name = environment();
  if (name == "array")
    environment();
  else if (!name.ends_with("matrix"))
    throw NotAnAnswer{};
  std::vector<Node> rows;
  while (!take_command("end")) {
    std::vector<Node> row;
    while (!at_symbol("\\\\") && !at_command("end")) {
      row.push_back(sum());
      if (!take_symbol("&") && !at_symbol("\\\\") && !at_command("end")) throw NotAnAnswer{};
    }
    if (!row.empty()) rows.push_back(make_node(NodeKind::kTuple, std::move(row), "[]"));
    take_symbol("\\\\");
    if (done()) throw NotAnAnswer{};
  }
  environment();
  return make_node(NodeKind::kMatrix, std::move(rows));
}

}  // namespace qreason::math
