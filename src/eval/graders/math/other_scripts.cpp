#include "eval/graders/math/other_scripts.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/utf8.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

struct Range {
  char32_t first, last;
};
// Letters and marks from Cyrillic to Cherokee; Cyrillic again; hanzi, kana, hangul; Arabic forms; what is beyond.
constexpr Range kOtherScripts[] = {{0x400, 0x1CFF},    {0x2DE0, 0x2DFF},  {0x2E80, 0x2FDF}, {0x3005, 0x3007},
                                   {0x3040, 0xD7FF},   {0xF900, 0xFDFF},  {0xFE70, 0xFEFE}, {0xFF66, 0xFFDC},
                                   {0x10000, 0x1CFFF}, {0x20000, 0x3FFFF}};

char32_t code_point(std::string_view bytes) {
  char32_t code = static_cast<unsigned char>(bytes[0]) & (0xFFU >> (bytes.size() + 1));
  for (const char byte : bytes.substr(1)) code = (code << 6) | (static_cast<unsigned char>(byte) & 0x3FU);
  return code;
}

using Value = std::pair<std::string_view, std::int64_t>;
constexpr Value kDigits[] = {{"零", 0}, {"〇", 0}, {"一", 1}, {"二", 2}, {"两", 2}, {"三", 3},
                             {"四", 4}, {"五", 5}, {"六", 6}, {"七", 7}, {"八", 8}, {"九", 9}};
constexpr Value kPlaces[] = {{"十", 10}, {"百", 100}, {"千", 1000}};
constexpr Value kScales[] = {{"万", 10'000}, {"萬", 10'000}, {"亿", 100'000'000}};

template <std::size_t N>
std::optional<std::int64_t> value_of(const Value (&table)[N], std::string_view sign) {
  for (const auto& [name, value] : table)
    if (name == sign) return value;
  return std::nullopt;
}

// Below ten thousand: "三百零五"; nullopt for what is not written out ("百四", "三百五", "二三").
std::optional<std::int64_t> section(std::string_view text) {
  std::int64_t total = 0, digit = -1, place = 10'000;
  bool zero = false;
  for (; !text.empty(); text.remove_prefix(3)) {
    const std::string_view sign = text.substr(0, 3);
    if (const auto value = value_of(kDigits, sign)) {
      if (digit > 0 || (*value == 0 && zero)) return std::nullopt;
      if (*value == 0 ? total == 0 && text.size() > 3 : place > 10 && place < 10'000 && !zero && text.size() == 3)
        return std::nullopt;
      zero = zero || *value == 0;
      digit = *value;
    } else if (const auto next = value_of(kPlaces, sign)) {
      const bool bare_ten = digit < 0 && total == 0 && *next == 10;
      if (*next >= place || (digit <= 0 && !bare_ten)) return std::nullopt;
      total += (bare_ten ? 1 : digit) * *next;
      place = *next;
      digit = -1;
      zero = false;
    } else {
      return std::nullopt;
    }
  }
  return total + std::max<std::int64_t>(digit, 0);
}

// The longest unit or counted thing that the letters begin with, in bytes.
std::size_t unit_length(std::string_view letters) {
  for (std::size_t end = std::min<std::size_t>(letters.size(), 15); end > 0; --end)
    if (is_unit_word(letters.substr(0, end)) || is_noun(letters.substr(0, end))) return end;
  return 0;
}

std::size_t number_length(std::string_view letters) {
  for (std::size_t end = letters.size() - letters.size() % 3; end > 0; end -= 3)
    if (chinese_number(letters.substr(0, end))) return end;
  return 0;
}

}  // namespace

std::size_t other_script_length(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size()) {
    const std::size_t length = utf8_character_length(text.substr(end));
    const char32_t code = length < 2 ? 0 : code_point(text.substr(end, length));
    const bool letter = std::any_of(std::begin(kOtherScripts), std::end(kOtherScripts),
                                    [&](const Range& r) { return code >= r.first && code <= r.last; });
    if (!letter) break;
    end += length;
  }
  return end;
}

std::vector<std::string> cut_other_script(std::string_view letters, bool behind_value) {
  for (const std::string_view either : {"或", "或者"})
    if (letters == either) return {"or"};
  for (const std::string_view both : {"和", "与", "及", "以及", "且", "并且"})
    if (letters == both) return {"and"};
  std::vector<std::string> words;
  const auto take = [&](std::size_t bytes) {
    if (bytes > 0) words.emplace_back(letters.substr(0, bytes));
    letters.remove_prefix(bytes);
    return bytes > 0;
  };
  if (letters.size() > 60) return {std::string(letters)};
  for (const std::string_view all : {"共", "一共", "总共", "约"})
    if (!behind_value && letters.starts_with(all) && number_length(letters.substr(all.size())) > 0) take(all.size());
  const std::size_t number = number_length(letters);
  if (number == letters.size() || (number > 0 && unit_length(letters.substr(number)) > 0))
    behind_value = take(number);
  else if (behind_value && letters.size() >= 3 && chinese_scale(letters.substr(0, 3)))
    take(3);
  if (behind_value) take(unit_length(letters));
  take(letters.size());
  return words;
}

std::optional<Rational> chinese_scale(std::string_view word) {
  const auto scale = value_of(kScales, word);
  return scale ? std::optional(Rational(*scale)) : std::nullopt;
}

std::optional<Rational> chinese_number(std::string_view word) {
  constexpr std::string_view kParts = "分之";
  if (word.empty() || word.size() % 3 != 0 || word.size() > 60) return std::nullopt;
  if (const std::size_t at = word.find(kParts); at != std::string_view::npos) {
    const std::string_view over = word.substr(at + kParts.size());
    const std::int64_t below = section(word.substr(0, at)).value_or(0), above = section(over).value_or(0);
    if (below == 0 || above == 0) return std::nullopt;
    return Rational::of(above, below);
  }
  std::int64_t total = 0;
  std::size_t begin = 0;
  for (const auto& [sign, scale] : {Value{"亿", 100'000'000}, Value{"万", 10'000}}) {
    const std::size_t at = word.find(sign, begin);
    if (at == std::string_view::npos) continue;
    const std::int64_t before = section(word.substr(begin, at - begin)).value_or(0);
    if (before == 0) return std::nullopt;
    total += before * scale;
    begin = at + sign.size();
  }
  if (begin == word.size()) return Rational(total);
  // "三万五" is 35000 in speech, and 30005 for others.
  const bool whole = begin == 0 || word.size() - begin > 3;
  const bool zero = word.substr(begin).starts_with("零");
  const std::int64_t rest = section(word.substr(begin + (begin > 0 && zero ? 3 : 0))).value_or(-1);
  if (rest < 0 || !(whole || zero)) return std::nullopt;
  return Rational(total + rest);
}

}  // namespace qreason::math
