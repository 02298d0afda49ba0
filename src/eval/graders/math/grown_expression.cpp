#include "eval/graders/math/grown_expression.h"

#include <algorithm>
#include <array>

#include "eval/graders/math/comparison.h"
#include "eval/graders/math/expression.h"
#include "eval/graders/math/extract.h"
#include "eval/graders/math/latex_commands.h"

namespace qreason::math {
namespace {

// The signs that bind what stands on their sides, with blanks around them or without; "-" and its look-alikes too.
constexpr std::array<std::string_view, 18> kBinding = {"+",      "-",      "*",      "/",      "^",      "<",
                                                       ">",      "\u00d7", "\u00b7", "\u2212", "\u2264", "\u2265",
                                                       "\u00f7", "\u2013", "\u2260", "<=",     ">=",     "!="};
constexpr std::array<std::string_view, 4> kValues = {"\u221a", "\u03c0", "sqrt", "pi"};

// The sign of a list that `text` ends with, or begins with; its bytes, the longest first.
template <std::size_t N>
std::size_t ends_with_sign(std::string_view text, const std::array<std::string_view, N>& signs) {
  std::size_t most = 0;
  for (const std::string_view sign : signs)
    if (text.ends_with(sign)) most = std::max(most, sign.size());
  return most;
}
template <std::size_t N>
std::size_t begins_with_sign(std::string_view text, const std::array<std::string_view, N>& signs) {
  std::size_t most = 0;
  for (const std::string_view sign : signs)
    if (text.starts_with(sign)) most = std::max(most, sign.size());
  return most;
}

// An expression that grows from a number to both sides, over operators and what they bind.
class Growth {
 public:
  Growth(std::string_view text, std::size_t begin, std::size_t end) : text_(text), begin_(begin), end_(end) {}

  std::optional<Found> run() {
    grow();
    if (ends_letter(left()) || begins_letter(right())) return std::nullopt;  // a part of "log_2(8) + 3"
    const bool only_brackets = begin_ + 1 == begin_of_number_ && end_ == end_of_number_ + 1;
    if (only_brackets) return std::nullopt;
    const std::string_view side = whole();
    if (is_range(side) && side.size() > end_of_number_ - begin_of_number_) return std::nullopt;
    const std::size_t begin = begin_;
    take_left_side();
    const std::string_view text = whole();
    const auto parsed = parse_answer(text, Reading{});
    if (!parsed || parsed->kind == NodeKind::kText || parsed->kind == NodeKind::kList) return std::nullopt;
    const bool equation =
        parsed->kind == NodeKind::kRelation && has_variables(parsed->children[0]) && !is_name(parsed->children[0]);
    if (begin_ < begin && !equation) {
      begin_ = begin;
      const auto right_side = parse_answer(whole(), Reading{});
      if (!right_side || right_side->kind == NodeKind::kNumber) return std::nullopt;
    } else if (parsed->kind == NodeKind::kNumber) {
      return std::nullopt;
    }
    const std::string_view behind = text_.substr(end_of_number_, end_ - end_of_number_);
    const bool unit = behind.size() == 1 && kLetterUnits.find(behind[0]) != std::string_view::npos;  // "12m", "5s"
    if (begin_ == begin_of_number_ && (behind.empty() || unit)) return std::nullopt;
    return Found{begin_, end_, std::string(whole())};
  }

 private:
  std::string_view whole() const { return trimmed(text_.substr(begin_, end_ - begin_)); }

  // "3-4", "2020-05-06", "7\u20133": digits and dashes without blanks.
  static bool is_range(std::string_view side) {
    std::string plain(side);
    for (const std::string_view dash : {"\u2212", "\u2013"})
      for (std::size_t at = plain.find(dash); at != std::string::npos; at = plain.find(dash))
        plain.erase(at, dash.size());
    return plain.find_first_not_of("0123456789-") == std::string::npos;
  }

  // Over operators to both sides, and out of brackets that close on both.
  void grow() {
    do {
      while (grow_left()) {
      }
      while (grow_right()) {
      }
    } while (leave_brackets());
  }

  bool leave_brackets() {
    if (!left().ends_with('(') || !right().starts_with(')')) return false;
    --begin_;
    ++end_;
    begin_ -= function_name_before(left());
    return true;
  }

  // The left side of an equation whose right side has grown.
  void take_left_side() {
    std::string_view outer = left();
    outer.remove_suffix(blank_at_end(outer));
    if (!outer.ends_with('=')) return;
    outer.remove_suffix(1);
    if (!outer.empty() && std::string_view("<>!=").find(outer.back()) != std::string_view::npos) return;
    outer.remove_suffix(blank_at_end(outer));
    const std::size_t operand = operand_before(outer);
    if (operand == 0) return;
    const std::size_t right_side = begin_;
    begin_ = outer.size() - operand;
    while (grow_left()) {
    }
    if (ends_letter(left())) begin_ = right_side;
  }

