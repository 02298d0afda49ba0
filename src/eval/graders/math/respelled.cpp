#include "eval/graders/math/respelled.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/rational.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

constexpr std::size_t kLongestBased = 200;  // bytes

// The words of a text without what only sets or encloses them, "_" for one; nullopt where it has other commands.
std::optional<std::vector<std::string>> plain_words(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kSettings = {"text", "textbf", "textrm", "mathrm", "mathbf",
                                                                 "mbox", "left",   "right",  "quad",   ""};
  std::vector<std::string> words(1);
  const auto end_word = [&] {
    if (!words.back().empty()) words.emplace_back();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      std::size_t end = i + 1;
      while (end < text.size() && is_letter(text[end])) ++end;
      const std::string_view name = text.substr(i + 1, end - i - 1);
      if (std::find(kSettings.begin(), kSettings.end(), name) == kSettings.end()) return std::nullopt;
      end_word();
      i = name.empty() ? i + 1 : end - 1;
    } else if (is_blank(c) || std::string_view("{}()$~").find(c) != std::string_view::npos) {
      end_word();
    } else if (c == '_' || c == '-') {
      end_word();
      words.back() = c;
      end_word();
    } else {
      words.back() += c;
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::optional<std::int64_t> base_of(const std::string& word) {
  const auto value =
      std::all_of(word.begin(), word.end(), is_digit) ? Rational::from_decimal(word) : number_in_words(word);
  const auto base = value ? value->to_int64() : std::nullopt;
  return base && *base >= 2 && *base <= 36 ? base : std::nullopt;
}

// Digits with a base, however they are told apart: "1011 in base 2", "(1011)_2".
std::optional<std::string> with_subscript(std::string_view text) {
  const bool worded = text.find("base") != std::string_view::npos;
  const bool enclosed =
      text.find('_') != std::string_view::npos && text.find_first_of("({\\") != std::string_view::npos;
  if (text.size() > kLongestBased || !(worded || enclosed)) return std::nullopt;
  const auto words = plain_words(text);
  if (!words || words->size() < 3 || words->size() > 5) return std::nullopt;
  std::size_t at = 1;
  if ((*words)[at] == "in") ++at;
  const bool named = (*words)[at] == "base";
  if (!named && (*words)[at] != "_") return std::nullopt;
  ++at;
  if (named && at < words->size() && (*words)[at] == "-") ++at;  // "base-2"
  if (at + 1 != words->size()) return std::nullopt;
  const std::string& digits = (*words)[0];
  const auto base = base_of(words->back());
  const bool some = std::any_of(digits.begin(), digits.end(), is_digit) || (base == 16 && digits.size() > 1);
  const bool fit =
      std::all_of(digits.begin(), digits.end(), [](char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); });
  if (!base || !some || !fit || !Rational::from_base(digits, *base)) return std::nullopt;
  return digits + "_{" + std::to_string(*base) + "}";
}

// A point that braces keep from being followed by a space: "2{.}5".
void unwrap_points(std::string& latex) {
  constexpr std::string_view kWrapped = "{.}";
  for (std::size_t at = latex.find(kWrapped); at != std::string::npos; at = latex.find(kWrapped, at + 1))
    if (at > 0 && is_digit(latex[at - 1]) && at + 3 < latex.size() && is_digit(latex[at + 3]))
      latex.replace(at, 3, ".");
}

}  // namespace

std::string respelled(std::string latex) {
  if (auto based = with_subscript(latex)) return *std::move(based);
  unwrap_points(latex);
  return latex;
}

}  // namespace qreason::math
