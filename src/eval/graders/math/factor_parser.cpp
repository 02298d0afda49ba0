#include "eval/graders/math/factor_parser.h"

#include <algorithm>
#include <array>

#include "eval/graders/math/known_functions.h"
#include "eval/graders/math/matrices.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

constexpr std::int64_t kMaxScientific = 5000;  // of "1e5000"

// "0.1(6)": what has been read before the period, and the period as ninths of its last place.
std::optional<Rational> repeating_value(const std::string& digits, std::size_t open) {
  const std::string before = digits.substr(0, open);
  const std::string period = digits.substr(open + 1, digits.size() - open - 2);
  const std::size_t places = before.size() - before.find('.') - 1;
  const std::string start_digits = before.back() == '.' ? before.substr(0, before.size() - 1) : before;
  const auto start = Rational::from_decimal(start_digits.empty() ? "0" : start_digits);
  const auto share = Rational::from_decimal(period);
  const auto nines = Rational::from_decimal(std::string(period.size(), '9') + std::string(places, '0'));
  const auto part = share && nines ? share->over(*nines) : std::nullopt;
  return start && part ? start->plus(*part) : std::nullopt;
}

std::optional<Rational> scientific_value(const std::string& digits, std::size_t mark) {
  const auto mantissa = Rational::from_decimal(digits.substr(0, mark));
  const std::string exponent = digits.substr(mark + 1);
  const bool negative = exponent[0] == '-';
  const auto size = Rational::from_decimal(negative ? exponent.substr(1) : exponent);
  const auto whole = size ? size->to_int64() : std::nullopt;
  if (!mantissa || !whole || *whole > kMaxScientific) return std::nullopt;
  const auto scale = Rational(10).to_power(negative ? -*whole : *whole);
  return scale ? mantissa->times(*scale) : std::nullopt;
}

bool is_transpose(const Node& power) {
  return power.kind == NodeKind::kSymbol && (power.text == "T" || power.text == "\\top" || power.text == "\\intercal");
}

// "(AB)^T" is no product of powers.
bool is_product_transposed(const Node& base, const Node& power) {
  const auto is_capital = [](const Node& n) {
    return n.kind == NodeKind::kSymbol && !n.text.empty() && n.text[0] >= 'A' && n.text[0] <= 'Z';
  };
  return base.kind == NodeKind::kProduct && std::all_of(base.children.begin(), base.children.end(), is_capital) &&
         is_transpose(power);
}

Node in_radians(Node degrees) {
  Node half_turn = make_node(NodeKind::kQuotient, pair(make_node(NodeKind::kConstant, {}, "pi"), number_node("180")));
  return multiplied(std::move(degrees), std::move(half_turn));
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
  if (left.kind == NodeKind::kProduct && left.text.empty()) {
    left.children.push_back(std::move(right));
    return left;
  }
  return make_node(NodeKind::kProduct, pair(std::move(left), std::move(right)));
}

Node number_node(const std::string& digits) {
  if (const std::size_t open = digits.find('('); open != std::string::npos)
    return Node{NodeKind::kNumber, digits, repeating_value(digits, open), false, 10, {}};
  if (const std::size_t mark = digits.find('e'); mark != std::string::npos)
    return Node{NodeKind::kNumber, digits, scientific_value(digits, mark), true, 10, {}};
  Node result{NodeKind::kNumber, digits, Rational::from_decimal(digits), false, 10, {}};
  result.decimal = digits.find('.') != std::string::npos;
  return result;
}

Node number_node(Rational value) {
  Node result{
      NodeKind::kNumber, value.numerator().str() + "/" + value.denominator().str(), std::nullopt, false, 10, {}};
  if (value.is_integer()) result.text = value.numerator().str();
  result.value = std::move(value);
  return result;
}

bool is_integer_node(const Node& n) {
  return n.kind == NodeKind::kNumber && n.value && n.value->is_integer() && !n.decimal;
}

Node FactorParser::factor() {
  Depth depth(depth_);
  if (at_currency()) {
    const std::string name = tokens_[at_++].text.substr(kCurrency.size());
    Node result = make_node(NodeKind::kMeasure, {}, name + "^1");
    result.value = Rational(1);
    take_symbol("-") ? result.children = single(make_node(NodeKind::kNegation, single(factor())))
                     : result.children = single(factor());
    return result;
  }
  Node result = primary();
  bool more = true;
  for (int chain = 0; more; ++chain) {
    if (chain > kMaxChain) throw NotAnAnswer{};
    take_postfix(result, more);
  }
  return result;
}

