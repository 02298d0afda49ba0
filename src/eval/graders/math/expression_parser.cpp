#include "eval/graders/math/expression.h"

#include <algorithm>
#include <array>
#include <utility>

#include "eval/graders/math/answer_words.h"
#include "eval/graders/math/differentials.h"
#include "eval/graders/math/dots.h"
#include "eval/graders/math/evaluate.h"
#include "eval/graders/math/leading_words.h"
#include "eval/graders/math/relation_signs.h"
#include "eval/graders/math/setting.h"
#include "eval/graders/math/word_parser.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

class AnswerParser final : public WordParser {
 public:
  explicit AnswerParser(std::vector<Token> tokens) : WordParser(std::move(tokens)) {}

  Node run() {
    if (tokens_.empty()) throw NotAnAnswer{};
    if (auto words = words_alone(tokens_)) return *std::move(words);
    if (auto choice = marked_choice(tokens_)) return *std::move(choice);
    const bool excepts = take_all_except();
    Node result = list();
    if (excepts) return reals_without(std::move(result));
    if (at_command("over") || at_command("choose")) {
      const bool fraction = tokens_[at_++].text == "over";
      Node below = list();
      result = fraction ? make_node(NodeKind::kQuotient, pair(std::move(result), std::move(below)))
                        : make_node(NodeKind::kCall, pair(std::move(result), std::move(below)), "binom");
    }
    if (!done()) throw NotAnAnswer{};
    return result;
  }

 private:
  bool at_separator() const {
    return at_symbol(",") || at_symbol(";") || (at_kind(TokenKind::kText) && is_separator_word(tokens_[at_].text));
  }

  // "all real numbers except 1 and 2"
  bool take_all_except() {
    static constexpr std::array<std::string_view, 4> kWords = {"all", "real", "numbers", "except"};
    for (std::size_t i = 0; i < kWords.size(); ++i)
      if (!at_kind(TokenKind::kText, i) || lower_case(tokens_[at_ + i].text) != kWords[i]) return false;
    at_ += kWords.size();
    return true;
  }

  static Node reals_without(Node taken) {
    if (has_variables(taken)) throw NotAnAnswer{};
    Node set = make_node(NodeKind::kSet, taken.kind == NodeKind::kList ? taken.children : single(taken));
    return make_node(NodeKind::kWithout, pair(make_node(NodeKind::kSymbol, {}, "reals"), std::move(set)));
  }

  // item (, item)*; with both ";" and "," present, ";" separates lists.
  Node list() override {
    Depth depth(depth_);
    const bool whole = !std::exchange(in_list_, true);
    std::vector<std::vector<Node>> groups(1), by_words(1);
    bool commas = false, ands = false, ors = false;
    while (true) {
      for (bool first = true; at_separator(); first = false) {
        if (at_symbol(";") && !groups.back().empty()) groups.emplace_back();
        if (first && at_kind(TokenKind::kText) && !by_words.back().empty()) by_words.emplace_back();
        (tokens_[at_].text == "and" ? ands : tokens_[at_].text == "or" ? ors : commas) = true;
        ++at_;
      }
      for (bool joint = true; joint;) {
        const bool both = take_command("wedge"), either = !both && take_command("vee");
        ands = ands || both;
        ors = ors || either;
        joint = both || either;
      }
      if (done()) break;
      const std::string label = whole ? take_label() : "";
      groups.back().push_back(relation());
      if (!label.empty()) groups.back().back() = make_node(NodeKind::kLabelled, single(groups.back().back()), label);
      by_words.back().push_back(groups.back().back());
      if (!at_separator() && !at_command("wedge") && !at_command("vee")) break;
    }
    if (groups.back().empty()) groups.pop_back();
    if (groups.empty()) throw NotAnAnswer{};
    if (whole && chooses_ && (groups.size() > 1 || groups[0].size() > 1)) throw NotAnAnswer{};
    if (groups.size() == 1) drop_introduction(groups[0]);
    if (groups.size() == 1) repeat_denial(groups[0]);
    if (groups.size() == 1 && are_solutions(by_words)) groups = std::move(by_words);
    const std::string joined = ors ? "or" : ands && !commas ? "and" : "";
    if (groups.size() == 1) return grouped(without_dots(std::move(groups[0])), joined);
    std::vector<Node> outer;
    for (auto& group : groups) outer.push_back(grouped(std::move(group), ""));
    return make_node(NodeKind::kList, std::move(outer));
  }

