#include "eval/graders/math/latex_tokens.h"

#include <algorithm>
#include <array>
#include <utility>

#include "eval/graders/math/applied_words.h"
#include "eval/graders/math/expression.h"
#include "eval/graders/math/latex_commands.h"
#include "eval/graders/math/other_scripts.h"
#include "eval/graders/math/respelled.h"
#include "eval/graders/math/unicode_signs.h"
#include "eval/graders/math/word_tokens.h"
#include "eval/graders/math/words.h"

namespace qreason::math {

namespace {

constexpr int kMaxTextDepth = 4;  // \text inside of \text

class Tokenizer : private WordTokens {
 public:
  Tokenizer(std::string_view text, Reading reading, std::vector<Token>& tokens, int text_depth)
      : WordTokens(text, reading, tokens, text_depth) {}

  bool run() {
    while (at_ < text_.size())
      if (!step()) return false;
    return true;
  }

 private:
  bool step() {
    const char c = peek();
    if (c == '$' && before_amount()) {
      ++at_;
      return currency("dollar");
    }
    if (is_blank(c) || c == '$' || c == '~') {
      space_ = true;
      ++at_;
      return true;
    }
    if (based_digits()) return true;
    if (is_digit(c) || (c == '.' && (is_digit(peek(1)) || starts(".\\overline{")))) return number();
    if (c == '\\') return command();
    if (is_letter(c)) return word();
    if (static_cast<unsigned char>(c) >= 0x80) return other_character();
    return symbol();
  }

  // "$5": a dollar that closes no formula, in front of nothing but digits.
  bool before_amount() const {
    return is_digit(peek(1)) && text_.find('$') == at_ &&
           text_.find_first_not_of("0123456789.,", at_ + 1) == std::string_view::npos;
  }

  bool command() {
    ++at_;
    // "\\\\frac" is what is left of a text escaped twice, unless rows of a matrix end so.
    if (peek() == '\\' && is_letter(peek(1)) && !has_rows_) ++at_;
    const char c = peek();
    if (!is_letter(c)) return escaped(c);
    std::string name;
    while (is_letter(peek())) name += text_[at_++];
    if (peek() == '*' && (name == "operatorname" || name == "tag" || name == "hspace" || name == "vspace")) ++at_;
    if (name == "circ" || name == "degree") return degree(name);
    if (name == "euro" || name == "pounds" || name == "yen" || name == "rupee" || name == "rouble" || name == "dollar")
      return currency(name);
    if (name == "cent") {
      push(TokenKind::kText, "cents");
      return true;
    }
    if (name == "not") return negated_sign();
    if (name == "underline" && (ends_with(0, TokenKind::kSymbol, "^") || ends_with(1, TokenKind::kSymbol, "^"))) {
      push_operation("underline");  // a falling power
      return true;
    }
    if (name == "mathbb" || name == "Bbb") return number_set();
    const CommandRule* rule = find_command(name);
    if (rule == nullptr) {
      if (name == "times" && styled_end_ > 0 && styled_end_ == tokens_.size()) name = "cross";
      push(TokenKind::kCommand, std::move(name));
      return true;
    }
    switch (rule->kind) {
      case CommandKind::kOperator:
        push(TokenKind::kSymbol, std::string(rule->text));
        return true;
      case CommandKind::kName:
        push(TokenKind::kCommand, std::string(rule->text));
        return true;
      case CommandKind::kNothing:
        if ((name == "left" || name == "right") && peek() == '.') ++at_;
        space_ = true;
        return true;
      case CommandKind::kDropsArgument: {
        std::string ignored;
        return braced(ignored);
      }
      case CommandKind::kText:
        return text_argument(name == "operatorname");
      case CommandKind::kLetterStyle:
      case CommandKind::kAccent:
        return styled_letter(std::string(rule->text));
    }
    return true;
  }

  // "^\circ", "^{\circ}", "\degree" are degrees; so may "30\circ" be, which says nothing; else functions are composed.
  bool degree(std::string_view name) {
    space_ = true;
    const bool raised = !tokens_.empty() && tokens_.back().text == "^";
    const bool composes = name != "degree" && !raised && !tokens_.empty() && tokens_.back().kind != TokenKind::kNumber;
    if (composes) push(TokenKind::kCommand, "circ");
    if (name != "degree" && !raised) return true;
    if (raised) tokens_.pop_back();
    push(TokenKind::kSymbol, std::string(kDegree));
    return true;
  }

  bool currency(std::string_view name) {
    const std::string_view unit = name == "dollar" ? "usd" : name == "euro" ? "eur" : name == "pounds" ? "gbp" : name;
    push(TokenKind::kSymbol, std::string(kCurrency) + std::string(unit));
    return true;
  }

