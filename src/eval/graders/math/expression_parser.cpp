#include "eval/graders/math/expression.h"

#include <algorithm>
#include <array>
#include <utility>

#include "eval/graders/math/factor_parser.h"

namespace qreason::math {
namespace {

constexpr std::array<std::string_view, 7> kPercentWords = {
    "percent", "pct", "percentage", "Percent", "percents", "percentage points", "per cent"};

// After a number they multiply it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kNumberWords = {{{"hundred", "100"},
                                                                                        {"thousand", "1000"},
                                                                                        {"million", "1000000"},
                                                                                        {"billion", "1000000000"},
                                                                                        {"trillion", "1000000000000"},
                                                                                        {"dozen", "12"}}};

Node number_of(const std::string& digits) {
  Node number = make_node(NodeKind::kNumber, {}, digits);
  number.value = Rational::from_decimal(digits);
  return number;
}

bool is_separator_word(const std::string& text) {
  return text == "and" || text == "or" || text == ", and" || text == ",and" || text == "and " || text == ", or";
}

class AnswerParser final : public FactorParser {
 public:
  explicit AnswerParser(std::vector<Token> tokens) : FactorParser(std::move(tokens)) {
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
    return make_node(NodeKind::kText, {}, text);
  }

  // item (, item)*; with both ";" and "," present, ";" separates lists.
  Node list() override {
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
    return make_node(NodeKind::kList, std::move(outer));
  }

  static Node grouped(std::vector<Node> items) {
    if (items.size() == 1) return std::move(items[0]);
    return make_node(NodeKind::kList, std::move(items));
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
    return make_node(NodeKind::kRelation, std::move(sides), signs);
  }

  Node ratio() {
    Node left = union_of();
    if (!take_symbol(":")) return left;
    Node right = union_of();
    return make_node(NodeKind::kRatio, pair(std::move(left), std::move(right)));
  }

  Node union_of() {
    std::vector<Node> parts;
    parts.push_back(sum());
    while (take_command("cup")) parts.push_back(sum());
    if (parts.size() == 1) return std::move(parts[0]);
    return make_node(NodeKind::kUnion, std::move(parts));
  }

  Node sum() override {
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
      if (minus % 2 == 1) term = make_node(NodeKind::kNegation, single(std::move(term)));
      if (plus_minus > 0) term = make_node(NodeKind::kPlusMinus, single(std::move(term)));
      terms.push_back(std::move(term));
    } while (at_symbol("+") || at_symbol("-") || at_command("pm") || at_command("mp"));
    if (terms.size() == 1) return std::move(terms[0]);
    return make_node(NodeKind::kSum, std::move(terms));
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
               token.text != "end" && token.text != "rfloor" && token.text != "rceil" && token.text != "times" &&
               token.text != "cdot" && token.text != "div";
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
        result = make_node(NodeKind::kQuotient, pair(std::move(result), signed_factor()));
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
    const std::string_view first = std::string_view(word).substr(0, word.find(' '));
    for (const auto& [name, digits] : kNumberWords)
      if (first == name) {
        result = multiplied(std::move(result), number_of(std::string(digits)));
        return true;
      }
    if (std::find(kPercentWords.begin(), kPercentWords.end(), word) != kPercentWords.end()) {
      result = make_node(NodeKind::kPercent, single(std::move(result)));
      return true;
    }
    if (take_symbol("^")) exponent();
    return true;
  }

  // "2x", "1\frac{3}{4}", "1 3/4".
  Node juxtaposed(Node left) {
    const bool after_integer = is_integer_node(left);
    const bool number_next = at_kind(TokenKind::kNumber);
    if (number_next && !after_integer) throw NotAnAnswer{};
    const bool bracketed = at_symbol("(") || at_symbol("[");  // "2(\frac12)" is a product, "2\frac12" a mixed number
    Node right = factor();
    if (after_integer && number_next) {
      if (!is_integer_node(right) || !take_symbol("/")) throw NotAnAnswer{};
      right = make_node(NodeKind::kQuotient, pair(std::move(right), factor()));
    }
    const bool fraction =
        right.kind == NodeKind::kQuotient && is_integer_node(right.children[0]) && is_integer_node(right.children[1]);
    if (after_integer && fraction && !bracketed)
      return make_node(NodeKind::kSum, pair(std::move(left), std::move(right)));
    return multiplied(std::move(left), std::move(right));
  }

  Node signed_factor() override {
    bool negative = false;
    while (true) {
      if (take_symbol("-"))
        negative = !negative;
      else if (!take_symbol("+"))
        break;
    }
    skip_leading_words();
    Node result = factor();
    return negative ? make_node(NodeKind::kNegation, single(std::move(result))) : std::move(result);
  }
};

}  // namespace

std::optional<Node> parse_answer(std::string_view text, CommaReading commas) {
  auto tokens = tokenize_answer(text, commas);
  if (!tokens) return std::nullopt;
  try {
    return AnswerParser(*std::move(tokens)).run();
  } catch (const NotAnAnswer&) {
    return std::nullopt;
  }
}

}  // namespace qreason::math
