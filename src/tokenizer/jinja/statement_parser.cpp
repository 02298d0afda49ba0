#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "tokenizer/jinja/parser.h"

namespace qreason::jinja {
namespace {

constexpr int kMaxBlocks = 60;  // blocks in blocks
constexpr std::size_t kMaxSource = std::size_t{1} << 20;

class StatementParser {
 public:
  explicit StatementParser(TokenStream& tokens) : tokens_(tokens), expressions_(tokens) {}

  Body whole() {
    Body body = until({});
    if (tokens_.current().type != TokenType::kEnd) tokens_.unexpected("the end of the template");
    return body;
  }

 private:
  using Names = std::vector<std::string_view>;

  // Statements up to a tag whose name is one of `ends`; that name is the current token then.
  Body until(const Names& ends) {
    if (++depth_ > kMaxBlocks) tokens_.fail("blocks nested too deep");
    Body body;
    while (tokens_.current().type != TokenType::kEnd) {
      const int line = tokens_.current().line;
      if (tokens_.current().type == TokenType::kData) {
        body.push_back({.line = line, .content = TextStatement{tokens_.next().text}});
      } else if (tokens_.current().type == TokenType::kVariableBegin) {
        tokens_.next();
        body.push_back(
            {.line = line, .content = OutputStatement{expressions_.tuple(ExpressionParser::Conditional::kAllowed)}});
        tokens_.expect(TokenType::kVariableEnd);
      } else {
        tokens_.next();
        const bool ended =
            std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return tokens_.current().is_name(end); });
        if (ended) {
          --depth_;
          return body;
        }
        body.push_back(tag());
      }
    }
    if (!ends.empty()) tokens_.fail("the end of the template", fmt::format("{{% {} %}}", fmt::join(ends, " or ")));
    --depth_;
    return body;
  }

  void end_tag(std::string_view name) {
    tokens_.expect_name(name);
    tokens_.expect(TokenType::kBlockEnd);
  }

  Body block(std::string_view end) {
    tokens_.expect(TokenType::kBlockEnd);
    Body body = until({end});
    end_tag(end);
    return body;
  }

  Statement tag() {
    static const std::map<std::string, Statement (StatementParser::*)(), std::less<>> kTags{
        {"for", &StatementParser::for_tag},        {"if", &StatementParser::if_tag},
        {"set", &StatementParser::set_tag},        {"macro", &StatementParser::macro_tag},
        {"call", &StatementParser::call_tag},      {"with", &StatementParser::with_tag},
        {"filter", &StatementParser::filter_tag},  {"generation", &StatementParser::generation_tag},
        {"break", &StatementParser::loop_control}, {"continue", &StatementParser::loop_control}};
    const Token& token = tokens_.current();
    const auto found = token.type == TokenType::kName ? kTags.find(token.text) : kTags.end();
    if (found == kTags.end()) tokens_.fail(fmt::format("the tag {}", describe(token)), "one that is supported");
    return (this->*found->second)();
  }

  Statement loop_control() {
    const Token token = tokens_.next();
    if (loops_ == 0) tokens_.fail(fmt::format("'{}' outside of a loop", token.text));
    tokens_.expect(TokenType::kBlockEnd);
    if (token.text == "break") return {.line = token.line, .content = BreakStatement{}};
    return {.line = token.line, .content = ContinueStatement{}};
  }

  Statement for_tag() {
    const int line = tokens_.next().line;
    ForStatement loop;
    loop.target = target(Attributes::kForbidden);
    tokens_.expect_name("in");
    loop.iterable = expressions_.tuple(ExpressionParser::Conditional::kForbidden);
    if (tokens_.skip_name("if")) loop.condition = expressions_.expression();
    if (tokens_.current().is_name("recursive")) tokens_.fail("a recursive loop", "a plain one or a macro");
    tokens_.expect(TokenType::kBlockEnd);
    ++loops_;
    loop.body = until({"endfor", "else"});
    --loops_;
    if (tokens_.skip_name("else")) {
      loop.otherwise = block("endfor");
    } else {
      end_tag("endfor");
    }
    return {.line = line, .content = std::move(loop)};
  }

  Statement if_tag() {
    const int line = tokens_.next().line;
    IfStatement choice;
    while (true) {
      ExpressionPtr condition = expressions_.tuple(ExpressionParser::Conditional::kForbidden);
      tokens_.expect(TokenType::kBlockEnd);
      choice.branches.emplace_back(std::move(condition), until({"elif", "else", "endif"}));
      if (!tokens_.skip_name("elif")) break;
    }
    if (tokens_.skip_name("else")) {
      choice.otherwise = block("endif");
    } else {
      end_tag("endif");
    }
    return {.line = line, .content = std::move(choice)};
  }