  // "radii 3, 5": the label of the first alone is one of all.
  static void drop_introduction(std::vector<Node>& items) {
    const auto is_labelled = [](const Node& n) { return n.kind == NodeKind::kLabelled; };
    if (items.size() < 2 || !is_labelled(items[0]) || items[0].text[0] == kUnknownLabel) return;
    if (std::any_of(items.begin() + 1, items.end(), is_labelled)) return;
    Node first = std::move(items[0].children[0]);
    items[0] = std::move(first);
  }

  // "x \\ne 1, 2" denies both.
  static void repeat_denial(std::vector<Node>& items) {
    const auto is_denial = [](const Node& n) { return n.kind == NodeKind::kRelation && n.text == "n"; };
    if (items.size() < 2 || !is_denial(items[0]) || has_variables(items[0].children[1])) return;
    if (!std::all_of(items.begin() + 1, items.end(), [](const Node& n) {
          return n.kind != NodeKind::kRelation && n.kind != NodeKind::kLabelled && !has_variables(n);
        }))
      return;
    for (std::size_t i = 1; i < items.size(); ++i)
      items[i] = make_node(NodeKind::kRelation, pair(items[0].children[0], std::move(items[i])), "n");
  }

  // "p = 5, q = 2 and p = 7, q = 2" are two solutions, not four values.
  static bool are_solutions(const std::vector<std::vector<Node>>& groups) {
    if (groups.size() < 2) return false;
    return std::all_of(groups.begin(), groups.end(), [&](const std::vector<Node>& group) {
      return group.size() >= 2 && group.size() == groups[0].size() &&
             std::all_of(group.begin(), group.end(),
                         [](const Node& n) { return n.kind == NodeKind::kRelation && n.text == "="; });
    });
  }