  bool number_set() {
    std::string name;
    if (!argument(name)) return false;
    push(TokenKind::kCommand, name == "R" ? "reals" : "mathbb " + name);
    styled_end_ = tokens_.size();
    return true;
  }

  // A letter of its own when the style makes one ("\vec{v}", "\bar{x}"; "\mathbf{i}" is no imaginary unit).
  bool styled_letter(const std::string& accent) {
    const std::size_t before = at_;
    std::string content;
    if (!argument(content)) return false;
    for (const std::string_view bold : {"\\mathbf{", "\\boldsymbol{", "\\vec{"})  // "\\hat{\\mathbf{i}}"
      if (accent == "hat" && content.starts_with(bold) && content.size() == bold.size() + 2)
        content = content[bold.size()];
    if (content == "\\imath" || content == "\\jmath") content = content.substr(1, 1);
    const bool letters = all_of(content, is_letter);
    const bool unit_vector = letters && content.size() == 1 && (content == "i" || content == "e");
    if (letters && !accent.empty()) {
      const bool vector = accent == "vec" && content.size() == 1 && !unit_vector;
      push(TokenKind::kLetter, vector ? content : accent + " " + content);
      styled_end_ = tokens_.size();
    } else if (unit_vector) {
      push(TokenKind::kLetter, "vec " + content);
      styled_end_ = tokens_.size();
    } else if (letters && content.size() == 1) {
      push(TokenKind::kLetter, content);
      styled_end_ = tokens_.size();
    } else if (letters && content.size() >= 3) {
      push(TokenKind::kText, content);
    } else if (accent.empty() || accent == "vec") {
      at_ = before;  // the argument is a group of its own
    } else {
      push(TokenKind::kCommand, accent);
      at_ = before;
    }
    return true;
  }

  bool escaped(char c) {
    ++at_;
    if (c == '{')
      push(TokenKind::kSymbol, "\\{");
    else if (c == '}')
      push(TokenKind::kSymbol, "\\}");
    else if (c == '%')
      push(TokenKind::kSymbol, "%");
    else if (c == '|')
      push(TokenKind::kSymbol, "|");
    else if (c == '\\')
      row();
    else if (c == '#' && is_letter(peek()))
      push_operation("#");
    else if (c == '!' && opens_multiset())
      push_operation("multiset");
    else if (c == '$' && (peek() != '\0' || text_depth_ > 0))
      return currency("dollar");
    else
      space_ = true;  // \, \; \! \( \) \[ \] and the like
    return true;
  }

  void push_operation(std::string_view name) {
    std::string text(kOperation);
    text.append(name);
    push(TokenKind::kCommand, std::move(text));
  }

  // "\\\\[2pt]"
  void row() {
    push(TokenKind::kSymbol, "\\\\");
    if (peek() != '[') return;
    const std::size_t unit = text_.find_first_not_of("0123456789. ", at_ + 1);
    for (const std::string_view name : {"pt]", "em]", "ex]", "mm]", "cm]"})
      if (unit != at_ + 1 && unit < text_.size() && text_.substr(unit).starts_with(name)) at_ = unit + 3;
  }

  // "\\left(\\!\\!\\binom{n}{k}\\!\\!\\right)"
  bool opens_multiset() const {
    std::string_view rest = text_.substr(at_);
    while (rest.starts_with("\\!")) rest.remove_prefix(2);
    const bool binomial = rest.starts_with("\\binom") || rest.starts_with("\\dbinom") || rest.starts_with("\\tbinom");
    return binomial && ends_with(0, TokenKind::kSymbol, "(");
  }

  // "\\not=", "\\not<", "\\not\\in"; anything else that is denied is not known.
  bool negated_sign() {
    while (is_blank(peek())) ++at_;
    for (const auto& [sign, denied] : {std::pair{"=", "!="}, std::pair{"<", ">="}, std::pair{">", "<="}}) {
      if (!starts(sign)) continue;
      ++at_;
      push(TokenKind::kSymbol, denied);
      return true;
    }
    const bool member = starts("\\in") && !is_letter(peek(3));
    if (member) at_ += 3;
    push(TokenKind::kCommand, member ? "notin" : "not");
    return true;
  }

  // The content of a group, or one character; nothing where there is none.
  bool argument(std::string& content) {
    while (is_blank(peek())) ++at_;
    if (peek() == '{') return braced(content);
    if (at_ < text_.size() && is_letter(peek())) content = text_[at_++];
    return true;
  }

  bool braced(std::string& content) {
    while (is_blank(peek())) ++at_;
    if (peek() != '{') return true;
    ++at_;
    int depth = 1;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '{') ++depth;
      if (c == '}' && --depth == 0) return true;
      content += c;
    }
    return false;
  }

