#include <algorithm>
#include <optional>

#include "tokenizer/jinja/functions.h"
#include "tokenizer/jinja/parser.h"

namespace qreason::jinja {
namespace {

constexpr int kMaxDepth = 150;  // of expressions in expressions

Expression node_at(ExpressionKind kind, int line) {
  return {.kind = kind, .line = line};
}

std::optional<Operator> comparison_of(const Token& token) {
  if (token.is_operator("==")) return Operator::kEqual;
  if (token.is_operator("!=")) return Operator::kNotEqual;
  if (token.is_operator("<")) return Operator::kLess;
  if (token.is_operator("<=")) return Operator::kLessEqual;
  if (token.is_operator(">")) return Operator::kGreater;
  if (token.is_operator(">=")) return Operator::kGreaterEqual;
  if (token.is_name("in")) return Operator::kIn;
  return std::nullopt;
}

}  // namespace

// Bounds the recursion of the parser itself.
class ExpressionParser::Depth {
 public:
  explicit Depth(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.depth_ > kMaxDepth) parser_.tokens_.fail("an expression nested too deep");
  }
  ~Depth() { --parser_.depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  ExpressionParser& parser_;
};

ExpressionPtr ExpressionParser::finish(Expression node) const {
  for (const ExpressionPtr& child : node.children) {
    if (child) node.depth = std::max(node.depth, child->depth + 1);
  }
  for (const auto& argument : node.named) node.depth = std::max(node.depth, argument.second->depth + 1);
  if (node.depth > kMaxDepth) tokens_.fail("an expression nested too deep");
  return std::make_unique<const Expression>(std::move(node));
}

ExpressionPtr ExpressionParser::binary(Operator operation, ExpressionPtr left, ExpressionPtr right) {
  Expression node = node_at(ExpressionKind::kBinary, left->line);
  node.operators.push_back(operation);
  node.children.push_back(std::move(left));
  node.children.push_back(std::move(right));
  return finish(std::move(node));
}

ExpressionPtr ExpressionParser::expression() {
  const Depth depth(*this);
  ExpressionPtr value = without_conditional();
  while (tokens_.current().is_name("if")) {
    Expression node = node_at(ExpressionKind::kConditional, tokens_.next().line);
    node.children.push_back(without_conditional());
    node.children.push_back(std::move(value));
    node.children.push_back(tokens_.skip_name("else") ? expression() : nullptr);
    value = finish(std::move(node));
  }
  return value;
}

ExpressionPtr ExpressionParser::without_conditional() {
  ExpressionPtr left = conjunction();
  while (tokens_.current().is_name("or")) {
    Expression node = node_at(ExpressionKind::kOr, tokens_.next().line);
    node.children.push_back(std::move(left));
    node.children.push_back(conjunction());
    left = finish(std::move(node));
  }
  return left;
}

ExpressionPtr ExpressionParser::conjunction() {
  ExpressionPtr left = negation();
  while (tokens_.current().is_name("and")) {
    Expression node = node_at(ExpressionKind::kAnd, tokens_.next().line);
    node.children.push_back(std::move(left));
    node.children.push_back(negation());
    left = finish(std::move(node));
  }
  return left;
}

ExpressionPtr ExpressionParser::negation() {
  const Depth depth(*this);
  if (!tokens_.current().is_name("not")) return comparison();
  Expression node = node_at(ExpressionKind::kNot, tokens_.next().line);
  node.children.push_back(negation());
  return finish(std::move(node));
}

ExpressionPtr ExpressionParser::comparison() {
  Expression node = node_at(ExpressionKind::kCompare, tokens_.current().line);
  node.children.push_back(sum());
  while (true) {
    auto operation = comparison_of(tokens_.current());
    if (!operation && tokens_.current().is_name("not") && tokens_.ahead().is_name("in")) {
      tokens_.next();
      operation = Operator::kNotIn;
    }
    if (!operation) break;
    tokens_.next();
    node.operators.push_back(*operation);
    node.children.push_back(sum());
  }
  return node.operators.empty() ? std::move(node.children.front()) : finish(std::move(node));
}

ExpressionPtr ExpressionParser::sum() {
  ExpressionPtr left = concatenation();
  while (tokens_.current().is_operator("+") || tokens_.current().is_operator("-")) {
    const Operator operation = tokens_.next().text == "+" ? Operator::kAdd : Operator::kSubtract;
    left = binary(operation, std::move(left), concatenation());
  }
  return left;
}

ExpressionPtr ExpressionParser::concatenation() {
  Expression node = node_at(ExpressionKind::kConcat, tokens_.current().line);
  node.children.push_back(product());
  while (tokens_.skip_operator("~")) node.children.push_back(product());
  return node.children.size() == 1 ? std::move(node.children.front()) : finish(std::move(node));
}

ExpressionPtr ExpressionParser::product() {
  ExpressionPtr left = power();
  while (true) {
    const Token& token = tokens_.current();
    Operator operation;
    if (token.is_operator("*"))
      operation = Operator::kMultiply;
    else if (token.is_operator("/"))
      operation = Operator::kDivide;
    else if (token.is_operator("//"))
      operation = Operator::kFloorDivide;
    else if (token.is_operator("%"))
      operation = Operator::kModulo;
    else
      return left;
    tokens_.next();
    left = binary(operation, std::move(left), power());
  }
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr left = unary(Filters::kWith);
  while (tokens_.skip_operator("**")) left = binary(Operator::kPower, std::move(left), unary(Filters::kWith));
  return left;
}

ExpressionPtr ExpressionParser::unary(Filters filters) {
  const Depth depth(*this);
  const Token& token = tokens_.current();
  ExpressionPtr value;
  if (token.is_operator("-") || token.is_operator("+")) {
    Expression node =
        node_at(token.is_operator("-") ? ExpressionKind::kNegate : ExpressionKind::kPlus, tokens_.next().line);
    node.children.push_back(unary(Filters::kWithout));
    value = finish(std::move(node));
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return filters == Filters::kWith ? filters_and_tests(std::move(value)) : std::move(value);
}

ExpressionPtr ExpressionParser::primary() {
  const Token token = tokens_.current();
  Expression node = node_at(ExpressionKind::kConstant, token.line);
  switch (token.type) {
    case TokenType::kName:
      return name_or_constant();
    case TokenType::kString: {
      std::string text;
      while (tokens_.current().type == TokenType::kString) text += tokens_.next().text;
      node.constant = Value::of(std::move(text));
      return finish(std::move(node));
    }
    case TokenType::kInteger:
    case TokenType::kFloat:
      tokens_.next();
      node.constant = token.type == TokenType::kInteger ? Value::of(token.integer) : Value::of(token.number);
      return finish(std::move(node));
    default:
      break;
  }
  if (token.is_operator("[")) return list();
  if (token.is_operator("{")) return dict();
  if (!tokens_.skip_operator("(")) tokens_.unexpected("an expression");
  ExpressionPtr value = tuple_elements(Conditional::kAllowed, token, ")");
  tokens_.expect_operator(")");
  return value;
}

ExpressionPtr ExpressionParser::name_or_constant() {
  const Token token = tokens_.next();
  Expression node = node_at(ExpressionKind::kConstant, token.line);
  if (token.text == "true" || token.text == "True") {
    node.constant = Value::of(true);
  } else if (token.text == "false" || token.text == "False") {
    node.constant = Value::of(false);
  } else if (token.text != "none" && token.text != "None") {
    node.kind = ExpressionKind::kName;
    node.name = token.text;
  }
  return finish(std::move(node));
}

ExpressionPtr ExpressionParser::tuple(Conditional conditional) {
  return tuple_elements(conditional, Token(tokens_.current()), "");
}

// `close` is ")" inside parentheses, where () is the empty tuple, and "" outside.
ExpressionPtr ExpressionParser::tuple_elements(Conditional conditional, const Token& first, std::string_view close) {
  bool is_tuple = false;
  Expression node = node_at(ExpressionKind::kTuple, first.line);
  const auto at_end = [&] {
    const Token& token = tokens_.current();
    return token.type == TokenType::kVariableEnd || token.type == TokenType::kBlockEnd || token.is_operator(")") ||
           (conditional == Conditional::kForbidden && token.is_name("recursive"));
  };
  while (!at_end()) {
    node.children.push_back(conditional == Conditional::kAllowed ? expression() : without_conditional());
    if (!tokens_.skip_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !node.children.empty()) return std::move(node.children.front());
  if (node.children.empty() && close.empty()) tokens_.unexpected("an expression");
  return finish(std::move(node));
}

ExpressionPtr ExpressionParser::list() {
  Expression node = node_at(ExpressionKind::kList, tokens_.next().line);
  while (!tokens_.current().is_operator("]")) {
    node.children.push_back(expression());
    if (!tokens_.skip_operator(",")) break;
  }
  tokens_.expect_operator("]");
  return finish(std::move(node));
}

ExpressionPtr ExpressionParser::dict() {
  Expression node = node_at(ExpressionKind::kDict, tokens_.next().line);
  while (!tokens_.current().is_operator("}")) {
    node.children.push_back(expression());
    tokens_.expect_operator(":");
    node.children.push_back(expression());
    if (!tokens_.skip_operator(",")) break;
  }
  tokens_.expect_operator("}");
  return finish(std::move(node));
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr node) {
  while (true) {
    const Token& token = tokens_.current();
    if (token.is_operator(".") || token.is_operator("["))
      node = subscript(std::move(node));
    else if (token.is_operator("("))
      node = call(std::move(node));
    else
      return node;
  }
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr node) {
  while (true) {
    const Token& token = tokens_.current();
    if (token.is_operator("|"))
      node = filter(std::move(node));
    else if (token.is_name("is"))
      node = test(std::move(node));
    else if (token.is_operator("("))
      node = call(std::move(node));
    else
      return node;
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr object) {
  const Token token = tokens_.next();
  Expression node = node_at(ExpressionKind::kItem, token.line);
  node.children.push_back(std::move(object));
  if (token.text == ".") {
    const Token name = tokens_.next();
    if (name.type == TokenType::kName) {
      node.kind = ExpressionKind::kAttribute;
      node.name = name.text;
    } else if (name.type == TokenType::kInteger) {
      Expression index = node_at(ExpressionKind::kConstant, token.line);
      index.constant = Value::of(name.integer);
      node.children.push_back(finish(std::move(index)));
    } else {
      tokens_.fail(describe(name), "a name or number after '.'");
    }
    return finish(std::move(node));
  }
  if (!tokens_.current().is_operator(":")) node.children.push_back(expression());
  if (tokens_.current().is_operator(",")) tokens_.fail("several subscripts", "one");
  if (tokens_.current().is_operator(":")) {
    node.kind = ExpressionKind::kSlice;
    if (node.children.size() == 1) node.children.push_back(nullptr);
    while (node.children.size() < 4) {
      const bool given =
          tokens_.skip_operator(":") && !tokens_.current().is_operator(":") && !tokens_.current().is_operator("]");
      node.children.push_back(given ? expression() : nullptr);
    }
  }
  tokens_.expect_operator("]");
  return finish(std::move(node));
}

void ExpressionParser::arguments(Expression& node) {
  tokens_.expect_operator("(");
  while (!tokens_.current().is_operator(")")) {
    if (tokens_.current().is_operator("*") || tokens_.current().is_operator("**")) {
      tokens_.unexpected("arguments one by one (unpacking is not supported)");
    }
    if (tokens_.current().type == TokenType::kName && tokens_.ahead().is_operator("=")) {
      std::string name = tokens_.next().text;
      tokens_.next();
      node.named.emplace_back(std::move(name), expression());
    } else {
      if (!node.named.empty()) tokens_.fail("a positional argument after a named one");
      node.children.push_back(expression());
    }
    if (!tokens_.skip_operator(",")) break;
  }
  tokens_.expect_operator(")");
}

ExpressionPtr ExpressionParser::call(ExpressionPtr callee) {
  Expression node = node_at(ExpressionKind::kCall, tokens_.current().line);
  node.children.push_back(std::move(callee));
  arguments(node);
  return finish(std::move(node));
}

std::string ExpressionParser::dotted_name() {
  std::string name = tokens_.expect_identifier();
  while (tokens_.skip_operator(".")) name += "." + tokens_.expect_identifier();
  return name;
}

ExpressionPtr ExpressionParser::filter(ExpressionPtr subject) {
  Expression node = node_at(ExpressionKind::kFilter, tokens_.current().line);
  tokens_.skip_operator("|");  // {% filter name %} has none before its first
  node.name = dotted_name();
  if (find_filter(node.name) == nullptr) tokens_.fail("the filter '" + node.name + "'", "one that is supported");
  node.children.push_back(std::move(subject));
  if (tokens_.current().is_operator("(")) arguments(node);
  return finish(std::move(node));
}

ExpressionPtr ExpressionParser::filters_alone() {
  ExpressionPtr node;
  do {
    node = filter(std::move(node));
  } while (tokens_.current().is_operator("|"));
  return node;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr subject) {
  Expression node = node_at(ExpressionKind::kTest, tokens_.next().line);
  const bool negated = tokens_.skip_name("not");
  node.name = dotted_name();
  if (find_test(node.name) == nullptr) tokens_.fail("the test '" + node.name + "'", "one that is supported");
  node.children.push_back(std::move(subject));
  const Token& token = tokens_.current();
  const bool word = token.is_name("else") || token.is_name("or") || token.is_name("and");
  const bool starts_argument = (token.type == TokenType::kName && !word) || token.type == TokenType::kString ||
                               token.type == TokenType::kInteger || token.type == TokenType::kFloat ||
                               token.is_operator("[") || token.is_operator("{");
  if (token.is_operator("(")) {
    arguments(node);
  } else if (starts_argument) {
    if (token.is_name("is")) tokens_.fail("two tests in a chain", "(a is b) is c");
    node.children.push_back(postfix(primary()));
  }
  ExpressionPtr result = finish(std::move(node));
  if (!negated) return result;
  Expression inverse = node_at(ExpressionKind::kNot, result->line);
  inverse.children.push_back(std::move(result));
  return finish(std::move(inverse));
}

}  // namespace qreason::jinja
