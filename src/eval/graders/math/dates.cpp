#include "eval/graders/math/dates.h"

#include <algorithm>
#include <array>
#include <vector>

#include "eval/graders/math/latex_tokens.h"

namespace qreason::math {
namespace {

constexpr std::size_t kLongestDate = 60;  // bytes
constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};

// "May", "Dec"; 0: no month. Small letters are no name.
int month_of(std::string_view word) {
  for (std::size_t i = 0; i < kMonths.size(); ++i)
    if (word == kMonths[i] || (word.size() == 3 && kMonths[i].starts_with(word))) return static_cast<int>(i) + 1;
  return 0;
}

// Words and numbers of a text; "\text" and signs between them say nothing here.
std::vector<std::string> pieces_of(std::string_view text) {
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < text.size();) {
    const auto same_kind = is_digit(text[i]) ? is_digit : is_letter;
    const std::size_t begin = i;
    while (i < text.size() && same_kind(text[i])) ++i;
    if (i == begin) {
      ++i;
      continue;
    }
    const bool command = begin > 0 && text[begin - 1] == '\\';
    if (!command) pieces.emplace_back(text.substr(begin, i - begin));
  }
  return pieces;
}

std::string without_zeros(const std::string& digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
}

// "2020-05-06"
std::optional<std::string> numeric_date(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-dd";
  if (text.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] == 'd' ? !is_digit(text[i]) : text[i] != '-') return std::nullopt;
  return without_zeros(std::string(text.substr(5, 2))) + "-" + without_zeros(std::string(text.substr(8, 2))) + "-" +
         without_zeros(std::string(text.substr(0, 4)));
}

}  // namespace

std::optional<std::string> date_of(std::string_view text) {
  if (text.size() > kLongestDate) return std::nullopt;
  if (auto date = numeric_date(text)) return date;
  if (text.find_first_of("=+<>^_/*") != std::string_view::npos) return std::nullopt;
  int month = 0;
  std::vector<std::string> numbers;
  for (const std::string& piece : pieces_of(text)) {
    const bool idle =
        piece == "th" || piece == "st" || piece == "nd" || piece == "rd" || piece == "of" || piece == "the";
    if (is_digit(piece[0])) {
      numbers.push_back(without_zeros(piece));
    } else if (const int named = month_of(piece); named != 0 && month == 0) {
      month = named;
    } else if (!idle) {
      return std::nullopt;
    }
  }
  if (month == 0 || numbers.empty() || numbers.size() > 2) return std::nullopt;
  if (numbers.size() == 2 && numbers[0].size() > numbers[1].size()) std::swap(numbers[0], numbers[1]);
  std::string date = std::to_string(month);
  for (const std::string& number : numbers) date += "-" + number;
  return date;
}

}  // namespace qreason::math