void FactorParser::take_postfix(Node& result, bool& more) {
  if (at_symbol("^") && take_ordinal()) return;
  if (take_symbol("^")) {
    Node power = exponent();
    const bool name = result.kind == NodeKind::kSymbol && result.text.find('_') == std::string::npos;
    if (name && take_symbol("_")) result.text += "_" + subscript();  // "x^2_1"
    if (is_transpose(power) && result.kind == NodeKind::kTuple) {    // a vector is written in a row or a column
      result.text = "()";
      return;
    }
    if (is_transpose(power) && result.kind == NodeKind::kMatrix) {
      result = transposed(result);
      return;
    }
    result = is_product_transposed(result, power)
                 ? operated("transpose", std::move(result))
                 : make_node(NodeKind::kPower, pair(std::move(result), std::move(power)));
  } else if (at_symbol("!") && at_symbol("!", 1)) {
    at_ += 2;
    result = make_node(NodeKind::kCall, single(std::move(result)), "doublefactorial");
  } else if (take_symbol("!")) {
    result = make_node(NodeKind::kFactorial, single(std::move(result)));
  } else if (take_symbol("%")) {
    result = make_node(NodeKind::kPercent, single(std::move(result)));
  } else if (at_symbol("'") && result.kind == NodeKind::kNumber) {
    const Unit unit = *unit_of_word(at_symbol("'", 1) ? "inches" : "feet");  // 5'' and 5'
    at_ += at_symbol("'", 1) ? 2 : 1;
    result = make_node(NodeKind::kMeasure, single(std::move(result)), unit.dimensions + kPrime);
    result.value = unit.scale;
  } else if (take_symbol("'")) {
    take_prime(result);
  } else if (take_symbol(kDegree)) {
    if (in_function_ > 0) {
      result = in_radians(std::move(result));
      return;
    }
    result = make_node(NodeKind::kMeasure, single(std::move(result)), "degree^1");
    result.value = Rational(1);
    if (at_kind(TokenKind::kText)) {
      const auto unit = unit_of_word(tokens_[at_].text);
      if (unit && (unit->dimensions == "celsius^1" || unit->dimensions == "fahrenheit^1")) {
        result.text = unit->dimensions;
        ++at_;
      }
    }
  } else if (at_currency() && (at_ + 1 == tokens_.size() || tokens_[at_ + 1].kind == TokenKind::kSymbol ||
                               tokens_[at_ + 1].kind == TokenKind::kText)) {
    const std::string name = tokens_[at_++].text.substr(kCurrency.size());  // "5\$"
    result = make_node(NodeKind::kMeasure, single(std::move(result)), name + "^1");
    result.value = Rational(1);
  } else {
    more = false;
  }
}

// "5^{\text{th}}", "5^{th}": says nothing.
bool FactorParser::take_ordinal() {
  const auto is_ending = [](std::string_view t) { return t == "th" || t == "st" || t == "nd" || t == "rd"; };
  std::size_t at = at_ + 1;
  const bool group = at < tokens_.size() && is_symbol_token(tokens_[at], "{");
  if (group) ++at;
  std::string letters;
  while (at < tokens_.size() && letters.size() < 2 &&
         (tokens_[at].kind == TokenKind::kText || tokens_[at].kind == TokenKind::kLetter))
    letters += tokens_[at++].text;
  if (!is_ending(letters)) return false;
  if (group) {
    if (at >= tokens_.size() || !is_symbol_token(tokens_[at], "}")) return false;
    ++at;
  }
  at_ = at;
  return true;
}

Node FactorParser::exponent() {
  Depth depth(depth_);
  const Depth one(single_);
  if (take_symbol("-")) return make_node(NodeKind::kNegation, single(exponent()));
  take_symbol("+");
  return primary();
}

