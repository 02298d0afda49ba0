// Formulas and numbers in running text.
#include <algorithm>
#include <array>
#include <cstring>

#include "eval/graders/math/extract.h"
#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/surroundings.h"
#include "eval/graders/math/unicode_signs.h"
#include "eval/graders/math/words.h"

namespace qreason::math {

std::size_t closing_brace(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '{')
      ++depth;
    else if (text[i] == '}' && --depth == 0)
      return i + 1;
  }
  return std::string_view::npos;
}

namespace {

// Short words of sentences, apart from what they could be a product of ("at", "as", "in").
bool is_sentence_word(std::string_view word, std::string_view behind) {
  static constexpr std::array<std::string_view, 10> kWords = {"is", "it", "so", "we", "to",
                                                              "of", "be", "by", "he", "if"};
  return !behind.empty() && is_blank(behind[0]) &&
         std::find(kWords.begin(), kWords.end(), lower_case(word)) != kWords.end();
}

}  // namespace

bool has_words(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) return true;
    if (!is_letter(text[i])) continue;
    const std::size_t begin = i;
    while (i < text.size() && is_letter(text[i])) ++i;
    const bool command = begin > 0 && text[begin - 1] == '\\';
    const std::string_view word = text.substr(begin, i - begin);
    if (command && i < text.size() && text[i] == '{' && (word.starts_with("text") || word == "mbox")) {
      i = std::min(closing_brace(text, i), text.size());  // a unit
    } else if (!command && ((word.size() > 2 && word != "and") || is_sentence_word(word, text.substr(i)))) {
      return true;
    }
  }
  return false;
}

namespace {

struct Formula {
  std::size_t begin, end;
  std::string_view text;
};

struct Delimiters {
  std::string_view open, close;
};
constexpr std::array<Delimiters, 3> kFormulas = {{{"\\[", "\\]"}, {"\\(", "\\)"}, {"$$", "$$"}}};

bool escaped(std::string_view text, std::size_t at) {
  std::size_t slashes = 0;
  while (slashes < at && text[at - 1 - slashes] == '\\') ++slashes;
  return slashes % 2 == 1;
}

// Places of one character, asked for in rising order.
class Places {
 public:
  Places(std::string_view text, char wanted) : text_(text), wanted_(wanted) {}

  // The first at `from` or behind; the end where there is none.
  std::size_t next(std::size_t from) {
    if (known_ >= from && known_ != std::string_view::npos) return known_;
    const void* found = from < text_.size() ? std::memchr(text_.data() + from, wanted_, text_.size() - from) : nullptr;
    known_ = found == nullptr ? text_.size() : static_cast<std::size_t>(static_cast<const char*>(found) - text_.data());
    return known_;
  }

 private:
  std::string_view text_;
  char wanted_;
  std::size_t known_ = std::string_view::npos;
};

// All $...$ on one line, $$...$$, \(...\) and \[...\], in order of their ends.
std::vector<Formula> find_formulas(std::string_view text) {
  std::vector<Formula> found;
  std::array<bool, kFormulas.size()> closes;  // false once nothing behind closes it: no second search to the end
  closes.fill(true);
  Places dollars(text, '$'), slashes(text, '\\');
  for (std::size_t i = 0; (i = std::min(dollars.next(i), slashes.next(i))) < text.size(); ++i) {
    for (std::size_t kind = 0; kind < kFormulas.size(); ++kind) {
      const Delimiters& pair = kFormulas[kind];
      if (!closes[kind] || !text.substr(i).starts_with(pair.open)) continue;
      const std::size_t close = text.find(pair.close, i + 2);
      closes[kind] = close != std::string_view::npos;
      if (!closes[kind]) continue;
      const std::string_view content = text.substr(i + 2, close - i - 2);
      const bool inline_form = pair.open == "\\(";
      if (!(inline_form && content.find('\n') != std::string_view::npos) && !trimmed(content).empty())
        found.push_back({i, close + 2, trimmed(content)});
      i = close + 1;
      break;
    }
    if (i >= text.size() || text[i] != '$' || escaped(text, i)) continue;
    std::size_t close = i + 1;
    while (close < text.size() && text[close] != '\n' && !(text[close] == '$' && !escaped(text, close))) ++close;
    if (close >= text.size() || text[close] != '$') continue;
    const std::string_view content = trimmed(text.substr(i + 1, close - i - 1));
    // "$5 more than $" is money, not a formula.
    const bool money = !content.empty() && is_digit(content[0]) && has_words(content);
    if (content.empty() || money) continue;
    found.push_back({i, close + 1, content});
    i = close;
  }
  return found;
}

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

// What binds a number to its neighbours ("6√2", "2pi", "3^2"), and what else may stand in such an expression.
constexpr std::array<std::string_view, 5> kTight = {"\u221a", "\u03c0", "^", "sqrt", "pi"};
constexpr std::string_view kLoose = "0123456789.+-*/()";

struct Sign {
  std::size_t size = 0;  // 0: none of them
  bool tight = false;
};

template <class Matches>
Sign sign_that(Matches matches) {
  for (const std::string_view sign : kTight)
    if (matches(sign)) return {sign.size(), true};
  for (std::size_t i = 0; i < kLoose.size(); ++i)
    if (matches(kLoose.substr(i, 1))) return {1};
  return {};
}

// The expression that a number is a part of, as far as kReach bytes to either side; the number where nothing binds it.
std::string with_neighbours(std::string_view text, const Found& number) {
  constexpr std::size_t kReach = 60;
  const std::size_t cut = number.begin > kReach ? number.begin - kReach : 0;
  text = text.substr(cut, number.end - cut + kReach);
  const std::size_t begin = number.begin - cut, end = number.end - cut;
  std::size_t first = begin, last = end;
  bool tight = false;
  for (Sign sign{1}; sign.size > 0; tight = tight || sign.tight) {
    const std::size_t blank = first > 0 && text[first - 1] == ' ' ? 1 : 0;
    sign = sign_that([&](std::string_view one) { return text.substr(0, first - blank).ends_with(one); });
    if (sign.size > 0) first -= sign.size + blank;
  }
  for (Sign sign{1}; sign.size > 0; tight = tight || sign.tight) {
    const std::size_t blank = last < text.size() && text[last] == ' ' ? 1 : 0;
    sign = sign_that(
        [&](std::string_view one) { return text.substr(std::min(last + blank, text.size())).starts_with(one); });
    if (sign.size > 0) last += sign.size + blank;
  }
  const bool in_word = (first > 0 && is_letter(text[first - 1])) || (last < text.size() && is_letter(text[last]));
  if (!tight || in_word) return number.text;
  std::string_view whole = trimmed(text.substr(first, last - first));
  while (!whole.empty() && (whole.back() == '.' || whole.back() == '(')) whole.remove_suffix(1);
  return std::string(whole);
}

// Whether an underscore in front of `at` binds it to what stands there: not in "_42_" or "__42__".
bool is_subscript(std::string_view text, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && text[begin - 1] == '_') --begin;
  return begin < at && begin > 0 && !is_blank(text[begin - 1]) && text[begin - 1] != ':' && text[begin - 1] != '*';
}