  bool text_argument(bool named) {
    std::string content;
    if (!argument(content)) return false;
    while (!content.empty() && is_blank(content.back())) content.pop_back();
    content.erase(0, std::min(content.find_first_not_of(" \t\n"), content.size()));
    // "\text{(C)}" is the choice C.
    if (content.size() == 3 && content.front() == '(' && content.back() == ')') content = content.substr(1, 1);
    if (is_function_name(content) && !(after_value() && is_unit_word(content))) {
      push(TokenKind::kCommand, content);
      return true;
    }
    if (multiplies_power_of_ten(content, at_)) {
      push(TokenKind::kCommand, "times");
      return true;
    }
    if (content == "mod") {
      push(TokenKind::kCommand, content);
      return true;
    }
    if (text_depth_ == 0 && applies_to(content, text_.substr(at_), named, after_value())) {
      push_operation(content);
      return true;
    }
    if (content.size() == 1 && is_letter(content[0])) {
      const bool unit = (after_value() || among_units()) && kLetterUnits.find(content[0]) != std::string_view::npos;
      const bool degrees = after_degree() && (content == "C" || content == "F");
      push(unit || degrees ? TokenKind::kText : TokenKind::kLetter, content);
      return true;
    }
    if (peek() == '_' && all_of(content, [](char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); })) {
      push(TokenKind::kBased, content);
      return true;
    }
    space_ = true;
    if (text_depth_ >= kMaxTextDepth) return false;
    return Tokenizer(content, reading_, tokens_, text_depth_ + 1).run();
  }

  // One character is a letter; those of other scripts than Latin and Greek are words, of which one letter of an
  // alphabet may be a symbol.
  bool other_character() {
    const std::size_t word = other_script_length(text_.substr(at_));
    std::size_t bytes = 1;
    while (at_ + bytes < text_.size() && (static_cast<unsigned char>(text_[at_ + bytes]) & 0xC0) == 0x80) ++bytes;
    const bool is_word = word > bytes || (word > 0 && bytes > 2);
    const std::string_view text = text_.substr(at_, is_word ? word : bytes);
    at_ += text.size();
    if (!is_word) push(TokenKind::kLetter, std::string(text));
    for (std::string& part : is_word ? cut_other_script(text, after_value()) : std::vector<std::string>())
      push(TokenKind::kText, std::move(part));
    return true;
  }

  bool symbol() {
    for (const std::string_view two : {"<=", ">=", "!=", "**", "=="}) {
      if (!starts(two)) continue;
      at_ += 2;
      push(TokenKind::kSymbol, two == "**" ? "^" : two == "==" ? "=" : std::string(two));
      return true;
    }
    if (starts("...")) {
      at_ += 3;
      push(TokenKind::kCommand, "ldots");
      return true;
    }
    for (const std::string_view degrees :
         {"^\\circ", "^{\\circ}", "^{\\degree}", "^{ \\circ }", "^{\\circ }", "^{\\,\\circ}", "^{\\text{o}}",
          "^{\\mathrm{o}}", "^\\text{o}", "^\\mathrm{o}"}) {
      if (!starts(degrees)) continue;
      at_ += degrees.size();
      push(TokenKind::kSymbol, std::string(kDegree));
      return true;
    }
    push(TokenKind::kSymbol, std::string(1, text_[at_++]));
    return true;
  }

  bool has_rows_ = text_.find("\\begin") != std::string_view::npos;
  std::size_t styled_end_ = 0;  // the number of tokens when the last letter in a style, or \mathbb, was pushed
};

}  // namespace

std::optional<std::vector<Token>> tokenize_answer(std::string_view text, Reading reading) {
  if (text.size() > kMaxExpressionBytes) return std::nullopt;
  std::vector<Token> tokens;
  const std::string latex = respelled(in_latex(text));
  if (!Tokenizer(latex, reading, tokens, 0).run()) return std::nullopt;
  return tokens;
}

bool has_digit_comma(std::string_view text) {
  for (std::size_t i = 1; i + 1 < text.size(); ++i)
    if (text[i] == ',' && is_digit(text[i - 1]) && is_digit(text[i + 1])) return true;
  return false;
}

bool has_letter_unit(std::string_view text) {
  for (std::size_t i = 2; i < text.size(); ++i)
    if (text[i - 1] == ' ' && is_digit(text[i - 2]) && kLetterUnits.find(text[i]) != std::string_view::npos &&
        (i + 1 == text.size() || !is_letter(text[i + 1])))
      return true;
  return false;
}

}  // namespace qreason::math
