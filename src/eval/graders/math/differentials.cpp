#include "eval/graders/math/differentials.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "eval/graders/math/expression.h"

namespace qreason::math {
namespace {

using Tokens = std::vector<Token>;

bool is_symbol(const Tokens& tokens, std::size_t at, std::string_view text) {
  return at < tokens.size() && tokens[at].kind == TokenKind::kSymbol && tokens[at].text == text;
}

bool is_command(const Tokens& tokens, std::size_t at, std::string_view text) {
  return at < tokens.size() && tokens[at].kind == TokenKind::kCommand && tokens[at].text == text;
}

bool is_letter_token(const Tokens& tokens, std::size_t at) {
  return at < tokens.size() && tokens[at].kind == TokenKind::kLetter;
}

// The index behind the group that opens at `open`; nullopt: none opens there, or it does not close.
std::optional<std::size_t> behind_group(const Tokens& tokens, std::size_t open) {
  if (!is_symbol(tokens, open, "{")) return std::nullopt;
  int depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    if (is_symbol(tokens, i, "{")) ++depth;
    if (is_symbol(tokens, i, "}") && --depth == 0) return i + 1;
  }
  return std::nullopt;
}

// What differentiates: the letter d, or a curly one.
std::string differential_sign(const Tokens& tokens, std::size_t at) {
  if (is_letter_token(tokens, at) && tokens[at].text == "d") return "d";
  return is_command(tokens, at, "partial") ? "partial" : "";
}

bool names_variable(const Tokens& tokens, std::size_t at) {
  static constexpr std::array<std::string_view, 12> kGreek = {"theta", "phi",   "alpha", "beta", "gamma", "lambda",
                                                              "tau",   "sigma", "omega", "mu",   "rho",   "xi"};
  if (at >= tokens.size()) return false;
  return tokens[at].kind == TokenKind::kLetter ||
         (tokens[at].kind == TokenKind::kCommand &&
          std::find(kGreek.begin(), kGreek.end(), tokens[at].text) != kGreek.end());
}

class Rewriter {
 public:
  explicit Rewriter(Tokens tokens) : tokens_(std::move(tokens)) {
    integral_ = std::any_of(tokens_.begin(), tokens_.end(), [](const Token& token) {
      return token.kind == TokenKind::kCommand && (token.text == "int" || token.text == "iint" || token.text == "oint");
    });
  }

  Tokens run() {
    while (at_ < tokens_.size())
      if (!prime() && !derivative() && !slanted_derivative() && !changes() && !differential())
        done_.push_back(std::move(tokens_[at_++]));
    return std::move(done_);
  }

 private:
  // "f^{\prime\prime}", "f^\prime"
  bool prime() {
    if (!is_symbol(tokens_, at_, "^")) return false;
    const bool group = is_symbol(tokens_, at_ + 1, "{");
    std::size_t end = at_ + (group ? 2 : 1);
    const std::size_t first = end;
    while (is_symbol(tokens_, end, "'")) ++end;
    if (end == first || (group && !is_symbol(tokens_, end, "}"))) return false;
    for (std::size_t i = first; i < end; ++i) done_.push_back(tokens_[i]);
    at_ = end + (group ? 1 : 0);
    return true;
  }

  // The sign and the order of "d^2", and the index behind them.
  struct Order {
    std::string text;
    std::size_t end;
  };
  std::optional<Order> order_at(std::size_t at, std::string_view sign) const {
    if (differential_sign(tokens_, at) != sign || sign.empty()) return std::nullopt;
    Order order{std::string(sign), at + 1};
    if (!is_symbol(tokens_, order.end, "^")) return order;
    const auto group = behind_group(tokens_, order.end + 1);
    const std::size_t end = group.value_or(order.end + 2);
    if (end > tokens_.size()) return std::nullopt;
    order.text += "^";
    for (std::size_t i = order.end + 1; i < end; ++i)
      if (!is_symbol(tokens_, i, "{") && !is_symbol(tokens_, i, "}")) order.text += tokens_[i].text;
    order.end = end;
    return order;
  }

  bool derivative() {
    if (!is_command(tokens_, at_, "frac")) return false;
    const auto above = behind_group(tokens_, at_ + 1);
    const auto below = above ? behind_group(tokens_, *above) : std::nullopt;
    if (!below) return derivative_of_one_letter();
    const std::string sign = differential_sign(tokens_, at_ + 2);
    const auto order = order_at(at_ + 2, sign);
    if (!order || differential_sign(tokens_, *above + 1) != sign || !names_variable(tokens_, *above + 2)) return false;
    const bool alone = order->end + 1 == *above;
    const bool applied = names_variable(tokens_, order->end) || is_symbol(tokens_, order->end, "(") ||
                         (order->end < tokens_.size() && tokens_[order->end].kind == TokenKind::kCommand);
    if (!alone && !applied) return false;
    std::string name = order->text + "/";
    for (std::size_t i = *above + 1; i + 1 < *below; ++i) name += tokens_[i].text;
    push_operator(name);
    if (!alone) copy_group(order->end, *above - 1);
    at_ = *below;
    return true;
  }

