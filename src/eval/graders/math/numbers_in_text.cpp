#include "eval/graders/math/numbers_in_text.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/unicode_signs.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

std::size_t number_end(std::string_view text, std::size_t i) {
  while (i < text.size()) {
    const bool group = (text[i] == ',' || text[i] == ' ') && i + 3 < text.size() && is_digit(text[i + 1]) &&
                       is_digit(text[i + 2]) && is_digit(text[i + 3]) &&
                       (i + 4 >= text.size() || !is_digit(text[i + 4]));
    const bool latex_group = text.substr(i).starts_with("{,}") || text.substr(i).starts_with(",\\!");
    const bool point = (text[i] == '.' || text[i] == ',') && i + 1 < text.size() && is_digit(text[i + 1]);
    if (is_digit(text[i]))
      ++i;
    else if (latex_group && i + 3 < text.size() && is_digit(text[i + 3]))
      i += 3;
    else if (group || point)
      ++i;
    else
      break;
  }
  return i;
}

// The bytes of a minus sign that ends at `at` and is none between two values; 0 where there is no such sign.
std::size_t minus_before(std::string_view text, std::size_t at) {
  for (const std::string_view sign : {"-", "\u2212", "\u2010", "\u2011", "\u2012", "\u2013", "\ufe63", "\uff0d"}) {
    if (!text.substr(0, at).ends_with(sign)) continue;
    const std::size_t begin = at - sign.size();
    const char left = begin > 0 ? text[begin - 1] : ' ';
    return is_digit(left) || is_letter(left) || left == ')' ? 0 : sign.size();
  }
  return 0;
}

// The end of the number [begin, end) with the fraction that belongs to it: "1/2", and "3 1/2" after a whole number.
std::size_t fraction_end(std::string_view text, std::size_t begin, std::size_t end) {
  const auto digit_at = [&](std::size_t i) { return i < text.size() && is_digit(text[i]); };
  if (text.substr(end).starts_with("/") && digit_at(end + 1)) return number_end(text, end + 1);
  const std::string_view number = text.substr(begin, end - begin);
  if (!text.substr(end).starts_with(" ") || !std::all_of(number.begin(), number.end(), is_digit)) return end;
  std::size_t slash = end + 1;
  while (digit_at(slash)) ++slash;
  if (slash == end + 1 || !text.substr(slash).starts_with("/") || !digit_at(slash + 1)) return end;
  return number_end(text, slash + 1);
}

// "1.5e3": the end of the exponent that begins at `at`; `at` where there is none.
std::size_t exponent_end(std::string_view text, std::size_t at) {
  if (at >= text.size() || (text[at] != 'e' && text[at] != 'E')) return at;
  std::size_t end = at + 1;
  if (end < text.size() && (text[end] == '-' || text[end] == '+')) ++end;
  const std::size_t digits = end;
  while (end < text.size() && is_digit(text[end])) ++end;
  const bool word = end < text.size() && is_letter(text[end]);
  return end == digits || word ? at : end;
}

// "2×10⁵", "3 \\times 10^{-4}": the end of the power of ten behind a number that ends at `at`; `at` where there is
// none.
std::size_t power_of_ten_end(std::string_view text, std::size_t at) {
  std::size_t i = at;
  const auto skip = [&](std::string_view with) { return text.substr(i).starts_with(with) && (i += with.size(), true); };
  while (skip(" ")) {
  }
  if (!skip("\u00d7") && !skip("\\times") && !skip("\\cdot") && !skip("*") && !skip("x")) return at;
  while (skip(" ")) {
  }
  if (!skip("10")) return at;
  const std::size_t ten = i;
  if (skip("^")) {
    const bool group = skip("{");
    skip("-") || skip("\u2212");
    const std::size_t digits = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i == digits || (group && !skip("}")) ? at : i;
  }
  for (bool more = true; more;) {
    more = false;
    for (const std::string_view raised : {"⁻", "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"})
      more = more || skip(raised);
  }
  return i == ten ? at : i;
}

// "½", or "\\frac{2}{5}" of whole numbers: the end of the fraction at `at`; `at` where there is none.
std::size_t written_fraction_end(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.empty()) return at;
  if (static_cast<unsigned char>(rest[0]) >= 0xC2) {
    const std::size_t bytes = static_cast<unsigned char>(rest[0]) < 0xE0 ? 2 : 3;
    const std::string_view sign = rest.substr(0, bytes);
    return in_latex(sign).starts_with("\\frac") ? at + sign.size() : at;
  }
  std::size_t i = at;
  for (const std::string_view name : {"\\frac{", "\\dfrac{", "\\tfrac{"})
    if (rest.starts_with(name)) i = at + name.size();
  if (i == at) return at;
  for (const std::string_view behind : {"}{", "}"}) {
    const std::size_t digits = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    if (i == digits || !text.substr(i).starts_with(behind)) return at;
    i += behind.size();
  }
  return i;
}

