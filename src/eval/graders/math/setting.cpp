#include "eval/graders/math/setting.h"

#include <algorithm>
#include <array>
#include <string>

#include "eval/graders/math/leading_words.h"
#include "eval/graders/math/relation_signs.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

bool is_symbol(const Token& token, std::string_view text) {
  return token.kind == TokenKind::kSymbol && token.text == text;
}
bool is_command(const Token& token, std::string_view text) {
  return token.kind == TokenKind::kCommand && token.text == text;
}
bool is_word(const Token& token, std::string_view text) {
  return token.kind == TokenKind::kText && lower_case(token.text) == text;
}

void drop_stops(std::vector<Token>& tokens) {
  while (!tokens.empty() &&
         (is_symbol(tokens.back(), ".") || is_symbol(tokens.back(), ",") || is_symbol(tokens.back(), "\\\\")))
    tokens.pop_back();
}

// "**7**", "\"7\"", "\therefore 7", "7 \checkmark"
void drop_marks(std::vector<Token>& tokens) {
  static constexpr std::array<std::string_view, 3> kBehind = {"checkmark", "blacksquare", "square"};
  static constexpr std::array<std::string_view, 3> kInFront = {"therefore", "implies", "Rightarrow"};
  const auto is_any = [](const Token& token, const auto& names) {
    return token.kind == TokenKind::kCommand && std::find(names.begin(), names.end(), token.text) != names.end();
  };
  while (tokens.size() > 1 && is_any(tokens.back(), kBehind)) tokens.pop_back();
  if (tokens.size() > 1 && is_any(tokens[0], kInFront)) tokens.erase(tokens.begin());
  for (const std::string_view mark : {"^", "\"", "`"}) {
    const bool around = tokens.size() > 2 && is_symbol(tokens[0], mark) && is_symbol(tokens.back(), mark);
    if (!around) continue;
    tokens.pop_back();
    tokens.erase(tokens.begin());
  }
}

// "7 (exactly)": a word that says nothing; "7 (cm)": a unit.
void drop_remark(std::vector<Token>& tokens) {
  const std::size_t size = tokens.size();
  const bool word = size > 3 && is_symbol(tokens[size - 1], ")") && tokens[size - 2].kind == TokenKind::kText &&
                    is_symbol(tokens[size - 3], "(");
  if (!word) return;
  const Token remark = tokens[size - 2];
  const bool unit = is_unit_word(remark.text) || is_noun(remark.text);
  if (!unit && (remark.text.size() < 3 || leading_word(remark.text) != LeadingWord::kIdle)) return;
  tokens.resize(size - 3);
  if (unit) tokens.push_back(remark);
}

// "\text{The value of } x \text{ is } 7": behind a name the verb is the sign.
void write_verbs_as_signs(std::vector<Token>& tokens) {
  for (std::size_t i = 1; i + 1 < tokens.size(); ++i) {
    const bool named =
        tokens[i - 1].kind == TokenKind::kLetter || is_symbol(tokens[i - 1], ")") || is_symbol(tokens[i - 1], "}");
    if (named && (is_word(tokens[i], "is") || is_word(tokens[i], "equals")))
      tokens[i] = {TokenKind::kSymbol, "=", true};
  }
}

// "Therefore, the answer is 7", "7 is the answer".
void drop_frame(std::vector<Token>& tokens) {
  static constexpr std::array<std::string_view, 6> kConclusions = {"therefore", "thus", "hence",
                                                                   "so",        "then", "finally"};
  static constexpr std::array<std::string_view, 6> kFrame = {"the", "final", "correct", "required", "right", "answer"};
  const auto is_any = [](const Token& token, const auto& words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return is_word(token, word); });
  };
  if (tokens.size() > 2 && is_any(tokens[0], kConclusions) && is_symbol(tokens[1], ","))
    tokens.erase(tokens.begin(), tokens.begin() + 2);
  if (tokens.size() < 4 || !is_word(tokens.back(), "answer")) return;
  std::size_t begin = tokens.size();
  while (begin > 1 && is_any(tokens[begin - 1], kFrame)) --begin;
  if (is_word(tokens[begin - 1], "is") && begin > 1) tokens.resize(begin - 1);
}

// "for all x", "for all real numbers x", "\forall x \in \mathbb{R}" at the end: the index where it begins; the size
// where there is no such thing.
std::size_t quantifier(const std::vector<Token>& tokens) {
  std::size_t end = tokens.size();
  const bool of_reals = end > 2 && is_command(tokens[end - 1], "reals") && is_command(tokens[end - 2], "in");
  if (of_reals) end -= 2;
  if (end < 2 || tokens[end - 1].kind != TokenKind::kLetter) return tokens.size();
  std::size_t begin = end - 1;
  if (is_command(tokens[begin - 1], "forall")) return begin - 1;
  while (begin > 0 && (is_word(tokens[begin - 1], "real") || is_word(tokens[begin - 1], "numbers") ||
                       is_word(tokens[begin - 1], "values") || is_word(tokens[begin - 1], "of")))
    --begin;
  const bool all = begin > 2 && is_word(tokens[begin - 2], "for") &&
                   (is_word(tokens[begin - 1], "all") || is_word(tokens[begin - 1], "every") ||
                    is_word(tokens[begin - 1], "any") || is_word(tokens[begin - 1], "each"));
  return all ? begin - 2 : tokens.size();
}