  Statement set_tag() {
    const int line = tokens_.next().line;
    Target assigned = target(Attributes::kAllowed);
    if (tokens_.skip_operator("=")) {
      SetStatement set{.target = std::move(assigned),
                       .value = expressions_.tuple(ExpressionParser::Conditional::kAllowed)};
      tokens_.expect(TokenType::kBlockEnd);
      return {.line = line, .content = std::move(set)};
    }
    SetBlockStatement set{.target = std::move(assigned)};
    if (tokens_.current().is_operator("|")) set.filter = expressions_.filters_alone();
    set.body = block("endset");
    return {.line = line, .content = std::move(set)};
  }

  Statement macro_tag() {
    const int line = tokens_.next().line;
    MacroStatement macro;
    macro.name = tokens_.expect_identifier();
    macro.parameters = parameters();
    macro.body = function_body("endmacro");
    return {.line = line, .content = std::move(macro)};
  }

  Statement call_tag() {
    const int line = tokens_.next().line;
    CallStatement call;
    call.caller.name = "caller";
    if (tokens_.current().is_operator("(")) call.caller.parameters = parameters();
    call.call = expressions_.expression();
    if (call.call->kind != ExpressionKind::kCall) tokens_.fail("a call block without a call", "{% call macro() %}");
    call.caller.body = function_body("endcall");
    return {.line = line, .content = std::move(call)};
  }

  // A break inside belongs to loops inside only.
  Body function_body(std::string_view end) {
    const int outer = std::exchange(loops_, 0);
    Body body = block(end);
    loops_ = outer;
    return body;
  }

  std::vector<Parameter> parameters() {
    std::vector<Parameter> list;
    tokens_.expect_operator("(");
    while (!tokens_.current().is_operator(")")) {
      if (!list.empty()) tokens_.expect_operator(",");
      Parameter parameter{.name = tokens_.expect_identifier()};
      if (tokens_.skip_operator("=")) {
        parameter.default_value = expressions_.expression();
      } else if (!list.empty() && list.back().default_value) {
        tokens_.fail(fmt::format("the parameter {} after one with a default", parameter.name), "a default");
      }
      list.push_back(std::move(parameter));
    }
    tokens_.expect_operator(")");
    return list;
  }

  Statement with_tag() {
    const int line = tokens_.next().line;
    WithStatement with;
    while (tokens_.current().type != TokenType::kBlockEnd) {
      if (!with.values.empty()) tokens_.expect_operator(",");
      Target assigned = target(Attributes::kForbidden);
      tokens_.expect_operator("=");
      with.values.emplace_back(std::move(assigned), expressions_.expression());
    }
    with.body = block("endwith");
    return {.line = line, .content = std::move(with)};
  }

  Statement filter_tag() {
    const int line = tokens_.next().line;
    FilterStatement filter{.filter = expressions_.filters_alone()};
    filter.body = block("endfilter");
    return {.line = line, .content = std::move(filter)};
  }

  Statement generation_tag() {
    const int line = tokens_.next().line;
    return {.line = line, .content = ScopeStatement{.body = block("endgeneration")}};
  }

  enum class Attributes { kAllowed, kForbidden };

  Target target(Attributes attributes) {
    Target first = single_target(attributes);
    if (!tokens_.current().is_operator(",")) return first;
    Target tuple;
    tuple.items.push_back(std::move(first));
    while (tokens_.skip_operator(",")) {
      if (tokens_.current().is_name("in") || tokens_.current().is_operator("=")) break;
      tuple.items.push_back(single_target(attributes));
    }
    return tuple;
  }

  Target single_target(Attributes attributes) {
    if (tokens_.skip_operator("(")) {
      if (++depth_ > kMaxBlocks) tokens_.fail("targets nested too deep");
      Target inner = target(attributes);
      --depth_;
      tokens_.expect_operator(")");
      return inner;
    }
    Target result{.name = tokens_.expect_identifier()};
    constexpr std::array kConstants{"true", "false", "none", "True", "False", "None"};
    if (std::find(kConstants.begin(), kConstants.end(), result.name) != kConstants.end()) {
      tokens_.fail("an assignment to " + result.name, "a name");
    }
    if (attributes == Attributes::kAllowed && tokens_.skip_operator("."))
      result.attribute = tokens_.expect_identifier();
    return result;
  }

  TokenStream& tokens_;
  ExpressionParser expressions_;
  int depth_ = 0;
  int loops_ = 0;
};

}  // namespace

Body parse(std::string_view source) {
  if (source.size() > kMaxSource) {
    TokenStream({Token{.type = TokenType::kEnd, .text = ""}}).fail("more than 1 MB of template");
  }
  TokenStream tokens(tokenize(source));
  return StatementParser(tokens).whole();
}

}  // namespace qreason::jinja
