// Commands, functions, brackets and matrices: the part of FactorParser that begins with a name or an opening sign.
#include <algorithm>
#include <array>

#include "eval/graders/math/bound_names.h"
#include "eval/graders/math/evaluate.h"
#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/latex_commands.h"
#include "eval/graders/math/matrices.h"

namespace qreason::math {
namespace {

constexpr const char* kIndex = "k";
constexpr std::array<std::string_view, 6> kLargeOperators = {"sum", "prod", "int", "lim", "oint", "iint"};

constexpr std::array<std::string_view, 28> kLetters = {
    "alpha",  "beta",  "gamma", "delta", "epsilon", "zeta",  "eta",   "theta",   "iota", "kappa",
    "lambda", "mu",    "nu",    "xi",    "rho",     "sigma", "tau",   "upsilon", "phi",  "chi",
    "psi",    "omega", "Delta", "Omega", "Phi",     "ell",   "Theta", "Lambda"};

bool is_letter_command(std::string_view name) {
  return std::find(kLetters.begin(), kLetters.end(), name) != kLetters.end();
}

// Commands beside these that name a value, or stand in front of one.
constexpr std::array<std::string_view, 30> kOtherNames = {
    "Gamma",       "Sigma", "Pi",   "Xi",     "Upsilon", "Psi",   "varrho",   "varpi",     "varsigma",  "omicron",
    "hbar",        "aleph", "beth", "square", "partial", "nabla", "clubsuit", "heartsuit", "spadesuit", "imath",
    "diamondsuit", "jmath", "wp",   "vec",    "hat",     "bar",   "tilde",    "dot",       "ddot",      "Box"};

// Of these what operates on the value behind it.
constexpr std::array<std::string_view, 8> kOverValues = {"partial", "nabla", "hat",  "bar",
                                                         "tilde",   "dot",   "ddot", "vec"};

bool names_value(std::string_view name) {
  return is_letter_command(name) || std::find(kOtherNames.begin(), kOtherNames.end(), name) != kOtherNames.end();
}

Node determinant_of(const Node& matrix) {
  auto value = determinant(matrix);
  return value ? *std::move(value) : throw NotAnAnswer{};
}

bool is_minus_one(const Node& n) {
  return n.kind == NodeKind::kNegation && n.children[0].kind == NodeKind::kNumber && n.children[0].text == "1";
}

}  // namespace

Node FactorParser::command(const std::string& name) {
  if (name == "frac") {
    Node numerator = argument();
    return make_node(NodeKind::kQuotient, pair(std::move(numerator), argument()));
  }
  if (name == "binom") {
    Node n = argument();
    return make_node(NodeKind::kCall, pair(std::move(n), argument()), "binom");
  }
  if (name == "sqrt") return root();
  if (name == "begin") return matrix();
  if (name.starts_with(kOperation)) return operation(name.substr(kOperation.size()));
  if (name.starts_with("mathbb")) return blackboard(name);
  if (name == "infty" || name == "ldots" || name == "reals") return make_node(NodeKind::kSymbol, {}, name);
  if (name == "pi") return make_node(NodeKind::kConstant, {}, "pi");
  if (name == "emptyset") return make_node(NodeKind::kSet, {});
  if (name == "lfloor" || name == "lceil") return floor_or_ceiling(name);
  if (name == "langle") return bracket("\\langle");
  if (name == "angle" || name == "triangle" || name == "measuredangle") return figure(name);
  if (std::find(kLargeOperators.begin(), kLargeOperators.end(), name) != kLargeOperators.end())
    return large_operator(name);
  const bool names_result =
      (name == "max" || name == "min" || name == "gcd" || name == "lcm") && at_symbol("=");  // "\\min = 3"
  if (names_result) return make_node(NodeKind::kSymbol, {}, "\\" + name);
  if (is_function_name(name)) return call(name);
  if (!names_value(name) && (name.size() > 12 || behind_value())) throw NotAnAnswer{};
  const bool change = name == "Delta" && (at_kind(TokenKind::kLetter) || at_symbol_command());
  const bool over = std::find(kOverValues.begin(), kOverValues.end(), name) != kOverValues.end();
  if (change || over || !names_value(name)) return operation(name);
  return symbol("\\" + name);
}

// Sets of numbers; of a bracket or, for an expectation and its like, of what follows.
Node FactorParser::blackboard(const std::string& name) {
  if (at_symbol("(") || at_symbol("[")) return applied(name);
  const bool operates = name == "mathbb E" || name == "mathbb P" || name == "mathbb V";
  return operates && at_factor() ? operation(name) : make_node(NodeKind::kSymbol, {}, name);
}

// "\\angle ABC", "\\triangle ABC"; between two values an operation, which is not known.
Node FactorParser::figure(const std::string& name) {
  const Token* before = at_ < 2 ? nullptr : &tokens_[at_ - 2];
  const bool number = before != nullptr && before->kind == TokenKind::kNumber;
  if (number ? name == "triangle" || at_kind(TokenKind::kNumber)
             : before != nullptr && before->kind == TokenKind::kLetter && name == "triangle")
    throw NotAnAnswer{};
  Node points = factor();
  while (at_kind(TokenKind::kLetter) && !tokens_[at_].space_before) points = multiplied(std::move(points), factor());
  return operated(name == "triangle" ? "triangle" : "angle", std::move(points));
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
  const int outer_bars = std::exchange(bars_, 0);
  Node inside = sum();
  bars_ = outer_bars;
  if (!take_command(open == "lfloor" ? "rfloor" : "rceil")) throw NotAnAnswer{};
  return make_node(NodeKind::kCall, single(std::move(inside)), open == "lfloor" ? "floor" : "ceil");
}

// Behind a value a command that is not known may be a relation or an operation, and no factor of a product.
bool FactorParser::behind_value() const {
  if (at_ < 2) return false;
  const Token& before = tokens_[at_ - 2];
  if (before.kind != TokenKind::kSymbol) return true;
  static constexpr std::array<std::string_view, 7> kClosing = {")", "]", "}", "\\}", "|", "'", "!"};
  return std::find(kClosing.begin(), kClosing.end(), before.text) != kClosing.end();
}

// \alpha: a command that is a name of a value.
bool FactorParser::at_symbol_command() const {
  return at_kind(TokenKind::kCommand) && is_letter_command(tokens_[at_].text);
}

// sin x, sin(x), sin^2 x, log_2 8. A power behind the bracket is that of the function's value.
Node FactorParser::call(std::string name) {
  Depth depth(depth_);
  if (name == "asin" || name == "acos" || name == "atan") name = "arc" + name.substr(1);
  std::optional<Node> base;
  std::optional<Node> power;
  if (take_symbol("_")) base = argument();
  if (take_symbol("^")) power = exponent();
  Node result = make_node(NodeKind::kCall, {}, name);
  const Depth function(in_function_);
  const int outer_single = std::exchange(single_, 0);
  if (at_symbol("(") || at_symbol("[") || at_symbol("{") || at_symbol("\\{")) {
    Node inside = primary();
    const bool several = inside.kind == NodeKind::kTuple || inside.kind == NodeKind::kSet;
    result.children = several ? std::move(inside.children) : single(std::move(inside));
  } else {
    Node inside = signed_factor();
    while (at_kind(TokenKind::kLetter) || at_command("pi") || at_symbol_command() ||
           (at_command("frac") && !is_integer_node(inside)))
      inside = multiplied(std::move(inside), factor());
    result.children = single(std::move(inside));
  }
  single_ = outer_single;
  if (name == "det" && !base && !power && result.children.size() == 1 && result.children[0].kind == NodeKind::kMatrix)
    return determinant_of(result.children[0]);
  // "\\max f" is no f.
  if ((name == "max" || name == "min") && result.children.size() == 1 && has_variables(result.children[0]))
    result.text = std::string(kOperation) + name;
  if (base) result.children.push_back(*std::move(base));
  if (base && name != "log") throw NotAnAnswer{};
  if (!power) return result;
  const bool has_inverse =
      name == "sin" || name == "cos" || name == "tan" || name == "cot" || name == "sec" || name == "csc";
  if (has_inverse && is_minus_one(*power)) {
    result.text = "arc" + name;
    return result;
  }
  return make_node(NodeKind::kPower, pair(std::move(result), *std::move(power)));
}

namespace {

// "sum _k=1 ^n" of k^2 is that of i^2 from i = 1.
void rename_index(std::string& name, Node& body) {
  const std::size_t at = name.find(" _");
  const bool index = (name.starts_with("sum ") || name.starts_with("prod ")) && at + 3 < name.size() &&
                     is_letter(name[at + 2]) && name[at + 3] == '=';
  if (!index || name[at + 2] == kIndex[0] || mentions_symbol(body, kIndex)) return;
  rename_symbol(body, name.substr(at + 2, 1), kIndex);
  name[at + 2] = kIndex[0];
}

}  // namespace

// Sums, integrals, limits: compared as they are written, their bodies by value.
Node FactorParser::large_operator(std::string name) {
  Depth depth(depth_);
  std::string below, above;
  for (int i = 0; i < 2; ++i) {
    if (take_symbol("_")) below = " _" + subscript();
    if (take_symbol("^")) above = " ^" + subscript();
  }
  name += below + above;
  std::vector<Node> body = single(signed_factor());
  while (!done() && (at_kind(TokenKind::kLetter) || at_kind(TokenKind::kNumber) || at_symbol("(") || at_symbol("{") ||
                     (at_kind(TokenKind::kCommand) && (at_command("frac") || at_command("sqrt") || at_command("pi") ||
                                                       at_symbol_command() || is_function_name(tokens_[at_].text)))))
    body.push_back(factor());
  Node factors = body.size() == 1 ? std::move(body[0]) : make_node(NodeKind::kProduct, std::move(body));
  rename_index(name, factors);
  if (auto terms = written_out(name, factors, expanded_)) return *std::move(terms);
  return make_node(NodeKind::kCall, single(std::move(factors)), std::move(name));
}

Node FactorParser::bracket(const std::string& open) {
  if (open == "|") return absolute_value();
  const int outer_bars = std::exchange(bars_, 0);
  const int outer_set = std::exchange(in_set_, 0);
  const int outer_single = std::exchange(single_, 0);
  Node inside = [&]() -> Node {
    if (open == "{") return braces();
    if (open == "\\{") return set();
    if (open != "(" && open != "[" && open != "]" && open != "\\langle") throw NotAnAnswer{};
    Node content = list();
    std::string close = "]";
    if (open == "\\langle")
      close = take_command("rangle") ? ")" : throw NotAnAnswer{};
    else if (take_symbol(")"))
      close = ")";
    else if ((open == "[" || open == "]") && take_symbol("["))
      close = ")";  // "[0, 1[" leaves 1 out
    else
      expect("]");
    if (content.kind != NodeKind::kList) return content;
    content.kind = NodeKind::kTuple;
    content.text = (open == "[" ? "[" : "(") + close;
    return content;
  }();
  bars_ = outer_bars;
  in_set_ = outer_set;
  single_ = outer_single;
  return inside;
}

// A group: "{1, 3}" prints as a list, "{a \over b}" and "{n \choose k}" are what they say.
Node FactorParser::braces() {
  if (take_symbol("}")) return make_node(NodeKind::kSymbol, {}, "");
  Node inside = list();
  if (at_command("over") || at_command("choose")) {
    const bool fraction = tokens_[at_++].text == "over";
    Node below = list();
    inside = fraction ? make_node(NodeKind::kQuotient, pair(std::move(inside), std::move(below)))
                      : make_node(NodeKind::kCall, pair(std::move(inside), std::move(below)), "binom");
  }
  expect("}");
  if (inside.kind == NodeKind::kList && inside.text != "or") inside.text = "{}";
  return inside;
}

// {1, 2}, {x : x > 3}, {x | x > 3}
Node FactorParser::set() {
  if (take_symbol("\\}")) return make_node(NodeKind::kSet, {});
  // "\left\{\begin{array}{ll} ... \end{array}\right.": cases whose right brace does not print.
  const bool array = at_command("begin") && at_symbol("{", 1);
  if (array) {
    ++at_;
    if (environment() != "array") throw NotAnAnswer{};
    environment();
    Node rows = cases();
    take_symbol("\\}");
    return rows;
  }
  in_set_ = 1;
  Node inside = list();
  in_set_ = 0;
  if (take_symbol("|") || take_symbol(":")) {
    Node conditions = list();
    expect("\\}");
    return make_node(NodeKind::kBuilder, pair(std::move(inside), std::move(conditions)));
  }
  expect("\\}");
  if (inside.kind != NodeKind::kList) return make_node(NodeKind::kSet, single(std::move(inside)));
  inside.kind = NodeKind::kSet;
  inside.text.clear();
  return inside;
}

Node FactorParser::absolute_value() {
  ++bars_;
  Node inside = sum();
  --bars_;
  expect("|");
  if (inside.kind == NodeKind::kMatrix) return determinant_of(inside);
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
  Depth depth(depth_);
  const std::string name = environment();
  if (name == "array")
    environment();
  else if (name.ends_with("cases"))
    return cases();
  else if (!name.ends_with("matrix"))
    throw NotAnAnswer{};
  std::vector<Node> rows;
  while (!take_command("end")) {
    std::vector<Node> row;
    while (!at_symbol("\\\\") && !at_command("end")) {
      take_command("hline");
      row.push_back(sum());
      if (!take_symbol("&") && !at_symbol("\\\\") && !at_command("end")) throw NotAnAnswer{};
    }
    if (!row.empty()) rows.push_back(make_node(NodeKind::kTuple, std::move(row), "[]"));
    take_symbol("\\\\");
    if (done()) throw NotAnAnswer{};
  }
  environment();
  if (name == "vmatrix") return determinant_of(make_node(NodeKind::kMatrix, std::move(rows)));
  return make_node(NodeKind::kMatrix, std::move(rows));
}

}  // namespace qreason::math