void drop_quantifier(std::vector<Token>& tokens) {
  const std::size_t begin = quantifier(tokens);
  if (begin == tokens.size() || begin == 0) return;
  const auto named = std::find_if(tokens.begin() + static_cast<std::ptrdiff_t>(begin), tokens.end(),
                                  [](const Token& token) { return token.kind == TokenKind::kLetter; });
  const std::string name = named->text;
  tokens.resize(begin);
  drop_stops(tokens);
  // Of what has no x in it something else is said.
  const bool used = std::any_of(tokens.begin(), tokens.end(), [&](const Token& token) {
    return token.kind == TokenKind::kLetter && token.text == name;
  });
  if (!used) tokens.push_back({TokenKind::kCommand, "forall", true});
}

bool is_relation(const Token& token) {
  static constexpr std::array<std::string_view, 6> kSigns = {"=", "<", ">", "<=", ">=", "!="};
  if (token.kind == TokenKind::kSymbol) return std::find(kSigns.begin(), kSigns.end(), token.text) != kSigns.end();
  return token.kind == TokenKind::kCommand && (token.text == "approx" || token.text == "in" || token.text == "equiv");
}

// Environments whose lines are equations or values below each other.
bool is_of_lines(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kNames = {"aligned",  "align",    "gathered", "gather",     "split",
                                                             "equation", "eqnarray", "multline", "displaymath"};
  if (name.ends_with('*')) name.remove_suffix(1);
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

struct Environment {
  std::size_t begin = 0, content = 0, end = 0, behind = 0;  // [content, end) lies between \begin{} and \end{}
  std::string name;
};

std::string name_at(const std::vector<Token>& tokens, std::size_t& at) {
  std::string name;
  if (at >= tokens.size() || !is_symbol(tokens[at], "{")) return name;
  for (++at; at < tokens.size() && !is_symbol(tokens[at], "}"); ++at) name += tokens[at].text;
  if (at < tokens.size()) ++at;
  return name;
}

// The innermost environment of lines that begins last; nothing where there is none.
std::optional<Environment> last_of_lines(const std::vector<Token>& tokens) {
  for (std::size_t i = tokens.size(); i-- > 0;) {
    if (!is_command(tokens[i], "begin")) continue;
    Environment found{.begin = i, .content = i + 1};
    found.name = name_at(tokens, found.content);
    const bool column = found.name == "array";
    if (column) name_at(tokens, found.content);
    if (!column && !is_of_lines(found.name)) continue;
    found.end = found.content;
    while (found.end < tokens.size() && !is_command(tokens[found.end], "end")) ++found.end;
    if (found.end == tokens.size()) return std::nullopt;
    found.behind = found.end + 1;
    if (name_at(tokens, found.behind) != found.name) return std::nullopt;
    // An array is a matrix, unless it has one cell and no bracket around it.
    const bool cells = std::any_of(tokens.begin() + static_cast<std::ptrdiff_t>(found.content),
                                   tokens.begin() + static_cast<std::ptrdiff_t>(found.end), [](const Token& token) {
                                     return is_symbol(token, "&") || is_symbol(token, "\\\\");
                                   });
    if (column && (cells || i > 0)) continue;
    return found;
  }
  return std::nullopt;
}

// Without what only aligns: "&" in front of a sign of relation or at the beginning of a line, one of "&&".
std::vector<Token> lines_of(const std::vector<Token>& tokens, const Environment& lines) {
  std::vector<Token> kept;
  for (std::size_t i = lines.content; i < lines.end; ++i) {
    const bool begins = kept.empty() || is_symbol(kept.back(), "\\\\");
    const bool idle = begins || is_symbol(kept.back(), "&") || is_relation(kept.back()) ||
                      (i + 1 < lines.end && is_relation(tokens[i + 1]));
    if (!(is_symbol(tokens[i], "&") && idle)) kept.push_back(tokens[i]);
  }
  while (!kept.empty() && (is_symbol(kept.back(), "\\\\") || is_symbol(kept.back(), "&"))) kept.pop_back();
  return kept;
}

void unfold_lines(std::vector<Token>& tokens) {
  constexpr int kMost = 20;
  for (int i = 0; i < kMost; ++i) {
    const auto lines = last_of_lines(tokens);
    if (!lines) return;
    std::vector<Token> content = lines_of(tokens, *lines);
    const bool braced = lines->begin > 0 && is_symbol(tokens[lines->begin - 1], "\\{");
    std::vector<Token> result(tokens.begin(),
                              tokens.begin() + static_cast<std::ptrdiff_t>(lines->begin - (braced ? 1 : 0)));
    const auto add_name = [&](const char* command) {
      result.push_back({TokenKind::kCommand, command});
      result.push_back({TokenKind::kSymbol, "{"});
      result.push_back({TokenKind::kText, "cases"});
      result.push_back({TokenKind::kSymbol, "}"});
    };
    if (braced) add_name("begin");
    for (std::size_t at = 0; at < content.size(); ++at) {
      Token& token = content[at];
      if (!braced && is_symbol(token, "\\\\")) {
        // "= 7" goes on with the line above.
        if (at + 1 < content.size() && is_relation(content[at + 1])) continue;
        token.text.assign(1, ',');
      }
      result.push_back(std::move(token));
    }
    if (braced) add_name("end");
    result.insert(result.end(), tokens.begin() + static_cast<std::ptrdiff_t>(lines->behind), tokens.end());
    tokens = std::move(result);
  }
}

}  // namespace

std::vector<Token> without_setting(std::vector<Token> tokens) {
  drop_stops(tokens);
  drop_marks(tokens);
  drop_remark(tokens);
  drop_frame(tokens);
  write_verbs_as_signs(tokens);
  drop_quantifier(tokens);
  unfold_lines(tokens);
  return tokens;
}

}  // namespace qreason::math