  // "\frac d{dx}"
  bool derivative_of_one_letter() {
    const std::string sign = differential_sign(tokens_, at_ + 1);
    const auto below = behind_group(tokens_, at_ + 2);
    if (sign.empty() || !below || differential_sign(tokens_, at_ + 3) != sign || !names_variable(tokens_, at_ + 4))
      return false;
    std::string name = sign + "/";
    for (std::size_t i = at_ + 3; i + 1 < *below; ++i) name += tokens_[i].text;
    push_operator(name);
    at_ = *below;
    return true;
  }

  // "dy/dx", "d^2y/dx^2"
  bool slanted_derivative() {
    if (!done_.empty() && done_.back().kind == TokenKind::kLetter && !tokens_[at_].space_before) return false;
    const std::string sign = differential_sign(tokens_, at_);
    const auto order = order_at(at_, sign);
    if (!order || !names_variable(tokens_, order->end) || !is_symbol(tokens_, order->end + 1, "/")) return false;
    const std::size_t below = order->end + 2;
    if (differential_sign(tokens_, below) != sign || !names_variable(tokens_, below + 1)) return false;
    std::string name = order->text + "/" + sign + tokens_[below + 1].text;
    const std::size_t variable = order->end;
    std::size_t end = below + 2;
    if (is_symbol(tokens_, end, "^")) {
      const auto group = behind_group(tokens_, end + 1);
      const std::size_t behind = std::min(group.value_or(end + 2), tokens_.size());
      name += "^";
      for (std::size_t i = end + 1; i < behind; ++i)
        if (!is_symbol(tokens_, i, "{") && !is_symbol(tokens_, i, "}")) name += tokens_[i].text;
      end = behind;
    }
    push_operator(name);
    copy_group(variable, variable + 1);
    at_ = end;
    return true;
  }

  // "\frac{\delta y}{\delta x}": two small changes, where delta is a number elsewhere.
  bool changes() {
    if (!is_command(tokens_, at_, "frac")) return false;
    const auto above = behind_group(tokens_, at_ + 1);
    if (!above || !is_command(tokens_, at_ + 2, "delta") || !is_letter_token(tokens_, at_ + 3) ||
        !is_symbol(tokens_, *above, "{") || !is_command(tokens_, *above + 1, "delta") ||
        !is_letter_token(tokens_, *above + 2))
      return false;
    for (const std::size_t letter : {at_ + 3, *above + 2}) tokens_[letter].text = "delta " + tokens_[letter].text;
    const auto first = tokens_.begin();
    tokens_.erase(first + static_cast<std::ptrdiff_t>(*above + 1));
    tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(at_ + 2));
    done_.push_back(tokens_[at_++]);
    return true;
  }

  // "\int x\,dy", "y\,dx": one letter. Elsewhere d is a factor.
  bool differential() {
    if (differential_sign(tokens_, at_) != "d" || !names_variable(tokens_, at_ + 1)) return false;
    const Token& variable = tokens_[at_ + 1];
    if (!integral_) {
      static constexpr std::string_view kVariables = "xyztuvwrs";
      const bool usual = variable.kind == TokenKind::kCommand ||
                         (variable.text.size() == 1 && kVariables.find(variable.text[0]) != std::string_view::npos);
      const bool ends = !is_letter_token(tokens_, at_ + 2) || tokens_[at_ + 2].space_before;
      if (!usual || !ends || variable.space_before || !behind_factor()) return false;
    }
    done_.push_back({TokenKind::kLetter, "d " + variable.text, tokens_[at_].space_before});
    at_ += 2;
    return true;
  }

  bool behind_factor() const {
    if (done_.empty()) return false;
    const Token& last = done_.back();
    if (last.kind == TokenKind::kLetter) return tokens_[at_].space_before;
    return last.kind == TokenKind::kSymbol && (last.text == ")" || last.text == "}" || last.text == "]");
  }

  void push_operator(const std::string& name) {
    done_.push_back({TokenKind::kCommand, std::string(kOperation) + name, tokens_[at_].space_before});
  }
  void copy_group(std::size_t first, std::size_t end) {
    done_.push_back({TokenKind::kSymbol, "{", false});
    for (std::size_t i = first; i < end; ++i) done_.push_back(tokens_[i]);
    done_.push_back({TokenKind::kSymbol, "}", false});
  }

  Tokens tokens_, done_;
  std::size_t at_ = 0;
  bool integral_ = false;
};

}  // namespace

std::vector<Token> with_differentials(std::vector<Token> tokens) {
  return Rewriter(std::move(tokens)).run();
}

}  // namespace qreason::math
