#include <algorithm>
#include <array>
#include <utility>

#include "eval/graders/math/expression.h"

namespace qreason::math {
namespace {

constexpr int kMaxDepth = 60;
constexpr int kMaxChain = 60;
constexpr std::array<std::string_view, 7> kPercentWords = {
    "percent", "pct", "percentage", "Percent", "percents", "percentage points", "per cent"};

struct NotAnAnswer {};

Node node(NodeKind kind, std::vector<Node> children, std::string text = "") {
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

Node number_node(const std::string& digits) {
  Node result{NodeKind::kNumber, digits, Rational::from_decimal(digits), false, 10, {}};
  result.decimal = digits.find('.') != std::string::npos;
  return result;
}

bool is_integer_node(const Node& n) {
  return n.kind == NodeKind::kNumber && n.value && n.value->is_integer() && !n.decimal;
}

bool is_separator_word(const std::string& text) {
  return text == "and" || text == "or" || text == ", and" || text == ",and" || text == "and " || text == ", or";
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {
    while (!tokens_.empty() && (is_symbol_token(tokens_.back(), ".") || is_symbol_token(tokens_.back(), ",")))
      tokens_.pop_back();
  }

  Node run() {
    if (tokens_.empty()) throw NotAnAnswer{};
    if (auto words = only_words()) return *std::move(words);
    Node result = list();
    if (!done()) throw NotAnAnswer{};
    return result;
  }

 private:
  struct Depth {
    explicit Depth(int& depth) : depth_(depth) {
      if (++depth_ > kMaxDepth) {
        --depth_;
        throw NotAnAnswer{};
      }
    }
    ~Depth() { --depth_; }
    int& depth_;
  };

  static bool is_symbol_token(const Token& token, std::string_view text) {
    return token.kind == TokenKind::kSymbol && token.text == text;
  }
  bool done() const { return at_ >= tokens_.size(); }
  bool at_kind(TokenKind kind) const { return !done() && tokens_[at_].kind == kind; }
  bool at_symbol(std::string_view text) const { return !done() && is_symbol_token(tokens_[at_], text); }
  bool at_command(std::string_view text) const { return at_kind(TokenKind::kCommand) && tokens_[at_].text == text; }
  bool take_symbol(std::string_view text) { return at_symbol(text) && ++at_; }
  bool take_command(std::string_view text) { return at_command(text) && ++at_; }
  void expect(std::string_view text) {
    if (!take_symbol(text)) throw NotAnAnswer{};
  }
  bool at_separator() const {
    return at_symbol(",") || at_symbol(";") || (at_kind(TokenKind::kText) && is_separator_word(tokens_[at_].text));
  }

  // Words alone ("ellipse", "a line"): one text.
  std::optional<Node> only_words() const {
    std::string text;
    bool word = false;
    for (const Token& token : tokens_) {
      if (token.kind != TokenKind::kText && token.kind != TokenKind::kLetter) return std::nullopt;
      if (token.kind == TokenKind::kText && is_separator_word(token.text)) return std::nullopt;
      word = word || token.kind == TokenKind::kText;
      if (token.space_before && !text.empty()) text += ' ';
      text += token.text;
    }
    if (!word) return std::nullopt;
    return node(NodeKind::kText, {}, text);
  }

  // item (, item)*; with both ";" and "," present, ";" separates lists.
  Node list() {
    Depth depth(depth_);
    std::vector<std::vector<Node>> groups(1);
    while (true) {
      while (at_separator()) {
        if (at_symbol(";") && !groups.back().empty()) groups.emplace_back();
        ++at_;
      }
      if (done()) break;
      groups.back().push_back(relation());
      if (!at_separator()) break;
    }
    if (groups.back().empty()) groups.pop_back();
    if (groups.empty()) throw NotAnAnswer{};
    if (groups.size() == 1) return grouped(std::move(groups[0]));
    std::vector<Node> outer;
    for (auto& group : groups) outer.push_back(grouped(std::move(group)));
    return node(NodeKind::kList, std::move(outer));
  }

  static Node grouped(std::vector<Node> items) {
    if (items.size() == 1) return std::move(items[0]);
    return node(NodeKind::kList, std::move(items));
  }

  char relation_sign() const {
    if (done()) return 0;
    const Token& token = tokens_[at_];
    if (token.kind == TokenKind::kSymbol) {
      if (token.text == "=" || token.text == "<" || token.text == ">") return token.text[0];
      if (token.text == "<=") return 'l';
      if (token.text == ">=") return 'g';
      if (token.text == "!=") return 'n';
    }
    if (token.kind == TokenKind::kCommand) {
      if (token.text == "approx" || token.text == "simeq" || token.text == "doteq") return 'a';
      if (token.text == "equiv") return '=';
      if (token.text == "in") return 'e';
    }
    return 0;
  }

  Node relation() {
    std::vector<Node> sides;
    std::string signs;
    if (relation_sign() == 'a' || relation_sign() == '=') ++at_;  // "= 5"
    sides.push_back(ratio());
    while (const char sign = relation_sign()) {
      ++at_;
      signs += sign;
      sides.push_back(ratio());
    }
    if (signs.empty()) return std::move(sides[0]);
    return node(NodeKind::kRelation, std::move(sides), signs);
  }

  Node ratio() {
    Node left = union_of();
    if (!take_symbol(":")) return left;
    Node right = union_of();
    return node(NodeKind::kRatio, pair(std::move(left), std::move(right)));
  }

  Node union_of() {
    std::vector<Node> parts;
    parts.push_back(sum());
    while (take_command("cup")) parts.push_back(sum());
    if (parts.size() == 1) return std::move(parts[0]);
    return node(NodeKind::kUnion, std::move(parts));
  }

  Node sum() {
    Depth depth(depth_);
    std::vector<Node> terms;
    do {
      int minus = 0;
      int plus_minus = 0;
      while (true) {
        if (take_symbol("+")) continue;
        if (take_symbol("-"))
          ++minus;
        else if (take_command("pm") || take_command("mp"))
          ++plus_minus;
        else
          break;
      }
      Node term = product();
      if (minus % 2 == 1) term = node(NodeKind::kNegation, single(std::move(term)));
      if (plus_minus > 0) term = node(NodeKind::kPlusMinus, single(std::move(term)));
      terms.push_back(std::move(term));
    } while (at_symbol("+") || at_symbol("-") || at_command("pm") || at_command("mp"));
    if (terms.size() == 1) return std::move(terms[0]);
    return node(NodeKind::kSum, std::move(terms));
  }

  static std::vector<Node> single(Node child) {
    std::vector<Node> children;
    children.push_back(std::move(child));
    return children;
  }

  bool at_factor() const {
    if (done()) return false;
    const Token& token = tokens_[at_];
    switch (token.kind) {
      case TokenKind::kNumber:
      case TokenKind::kLetter:
        return true;
      case TokenKind::kText:
        return false;
      case TokenKind::kCommand:
        return relation_sign() == 0 && token.text != "cup" && token.text != "pm" && token.text != "mp" &&
               token.text != "end" && token.text != "times" && token.text != "cdot" && token.text != "div";
      case TokenKind::kSymbol:
        return token.text == "(" || token.text == "[" || token.text == "{" || token.text == "\\{" ||
               (token.text == "|" && bars_ == 0);
    }
    return false;
  }

  Node product() {
    skip_leading_words();
    Node result = signed_factor();
    int chain = 0;  // quotients nest to the left: bounded like every other nesting
    while (!done()) {
      if (++chain > kMaxChain && result.kind != NodeKind::kProduct) throw NotAnAnswer{};
      if (at_kind(TokenKind::kText)) {
        if (!take_unit(result)) break;
      } else if (take_command("times") || take_command("cdot") || take_symbol("*")) {
        result = multiplied(std::move(result), signed_factor());
      } else if (at_symbol("/") && next_is_word()) {
        at_ += 1;
      } else if (take_symbol("/") || take_command("div")) {
        result = node(NodeKind::kQuotient, pair(std::move(result), signed_factor()));
      } else if (at_factor()) {
        result = juxtaposed(std::move(result));
      } else {
        break;
      }
    }
    return result;
  }

  bool next_is_word() const { return at_ + 1 < tokens_.size() && tokens_[at_ + 1].kind == TokenKind::kText; }

  void skip_leading_words() {
    std::size_t ahead = at_;
    while (ahead < tokens_.size() && tokens_[ahead].kind == TokenKind::kText && !is_separator_word(tokens_[ahead].text))
      ++ahead;
    if (ahead == at_) return;
    const bool value_follows = ahead < tokens_.size() && !is_symbol_token(tokens_[ahead], ",") &&
                               !is_symbol_token(tokens_[ahead], ")") && !is_symbol_token(tokens_[ahead], "}") &&
                               tokens_[ahead].text != "=" && tokens_[ahead].text != "\\}" && tokens_[ahead].text != "]";
    if (value_follows) at_ = ahead;
  }

  // A word after a value is a unit and says nothing, except percent. False: a separator, not a unit.
  bool take_unit(Node& result) {
    const std::string& word = tokens_[at_].text;
    if (is_separator_word(word)) return false;
    ++at_;
    if (std::find(kPercentWords.begin(), kPercentWords.end(), word) != kPercentWords.end()) {
      result = node(NodeKind::kPercent, single(std::move(result)));
      return true;
    }
    if (take_symbol("^")) exponent();
    return true;
  }

  static Node multiplied(Node left, Node right) {
    if (left.kind == NodeKind::kProduct) {
      left.children.push_back(std::move(right));
      return left;
    }
    return node(NodeKind::kProduct, pair(std::move(left), std::move(right)));
  }

  // "2x", "1\frac{3}{4}", "1 3/4".
  Node juxtaposed(Node left) {
    const bool after_integer = is_integer_node(left);
    const bool number_next = at_kind(TokenKind::kNumber);
    if (number_next && !after_integer) throw NotAnAnswer{};
    Node right = factor();
    if (after_integer && number_next) {
      if (!is_integer_node(right) || !take_symbol("/")) throw NotAnAnswer{};
      right = node(NodeKind::kQuotient, pair(std::move(right), factor()));
    }
    const bool fraction =
        right.kind == NodeKind::kQuotient && is_integer_node(right.children[0]) && is_integer_node(right.children[1]);
    if (after_integer && fraction) return node(NodeKind::kSum, pair(std::move(left), std::move(right)));
    return multiplied(std::move(left), std::move(right));
  }

  Node signed_factor() {
    bool negative = false;
    while (true) {
      if (take_symbol("-"))
        negative = !negative;
      else if (!take_symbol("+"))
        break;
    }
    skip_leading_words();
    Node result = factor();
    return negative ? node(NodeKind::kNegation, single(std::move(result))) : std::move(result);
  }

  Node factor() {
    Depth depth(depth_);
    Node result = primary();
    for (int chain = 0; chain < kMaxChain; ++chain) {
      if (take_symbol("^"))
        result = node(NodeKind::kPower, pair(std::move(result), exponent()));
      else if (take_symbol("!"))
        result = node(NodeKind::kFactorial, single(std::move(result)));
      else if (take_symbol("%"))
        result = node(NodeKind::kPercent, single(std::move(result)));
      else if (take_symbol("'"))
        result.text += "'";
      else
        return result;
    }
    throw NotAnAnswer{};
  }

  Node exponent() {
    Depth depth(depth_);
    if (take_symbol("-")) return node(NodeKind::kNegation, single(exponent()));
    return primary();
  }

  // The argument of \frac or \sqrt: a group, one digit of a number, or one letter or command.
  Node argument() {
    Depth depth(depth_);
    if (!at_kind(TokenKind::kNumber) || tokens_[at_].text.size() == 1) return primary();
    Token& token = tokens_[at_];
    const std::string digit = token.text.substr(0, 1);
    token.text.erase(0, 1);
    token.space_before = false;
    return number_node(digit);
  }

  Node primary() {
    Depth depth(depth_);
    if (done()) throw NotAnAnswer{};
    const Token token = tokens_[at_++];
    switch (token.kind) {
      case TokenKind::kNumber:
        return number(token);
      case TokenKind::kLetter:
        return symbol(token.text);
      case TokenKind::kText:
        return node(NodeKind::kText, {}, token.text);
      case TokenKind::kCommand:
        return command(token.text);
      case TokenKind::kSymbol:
        return bracket(token.text);
    }
    throw NotAnAnswer{};
  }

  Node number(const Token& token) {
    if (!take_symbol("_")) return number_node(token.text);
    const Node base = argument_or_number();
    const auto value = base.value ? base.value->to_int64() : std::nullopt;
    if (!value) throw NotAnAnswer{};
    Node result = node(NodeKind::kBased, {}, token.text);
    result.base = *value;
    result.value = Rational::from_base(token.text, *value);
    return result;
  }

  Node argument_or_number() { return at_kind(TokenKind::kNumber) ? number_node(tokens_[at_++].text) : primary(); }

  Node symbol(std::string name) {
    if (name == "i" || name == "e") {
      if (!at_symbol("_")) return node(NodeKind::kConstant, {}, name);
    }
    if (take_symbol("_")) name += "_" + subscript();
    return node(NodeKind::kSymbol, {}, std::move(name));
  }

  std::string subscript() {
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

  Node command(const std::string& name) {
    if (name == "frac") {
      Node numerator = argument();
      return node(NodeKind::kQuotient, pair(std::move(numerator), argument()));
    }
    if (name == "binom" || name == "dbinom" || name == "tbinom") {
      Node n = argument();
      return node(NodeKind::kCall, pair(std::move(n), argument()), "binom");
    }
    if (name == "sqrt") return root();
    if (name == "begin") return matrix();
    if (name == "infty") return node(NodeKind::kSymbol, {}, "infty");
    if (name == "pi") return node(NodeKind::kConstant, {}, "pi");
    if (name == "emptyset" || name == "varnothing") return node(NodeKind::kSet, {});
    if (name == "boxed") return primary();
    if (name == "lfloor" || name == "lceil") return floor_or_ceiling(name);
    if (is_function_name(name)) return call(name);
    return symbol(name);
  }

  Node root() {
    Depth depth(depth_);
    if (!take_symbol("[")) {
      return node(NodeKind::kCall, single(argument()), "sqrt");
    }
    Node index = sum();
    expect("]");
    Node inverse = node(NodeKind::kQuotient, pair(number_node("1"), std::move(index)));
    return node(NodeKind::kPower, pair(argument(), std::move(inverse)));
  }

  Node floor_or_ceiling(const std::string& open) {
    Node inside = sum();
    if (!take_command(open == "lfloor" ? "rfloor" : "rceil")) throw NotAnAnswer{};
    return node(NodeKind::kCall, single(std::move(inside)), open == "lfloor" ? "floor" : "ceil");
  }

  // sin x, sin(x), sin^2 x, log_2 8.
  Node call(const std::string& name) {
    std::optional<Node> base;
    std::optional<Node> power;
    if (take_symbol("_")) base = argument();
    if (take_symbol("^")) power = exponent();
    Node result = node(NodeKind::kCall, {}, name);
    if (at_symbol("(") || at_symbol("[") || at_symbol("{")) {
      Node inside = factor();
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
    return node(NodeKind::kPower, pair(std::move(result), *std::move(power)));
  }

  Node bracket(const std::string& open) {
    if (open == "|") return absolute_value();
    if (open != "(" && open != "[" && open != "{" && open != "\\{") throw NotAnAnswer{};
    const int outer_bars = std::exchange(bars_, 0);
    if (open == "\\{" && take_symbol("\\}")) {
      bars_ = outer_bars;
      return node(NodeKind::kSet, {});
    }
    Node inside = list();
    bars_ = outer_bars;
    if (open == "{" || open == "\\{") {
      expect(open == "{" ? "}" : "\\}");
      if (inside.kind == NodeKind::kList)
        inside.kind = NodeKind::kSet;
      else if (open == "\\{")
        return node(NodeKind::kSet, single(std::move(inside)));
      return inside;
    }
    const bool round = take_symbol(")");
    if (!round) expect("]");
    if (inside.kind != NodeKind::kList) return inside;
    inside.kind = NodeKind::kTuple;
    inside.text = open + (round ? ")" : "]");
    return inside;
  }

  Node absolute_value() {
    ++bars_;
    Node inside = sum();
    --bars_;
    expect("|");
    return node(NodeKind::kCall, single(std::move(inside)), "abs");
  }

  std::string environment() {
    expect("{");
    std::string name;
    while (!done() && !at_symbol("}")) name += tokens_[at_++].text;
    expect("}");
    return name;
  }

  Node matrix() {
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
      if (!row.empty()) rows.push_back(node(NodeKind::kTuple, std::move(row), "[]"));
      take_symbol("\\\\");
      if (done()) throw NotAnAnswer{};
    }
    environment();
    return node(NodeKind::kMatrix, std::move(rows));
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int bars_ = 0;  // open |...| in which a bar closes
};

}  // namespace

std::optional<Node> parse_answer(std::string_view text, CommaReading commas) {
  auto tokens = tokenize_answer(text, commas);
  if (!tokens) return std::nullopt;
  try {
    return Parser(*std::move(tokens)).run();
  } catch (const NotAnAnswer&) {
    return std::nullopt;
  }
}

}  // namespace qreason::math