// "3 million", "1.5 dozen": the end of the word that multiplies what ends at `at`.
std::size_t scale_word_end(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != ' ') return at;
  std::size_t end = at + 1;
  while (end < text.size() && is_letter(text[end])) ++end;
  return scale_word(text.substr(at + 1, end - at - 1)) ? end : at;
}

// Whether an underscore in front of `at` binds it to what stands there: not in "_42_" or "__42__".
bool is_subscript(std::string_view text, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && text[begin - 1] == '_') --begin;
  return begin < at && begin > 0 && !is_blank(text[begin - 1]) && text[begin - 1] != ':' && text[begin - 1] != '*';
}

constexpr std::size_t kLongLine = 20'000;  // bytes, of which the end is looked at

}  // namespace

std::vector<Found> find_numbers(std::string_view text, std::size_t most) {
  std::vector<Found> found;
  for (std::size_t i = 0; i < text.size() && found.size() < most; ++i) {
    const bool digits = is_digit(text[i]) || (text[i] == '.' && i + 1 < text.size() && is_digit(text[i + 1]));
    const bool may_be_fraction = text[i] == '\\' || static_cast<unsigned char>(text[i]) >= 0xC2;
    const std::size_t fraction = may_be_fraction ? written_fraction_end(text, i) : i;
    if (!digits && fraction == i) continue;
    const bool of_unit = i > 2 && text[i - 1] == '^' && is_letter(text[i - 2]) && is_letter(text[i - 3]);  // "cm^2"
    if (digits && i > 0 && (is_letter(text[i - 1]) || is_subscript(text, i) || of_unit)) {
      while (i + 1 < text.size() && (is_digit(text[i + 1]) || is_letter(text[i + 1]))) ++i;
      continue;
    }
    const std::size_t begin = i;
    std::size_t before = i;
    while (before > 0 && text[before - 1] == '$') --before;
    const std::size_t minus = minus_before(text, before);
    std::size_t end = digits ? fraction_end(text, begin, number_end(text, i)) : fraction;
    if (digits) end = written_fraction_end(text, end);
    std::string answer = (minus > 0 ? "-" : "") + std::string(text.substr(begin, end - begin));
    if (const std::size_t exponent = exponent_end(text, end); exponent > end) {
      answer += " \\cdot 10^{" + std::string(text.substr(end + 1, exponent - end - 1)) + "}";
      end = exponent;
    } else if (const std::size_t power = std::max(power_of_ten_end(text, end), scale_word_end(text, end));
               power > end) {
      answer += text.substr(end, power - end);
      end = power;
    }
    const bool goes_on = answer.find('.') != std::string::npos &&
                         (text.substr(end).starts_with("...") || text.substr(end).starts_with("\u2026"));
    if (goes_on) answer += "\\ldots";
    std::size_t look = end;
    while (look < text.size() && (text[look] == ' ' || text[look] == '\\' || text[look] == '$')) ++look;
    if (text.substr(look).starts_with("%") || text.substr(look).starts_with("percent") ||
        text.substr(look).starts_with("pct"))
      answer += "\\%";
    found.push_back({minus > 0 ? before - minus : begin, end, answer});
    i = end - 1;
  }
  return found;
}

std::vector<Found> last_numbers(std::string_view text) {
  for (std::size_t end = text.size(); end > 0;) {
    const void* newline = ::memrchr(text.data(), '\n', end - 1);
    const std::size_t begin =
        newline == nullptr ? 0 : static_cast<std::size_t>(static_cast<const char*>(newline) - text.data());
    std::size_t start = end - begin > kLongLine ? end - kLongLine : begin;
    while (start > begin && start < end && (is_digit(text[start]) || is_letter(text[start]))) ++start;
    std::vector<Found> found = find_numbers(text.substr(start, end - start), std::string_view::npos);
    for (Found& number : found) {
      number.begin += start;
      number.end += start;
    }
    if (!found.empty()) return found;
    end = begin;
  }
  return {};
}

}  // namespace qreason::math