  static std::size_t function_name_before(std::string_view text) {
    std::size_t letters = 0;
    while (letters < text.size() && is_letter(text[text.size() - 1 - letters])) ++letters;
    return letters >= 2 && is_function_name(text.substr(text.size() - letters)) ? letters : 0;
  }

  std::string_view left() const { return text_.substr(0, begin_); }
  std::string_view right() const { return text_.substr(end_); }

  static std::size_t blank_at_end(std::string_view text) { return text.ends_with(' ') ? 1 : 0; }
  static std::size_t blank_at_begin(std::string_view text) { return text.starts_with(' ') ? 1 : 0; }

  // The bytes of the operand that `text` ends with: digits, one letter, a bracket.
  static std::size_t operand_before(std::string_view text) {
    if (const std::size_t value = ends_with_sign(text, kValues); value > 0) return value;
    std::size_t size = 0;
    while (size < text.size() && (is_digit(text[text.size() - 1 - size]) || text[text.size() - 1 - size] == '.'))
      ++size;
    if (size > 0) return size;
    if (ends_letter(text)) {
      const std::string_view outer = text.substr(0, text.size() - 1);
      const bool article =
          (outer.empty() || outer.back() == ' ') && std::string_view("aAI").find(text.back()) != std::string_view::npos;
      return ends_letter(outer) || article ? 0 : 1;
    }
    if (!text.ends_with(')')) return 0;
    int depth = 0;
    for (std::size_t i = text.size(); i-- > 0;) {
      if (text[i] == ')') ++depth;
      if (text[i] == '(' && --depth == 0) return text.size() - i + function_name_before(text.substr(0, i));
    }
    return 0;
  }

  static std::size_t operand_behind(std::string_view text) {
    if (const std::size_t value = begins_with_sign(text, kValues); value > 0) return value;
    std::size_t size = 0;
    while (size < text.size() && (is_digit(text[size]) || (text[size] == '.' && begins_digit(text.substr(size + 1)))))
      ++size;
    if (size > 0) return size;
    if (begins_letter(text)) return begins_letter(text.substr(1)) ? 0 : 1;
    if (!text.starts_with('(')) return 0;
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '(') ++depth;
      if (text[i] == ')' && --depth == 0) return i + 1;
    }
    return 0;
  }

  bool grow_left() {
    const std::string_view before = left();
    const bool digits_side_by_side = ends_digit(before) && is_digit(text_[begin_]);
    if (const std::size_t glued = operand_before(before); glued > 0 && !digits_side_by_side) {
      begin_ -= glued;
      return true;
    }
    const std::size_t blank = blank_at_end(before);
    const bool of_root = blank > 0 && begins_with_sign(text_.substr(begin_), kValues) > 0;  // "2 sqrt(5)"
    if (of_root && ends_digit(before.substr(0, before.size() - blank))) {
      begin_ -= blank + operand_before(before.substr(0, before.size() - blank));
      return true;
    }
    const std::string_view to_sign = before.substr(0, before.size() - blank);
    const std::size_t sign = ends_with_sign(to_sign, kBinding);
    if (sign == 0) return false;
    std::string_view outer = to_sign.substr(0, to_sign.size() - sign);
    const std::size_t outer_blank = blank_at_end(outer);
    outer.remove_suffix(outer_blank);
    const std::size_t operand = operand_before(outer);
    const bool tag = to_sign.ends_with('>') && outer.substr(0, outer.size() - operand).ends_with('<');  // "<b>42"
    if (operand == 0 || tag) return false;
    begin_ -= blank + sign + outer_blank + operand;
    return true;
  }

  bool grow_right() {
    const std::string_view behind = right();
    if (const std::size_t glued = operand_behind(behind); glued > 0 && !begins_digit(behind)) {
      end_ += glued;
      return true;
    }
    const std::size_t blank = blank_at_begin(behind);
    const std::size_t sign = begins_with_sign(behind.substr(blank), kBinding);
    if (sign == 0) return false;
    std::string_view outer = behind.substr(blank + sign);
    const std::size_t outer_blank = blank_at_begin(outer);
    outer.remove_prefix(outer_blank);
    const std::size_t operand = operand_behind(outer);
    if (operand == 0) return false;
    end_ += blank + sign + outer_blank + operand;
    return true;
  }

  std::string_view text_;
  std::size_t begin_, end_;
  std::size_t begin_of_number_ = begin_, end_of_number_ = end_;
};

}  // namespace

std::optional<Found> grown_expression(std::string_view line, std::size_t begin, std::size_t end) {
  return Growth(line, begin, end).run();
}

}  // namespace qreason::math
