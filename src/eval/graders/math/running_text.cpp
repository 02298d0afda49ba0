// Formulas and numbers in running text.
#include <algorithm>
#include <array>
#include <cstring>

#include "eval/graders/math/extract.h"
#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/numbers_in_text.h"
#include "eval/graders/math/surroundings.h"
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