  static Node grouped(std::vector<Node> items, const std::string& joined) {
    if (items.size() == 1) return std::move(items[0]);
    return make_node(NodeKind::kList, std::move(items), joined);
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
      if (token.text == "approx") return 'a';
      if (token.text == "equiv") return '=';
      if (token.text == "in") return 'e';
      if (const OtherRelation* other = find_relation(token.text)) return other->sign;
    }
    return 0;
  }

  Node relation() {
    Depth depth(depth_);
    std::vector<Node> sides;
    std::string signs;
    const auto may_be_near = [](char sign) { return sign == kSimilar || sign == kCongruent; };
    if (relation_sign() == 'a' || relation_sign() == '=' || may_be_near(relation_sign())) ++at_;  // "= 5"
    sides.push_back(ratio());
    bool mirrored = false;
    while (const char sign = relation_sign()) {
      const OtherRelation* other = find_relation(tokens_[at_++].text);
      mirrored = other != nullptr && other->direction == OtherRelation::kMirrored;
      sides.push_back(ratio());
      signs += may_be_near(sign) && !has_variables(sides.back()) ? 'a' : sign;  // "\pi \sim 3.14"
      if (mirrored && (signs.size() > 1 || relation_sign() != 0)) throw NotAnAnswer{};
    }
    if (signs.empty()) return std::move(sides[0]);
    if (mirrored) std::swap(sides[0], sides[1]);
    return make_node(NodeKind::kRelation, std::move(sides), signs);
  }

  // "a : b : c", and "a mod n", which binds as loosely.
  Node ratio() {
    std::vector<Node> parts;
    parts.push_back(union_of());
    while (in_set_ == 0 && take_symbol(":")) parts.push_back(union_of());
    // "11:30 a.m.": the unit is that of the whole.
    std::string unit;
    if (parts.size() > 1 && parts.back().kind == NodeKind::kMeasure) {
      unit = parts.back().text;
      Node last = std::move(parts.back().children[0]);
      parts.back() = std::move(last);
    }
    Node result = parts.size() == 1 ? std::move(parts[0]) : make_node(NodeKind::kRatio, std::move(parts), unit);
    const bool bracketed = at_symbol("(") && at_command("mod", 1);
    if (bracketed) ++at_;
    const bool remainder = at_command("bmod");
    if (!take_command("mod") && !take_command("bmod")) return result;
    Node modulus = sum();
    if (bracketed) expect(")");
    return make_node(NodeKind::kMod, pair(std::move(result), std::move(modulus)), remainder ? kRemainder : "");
  }

  // "\mathbb{R} - \{1\}": a set taken out of a set.
  static Node as_sets(Node n) {
    const auto is_set = [](const Node& part) {
      return part.kind == NodeKind::kSet || part.kind == NodeKind::kUnion || part.kind == NodeKind::kWithout ||
             (part.kind == NodeKind::kTuple && part.children.size() == 2) ||
             (part.kind == NodeKind::kSymbol && part.text == "reals");
    };
    if (n.kind != NodeKind::kSum || n.children.size() != 2 || !is_set(n.children[0]) ||
        n.children[1].kind != NodeKind::kNegation || n.children[1].children[0].kind != NodeKind::kSet)
      return n;
    Node taken = std::move(n.children[1].children[0]);
    return make_node(NodeKind::kWithout, pair(std::move(n.children[0]), std::move(taken)));
  }

  Node union_of() {
    Node left = as_sets(sum());
    for (int chain = 0; at_command("cup") || at_command("cap") || at_command("setminus"); ++chain) {
      if (chain > kMaxChain) throw NotAnAnswer{};
      const std::string sign = tokens_[at_++].text;
      const NodeKind kind = sign == "cup" ? NodeKind::kUnion : sign == "cap" ? NodeKind::kMeet : NodeKind::kWithout;
      Node right = sum();
      if (left.kind == kind && kind != NodeKind::kWithout)
        left.children.push_back(std::move(right));
      else
        left = make_node(kind, pair(std::move(left), std::move(right)));
    }
    return left;
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
    if (const auto total = sum_with_dots(terms)) return number_node(*total);
    return make_node(NodeKind::kSum, std::move(terms));
  }

  bool at_factor() const override {
    if (done()) return false;
    const Token& token = tokens_[at_];
    switch (token.kind) {
      case TokenKind::kNumber:
      case TokenKind::kLetter:
      case TokenKind::kBased:
        return true;
      case TokenKind::kText:
        return false;
      case TokenKind::kCommand: {
        static constexpr std::array<std::string_view, 25> kNoFactors = {
            "cup",   "cap",     "bmod",  "setminus", "pm",   "mp",     "end",    "rfloor", "rceil",
            "times", "cdot",    "div",   "mod",      "over", "choose", "rangle", "to",     "wedge",
            "vee",   "implies", "hline", "approx",   "iff",  "circ",   "cross"};
        return relation_sign() == 0 && std::find(kNoFactors.begin(), kNoFactors.end(), token.text) == kNoFactors.end();
      }
      case TokenKind::kSymbol:
        if (token.text == "(") return !at_command("mod", 1);
        if (token.text == "[") return !closes_reversed();
        return token.text == "{" || token.text == "\\{" || (token.text == "|" && bars_ == 0 && in_set_ == 0);
    }
    return false;
  }

  // The last bracket of "[0, 1[": nothing that it could open follows.
  bool closes_reversed() const {
    return at_ + 1 == tokens_.size() || at_command("cup", 1) || at_command("cap", 1) || at_symbol(",", 1) ||
           at_symbol(";", 1) || at_symbol("}", 1);
  }

  Node product() {
    const auto multiplier = take_multiplier();
    const std::string label = skip_leading_words();
    Node result = signed_factor();
    if (multiplier) result = multiplied(number_node(Rational(*multiplier)), std::move(result));
    if (!label.empty() && result.kind == NodeKind::kNumber) {
      result = make_node(NodeKind::kMeasure, single(std::move(result)), "#" + label);
      result.value = Rational(1);
    }
    int chain = 0;  // quotients nest to the left: bounded like every other nesting
    while (!done()) {
      if (++chain > kMaxChain && result.kind != NodeKind::kProduct) throw NotAnAnswer{};
      if (at_kind(TokenKind::kText)) {
        if (!take_part(result) && !take_words(result)) break;
      } else if (at_command("Omega") && result.kind == NodeKind::kNumber) {
        ++at_;
        result = make_node(NodeKind::kMeasure, single(std::move(result)), "ohm^1");
        result.value = Rational(1);
      } else if (take_command("circ")) {
        if (at_factor()) result = make_node(NodeKind::kCall, pair(std::move(result), signed_factor()), "composition");
      } else if (take_command("cross")) {
        result = make_node(NodeKind::kCall, pair(std::move(result), signed_factor()), kCross);
      } else if (at_product_in_order(result)) {
        ++at_;
        result = make_node(NodeKind::kProduct, pair(std::move(result), signed_factor()), kCross);
      } else if (take_command("times") || take_command("cdot") || take_symbol("*")) {
        result = multiplied(std::move(result), signed_factor());
      } else if (take_symbol("/") || take_command("div")) {
        result = make_node(NodeKind::kQuotient, pair(std::move(result), signed_factor()));
      } else if (take_hyphenated_unit(result) || take_fraction_of_units(result)) {
        continue;
      } else if (at_factor()) {
        result = juxtaposed(std::move(result));
      } else {
        break;
      }
    }
    return result;
  }

  // "A \times B" may be of vectors or of sets, where the order counts.
  bool at_product_in_order(const Node& left) const {
    const Node& last = left.kind == NodeKind::kProduct ? left.children.back() : left;
    const auto is_capital = [](const std::string& name) {
      return !name.empty() && name[0] >= 'A' && name[0] <= 'Z' && (name.size() == 1 || name[1] == '_');
    };
    return at_command("times") && last.kind == NodeKind::kSymbol && is_capital(last.text) &&
           at_kind(TokenKind::kLetter, 1) && is_capital(tokens_[at_ + 1].text);
  }

  // "2x"; two numbers side by side are no product.
  Node juxtaposed(Node left) {
    const Node& last = left.kind == NodeKind::kProduct ? left.children.back() : left;
    const bool letter = last.kind == NodeKind::kSymbol && last.text.size() == 1 && at_symbol("^", 1);  // "n2^{n-1}"
    const bool imaginary = last.kind == NodeKind::kConstant && last.text == "i";                       // "3 + i4"
    const bool powers = last.kind == NodeKind::kPower && (at_symbol("^", 1) || at_symbol("!", 1));     // "2^a2^b"
    if (at_kind(TokenKind::kNumber) && last.kind != NodeKind::kFactorial && !powers && !imaginary && !letter)
      throw NotAnAnswer{};  // but "2!3!"
    if (left.kind == NodeKind::kCall && left.text == "composition" && at_symbol("(")) return composed(left, factor());
    return multiplied(std::move(left), factor());
  }

  // "(f \circ g)(x)" is f(g(x)).
  static Node composed(const Node& functions, Node argument) {
    for (const Node* function : {&functions.children[1], &functions.children[0]}) {
      if (function->kind == NodeKind::kCall && function->text == "composition") {
        argument = composed(*function, std::move(argument));
        continue;
      }
      if (function->kind != NodeKind::kSymbol) throw NotAnAnswer{};
      argument = make_node(NodeKind::kApply, single(std::move(argument)), function->text);
    }
    return argument;
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
    while (take_symbol("-")) negative = !negative;
    Node result = factor();
    return negative ? make_node(NodeKind::kNegation, single(std::move(result))) : std::move(result);
  }

  bool in_list_ = false;  // the list that is the whole answer has begun: others have no labels
};

}  // namespace

std::optional<Node> parse_answer(std::string_view text, Reading reading) {
  auto tokens = tokenize_answer(text, reading);
  if (!tokens) return std::nullopt;
  try {
    return AnswerParser(without_setting(with_differentials(*std::move(tokens)))).run();
  } catch (const NotAnAnswer&) {
    return std::nullopt;
  }
}

bool leaves_value(std::string_view words) {
  constexpr const char* kValue = "7";
  const auto parsed = parse_answer("\\text{" + std::string(words) + "} " + kValue, Reading{});
  if (!parsed) return false;
  const bool inside =
      parsed->kind == NodeKind::kMeasure || (parsed->kind == NodeKind::kLabelled && parsed->text[0] != kUnknownLabel);
  const Node& value = inside ? parsed->children[0] : *parsed;
  return value.kind == NodeKind::kNumber && value.text == kValue;
}

}  // namespace qreason::math
