#include "eval/graders/math/prefixed_units.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace qreason::math {
namespace {

struct Prefix {
  char letter;
  std::int64_t top, bottom;
};
constexpr Prefix kPrefixes[] = {{'n', 1, 1'000'000'000}, {'u', 1, 1'000'000}, {'m', 1, 1000},
                                {'k', 1000, 1},          {'M', 1'000'000, 1}, {'G', 1'000'000'000, 1}};
constexpr std::string_view kSymbols[] = {"m", "g", "s", "L", "N", "J", "W", "V", "A", "K", "Pa", "Hz", "eV", "mol"};

std::string upper(std::string_view word, std::size_t letters) {
  std::string result(word);
  for (std::size_t i = 0; i < letters; ++i)
    if (result[i] >= 'a') result[i] = static_cast<char>(result[i] - ('a' - 'A'));
  return result;
}

}  // namespace

std::optional<Unit> prefixed_unit(std::string_view word) {
  // Spelled with a capital, no other units.
  for (const std::string_view plain : {"km", "kg", "cm", "kJ", "kW", "kV"})
    if (word == upper(plain, 1) || word == upper(plain, 2)) return unit_of_word(plain);
  if (word == "Wh") return Unit{"J^1", Rational(3600)};
  if (word.size() < 2) return std::nullopt;
  const auto prefix = std::find_if(std::begin(kPrefixes), std::end(kPrefixes),
                                   [&](const Prefix& known) { return known.letter == word[0]; });
  const std::string_view symbol = word.substr(1);
  const bool known = std::find(std::begin(kSymbols), std::end(kSymbols), symbol) != std::end(kSymbols);
  if (prefix == std::end(kPrefixes) || !(known || symbol == "Wh")) return std::nullopt;
  const auto unit = unit_of_word(symbol);
  const auto scale = unit ? unit->scale.times(*Rational::of(prefix->top, prefix->bottom)) : std::nullopt;
  return scale ? std::optional(Unit{unit->dimensions, *scale}) : std::nullopt;
}

}  // namespace qreason::math
