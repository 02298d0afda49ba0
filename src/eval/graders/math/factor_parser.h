// The tighter half of the grammar of answers: factors, numbers, commands, brackets, matrices. The looser half, from
// lists to products, is AnswerParser in expression_parser.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eval/graders/math/expression.h"

namespace qreason::math {

inline constexpr int kMaxDepth = 60;  // of nesting
inline constexpr int kMaxChain = 60;  // of what nests to the left: quotients, powers, factorials

struct NotAnAnswer {};  // thrown inside of the parser alone

inline constexpr const char* kRemainder = "bmod";  // the text of a kMod that may be a number
inline constexpr std::size_t kMaxExpanded = 4000;  // nodes of sums and products that are written out

Node make_node(NodeKind kind, std::vector<Node> children, std::string text = "");
std::vector<Node> single(Node child);
std::vector<Node> pair(Node first, Node second);
Node multiplied(Node left, Node right);
Node number_node(const std::string& digits);
Node number_node(Rational value);
bool is_integer_node(const Node& n);
// What an operator that is not known makes of a value; equal only where operator and value are.
Node operated(std::string_view name, Node argument);
// "\\Gamma", "\\phi": in front of a bracket a function and no factor.
bool is_applied_letter(std::string_view name);
// The sum or product over whole numbers that `name` says ("sum _k=1 ^10"), term by term; nullopt for other bounds, and
// when `expanded` would pass kMaxExpanded.
std::optional<Node> written_out(const std::string& name, const Node& body, std::size_t& expanded);

class FactorParser {
 public:
  explicit FactorParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  virtual ~FactorParser() = default;

 protected:
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
  bool at_kind(TokenKind kind, std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() && tokens_[at_ + ahead].kind == kind;
  }
  bool at_symbol(std::string_view text, std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() && is_symbol_token(tokens_[at_ + ahead], text);
  }
  bool at_command(std::string_view text, std::size_t ahead = 0) const {
    return at_kind(TokenKind::kCommand, ahead) && tokens_[at_ + ahead].text == text;
  }
  bool take_symbol(std::string_view text) { return at_symbol(text) && ++at_; }
  bool take_command(std::string_view text) { return at_command(text) && ++at_; }
  void expect(std::string_view text) {
    if (!take_symbol(text)) throw NotAnAnswer{};
  }

  virtual Node list() = 0;
  virtual Node sum() = 0;
  virtual Node signed_factor() = 0;
  virtual bool at_factor() const = 0;
  Node factor();
  Node exponent();
  Node argument();

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int in_function_ = 0;  // whose argument is read: degrees count there
  int bars_ = 0;         // open |...| in which a bar closes
  int in_set_ = 0;       // the element of a set, before a bar or colon and its conditions

 private:
  Node primary();
  Node combinations();
  Node number(const Token& token);
  Node mixed(Node whole);
  Node based(const Token& token);
  Node word(const Token& token);
  Node symbol(std::string name);
  Node applied(std::string name);
  bool at_tuple() const;
  std::string subscript();
  Node command(const std::string& name);
  Node blackboard(const std::string& name);
  Node operation(std::string name);
  Node operand(std::string_view name);
  Node figure(const std::string& name);
  bool take_order(std::string& name);
  void take_prime(Node& result);
  Node root();
  Node floor_or_ceiling(const std::string& open);
  Node call(std::string name);
  Node large_operator(std::string name);
  bool at_symbol_command() const;
  bool behind_value() const;
  Node bracket(const std::string& open);
  Node braces();
  Node set();
  Node absolute_value();
  std::string environment();
  Node matrix();
  Node cases();
  void simplify_cases();
  void divide_rows();
  bool at_currency() const { return at_kind(TokenKind::kSymbol) && tokens_[at_].text.starts_with(kCurrency); }
  bool take_ordinal();
  void take_postfix(Node& result, bool& more);

  std::size_t expanded_ = 0;  // nodes of sums that were written out
  int single_ = 0;            // an exponent or a base is read: "x^2\frac12" is no x to the 2 1/2
};

}  // namespace qreason::math