// The argument of \frac or \sqrt: a group, one digit of a number, or one letter or command.
Node FactorParser::argument() {
  Depth depth(depth_);
  const Depth one(single_);
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
    case TokenKind::kBased:
      return based(token);
    case TokenKind::kLetter:
      return symbol(token.text);
    case TokenKind::kText:
      return word(token);
    case TokenKind::kCommand:
      return command(token.text);
    case TokenKind::kSymbol:
      if (token.text == "{" && at_symbol("}") && (at_symbol("^", 1) || at_symbol("_", 1))) {
        at_ += 2;
        return combinations();
      }
      return token.text == "^" || token.text == "_" ? combinations() : bracket(token.text);
  }
  throw NotAnAnswer{};
}

// "^{10}C_3", "{}_{10}C_{3}", "{}_{10}P_3": behind the sign that raises or lowers what stands before no base.
Node FactorParser::combinations() {
  if (!at_symbol("{")) throw NotAnAnswer{};
  Node all = primary();
  const bool arranged = at_kind(TokenKind::kLetter) && tokens_[at_].text == "P";
  if (!at_kind(TokenKind::kLetter) || !(arranged || tokens_[at_].text == "C") || !at_symbol("_", 1))
    throw NotAnAnswer{};
  at_ += 2;
  Node chosen = argument();
  return arranged ? arrangements(all, chosen)
                  : make_node(NodeKind::kCall, pair(std::move(all), std::move(chosen)), "binom");
}

Node FactorParser::number(const Token& token) {
  Node result = number_node(token.text);
  return single_ == 0 && is_integer_node(result) ? mixed(std::move(result)) : std::move(result);
}

// "1\frac{3}{4}" and "1 3/4"; "2\frac{x}{3}" and "2(\frac13)" are products.
Node FactorParser::mixed(Node whole) {
  const std::size_t before = at_;
  const auto sum_with = [&](Node fraction) {
    return make_node(NodeKind::kSum, pair(std::move(whole), std::move(fraction)));
  };
  if (take_command("frac")) {
    const std::vector<Token> saved(tokens_.begin() + static_cast<std::ptrdiff_t>(before),
                                   tokens_.begin() + static_cast<std::ptrdiff_t>(std::min(before + 4, tokens_.size())));
    Node top = argument();
    Node bottom = argument();
    if (is_integer_node(top) && is_integer_node(bottom))
      return sum_with(make_node(NodeKind::kQuotient, pair(std::move(top), std::move(bottom))));
    std::copy(saved.begin(), saved.end(), tokens_.begin() + static_cast<std::ptrdiff_t>(before));
    at_ = before;
    return whole;
  }
  const auto plain = [&](std::size_t ahead) {
    return at_kind(TokenKind::kNumber, ahead) &&
           std::all_of(tokens_[at_ + ahead].text.begin(), tokens_[at_ + ahead].text.end(), is_digit);
  };
  if (!plain(0) || !tokens_[at_].space_before || !at_symbol("/", 1) || !plain(2)) return whole;
  Node top = number_node(tokens_[at_].text);
  Node bottom = number_node(tokens_[at_ + 2].text);
  at_ += 3;
  return sum_with(make_node(NodeKind::kQuotient, pair(std::move(top), std::move(bottom))));
}

// "204_5", "2A_{16}", "1011_{\text{two}}"; letters with a subscript that is no base for them are variables.
Node FactorParser::based(const Token& token) {
  expect("_");
  const std::size_t before = at_;
  const bool group = take_symbol("{");
  take_symbol("(");
  std::optional<Rational> base;
  if (at_kind(TokenKind::kNumber))
    base = Rational::from_decimal(tokens_[at_++].text);
  else if (at_kind(TokenKind::kText))
    base = number_in_words(tokens_[at_++].text);
  take_symbol(")");
  const auto value = base && (!group || take_symbol("}")) ? base->to_int64() : std::nullopt;
  if (value && *value >= 2 && *value <= 36) {
    Node result = make_node(NodeKind::kBased, {}, token.text);
    result.base = *value;
    result.value = Rational::from_base(token.text, *value);
    if (result.value) return result;
  }
  if (std::any_of(token.text.begin(), token.text.end(), is_digit)) throw NotAnAnswer{};
  at_ = before - 1;
  Node result = symbol(token.text.substr(0, 1));
  for (std::size_t i = 1; i < token.text.size(); ++i)
    result = multiplied(std::move(result), symbol(token.text.substr(i, 1)));
  return result;
}

}  // namespace qreason::math
