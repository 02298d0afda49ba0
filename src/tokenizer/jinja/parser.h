// Recursive descent over the tokens of a template: the grammar of jinja2, expressions here, statements in
// statement_parser.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/jinja/ast.h"
#include "tokenizer/jinja/token_stream.h"

namespace qreason::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  ExpressionPtr expression();           // a if b else c
  ExpressionPtr without_conditional();  // or-expression
  // a, b, c without parentheses; one element without a comma is itself. `Conditional` as above.
  enum class Conditional { kAllowed, kForbidden };
  ExpressionPtr tuple(Conditional conditional);
  ExpressionPtr filters_alone();  // lower | trim: what follows {% filter and {% set x |

 private:
  enum class Filters { kWith, kWithout };
  class Depth;

  ExpressionPtr tuple_elements(Conditional conditional, const Token& first, std::string_view close);
  ExpressionPtr conjunction();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(Filters filters);
  ExpressionPtr primary();
  ExpressionPtr name_or_constant();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr node);
  ExpressionPtr filters_and_tests(ExpressionPtr node);
  ExpressionPtr subscript(ExpressionPtr node);
  ExpressionPtr call(ExpressionPtr callee);
  ExpressionPtr filter(ExpressionPtr subject);
  ExpressionPtr test(ExpressionPtr subject);
  std::string dotted_name();
  void arguments(Expression& node);
  ExpressionPtr binary(Operator operation, ExpressionPtr left, ExpressionPtr right);
  ExpressionPtr finish(Expression node) const;  // computes and checks the depth

  TokenStream& tokens_;
  int depth_ = 0;
};

}  // namespace qreason::jinja