// Numbers with sign, groups, point, exponent, a fraction behind and a percent sign; not digits inside a word. The first
// `most` of them.
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

constexpr std::size_t kLongLine = 20'000;  // bytes, of which the end is looked at

// The numbers of the last line that has any: none crosses lines or looks back over one.
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

}  // namespace

namespace {

// Formulas and the numbers outside of them, from the line of the last of them on.
std::vector<Found> last_values(std::string_view text, const std::vector<Formula>& formulas,
                               const std::vector<Found>& numbers) {
  std::vector<Found> values;
  const std::size_t end =
      std::max(formulas.empty() ? 0 : formulas.back().begin, numbers.empty() ? 0 : numbers.back().begin);
  const std::size_t newline = text.substr(0, end).rfind('\n');
  const std::size_t line = newline == std::string_view::npos ? 0 : newline;
  auto formula = std::find_if(formulas.begin(), formulas.end(), [&](const Formula& f) { return f.begin >= line; });
  for (const Found& number : numbers) {
    for (; formula != formulas.end() && formula->begin <= number.begin; ++formula)
      values.push_back({formula->begin, formula->end, std::string(formula->text)});
    if (values.empty() || values.back().end <= number.begin) values.push_back(number);
  }
  for (; formula != formulas.end(); ++formula)
    values.push_back({formula->begin, formula->end, std::string(formula->text)});
  return values;
}

}  // namespace

std::optional<Extraction> last_value(std::string_view text) {
  const auto formulas = find_formulas(text);
  const auto numbers = last_numbers(text);
  if (formulas.empty() && numbers.empty()) return std::nullopt;
  const bool formula = numbers.empty() || (!formulas.empty() && formulas.back().end >= numbers.back().end);
  const auto parts = widened(text, numbers);
  const FoundBy found_by = formula ? FoundBy::kFormula : FoundBy::kNumber;
  const std::size_t begin = formula ? formulas.back().begin : parts.back().begin;
  const std::size_t end = formula ? formulas.back().end : parts.back().end;
  if (auto several = enumerated(text, last_values(text, formulas, parts)))
    return Extraction{*std::move(several), found_by, begin, end};
  if (formula) {
    std::string answer(formulas.back().text);
    std::string_view rest = text.substr(formulas.back().end);
    while (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);
    if (rest.starts_with("%") || rest.starts_with("percent") || rest.starts_with("pct")) answer += "\\%";
    return Extraction{answer, found_by, begin, end};
  }
  const bool wider = parts.back().text != numbers.back().text;
  return Extraction{wider ? parts.back().text : with_neighbours(text, numbers.back()), found_by, begin, end};
}

std::optional<Extraction> first_value(std::string_view text) {
  const auto formulas = find_formulas(text);
  auto numbers = find_numbers(text, 2);
  if (formulas.empty() && numbers.empty()) return std::nullopt;
  // "$12 $ and $13 $" is one answer of two formulas.
  if (!formulas.empty() && (numbers.empty() || formulas[0].begin <= numbers[0].begin + 1)) {
    std::string answer(formulas[0].text);
    std::size_t i = 1;
    for (; i < formulas.size() && joins(text.substr(formulas[i - 1].end, formulas[i].begin - formulas[i - 1].end)); ++i)
      answer.append(", ").append(formulas[i].text);
    return Extraction{answer, FoundBy::kAnchor, formulas[0].begin, formulas[i - 1].end};
  }
  // What ends with the second number may hold the first: "371 (mod 1000)", "5 out of 36".
  for (std::size_t i = numbers.size(); i-- > 0;) {
    const Found whole = with_surroundings(text, numbers[i]);
    if (whole.text != numbers[i].text && whole.begin <= numbers[0].begin && whole.end > numbers[0].begin)
      return Extraction{whole.text, FoundBy::kAnchor, whole.begin, whole.end};
  }
  return Extraction{with_neighbours(text, numbers[0]), FoundBy::kAnchor, numbers[0].begin, numbers[0].end};
}

}  // namespace qreason::math
