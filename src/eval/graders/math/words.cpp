#include "eval/graders/math/words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <unordered_map>
#include <vector>

#include "eval/graders/math/noun_list.h"
#include "eval/graders/math/other_scripts.h"
#include "eval/graders/math/prefixed_units.h"
#include "eval/graders/word_set.h"

namespace qreason::math {
namespace {

// Singular or without an ending of their own, which the list of plurals does not give.
constexpr std::string_view kOtherNouns =
    "man men woman women child children person people foot mouse mice goose geese tooth teeth ox oxen sheep fish deer "
    "die dice "
    "unit units pt pts item marbles apple student candy cookie box dollar euro way solution root integer number "
    "element "
    "subset point triangle side face edge vertex vertices outcome year hour minute second week day month times time "
    "total altogether each apiece remaining pair pairs "
    "个 個 种 種 次 只 条 本 位 张 件 辆 台 块 道 题 页 棵 组 人 名 개 명";

// Of these, what says no more than the number.
constexpr std::string_view kIdleNouns =
    "unit units item items thing things piece pieces object objects total altogether each apiece remaining time times "
    "way ways solution solutions root roots element elements integer integers number numbers value values outcome "
    "outcomes possibility possibilities arrangement arrangements combination combinations permutation permutations "
    "choice choices case cases pt pts 个 個 种 種 次 只 条 本 位 张 件 辆 台 块 道 题 页 棵 组 개";

constexpr std::pair<std::string_view, std::string_view> kIrregular[] = {
    {"men", "man"},         {"women", "woman"}, {"children", "child"}, {"kids", "child"},  {"kid", "child"},
    {"people", "person"},   {"feet", "foot"},   {"mice", "mouse"},     {"geese", "goose"}, {"teeth", "tooth"},
    {"oxen", "ox"},         {"dice", "die"},    {"人", "person"},      {"名", "person"},   {"명", "person"},
    {"vertices", "vertex"}, {"bus", "buse"}};

// Words that stand between a number and what it counts.
constexpr std::string_view kFillers =
    "red blue green yellow orange purple white black brown pink gray grey silver gold golden small large big little "
    "tiny "
    "medium tall short long wide deep new old young hot cold whole full empty more additional extra other different "
    "distinct "
    "possible positive negative real complex ordered unordered total unique new consecutive school of the in all such "
    "per a "
    "an square sq cubic cu linear approximately about around exactly only just roughly remaining left "
    "apart away high old ago later altogether together each male female chocolate vanilla plastic glass metal paper "
    "wooden "
    "prime even odd valid ways total";

// Answers, or words of answers.
constexpr std::string_view kAnswerWords =
    "yes no none true false north south east west northeast northwest southeast southwest up down left right even odd "
    "circle ellipse parabola hyperbola line point sphere cylinder cone plane spiral square rectangle rhombus trapezoid "
    "kite "
    "parallelogram triangle isosceles equilateral scalene acute obtuse pentagon hexagon octagon polygon cube prism "
    "pyramid "
    "increasing decreasing constant undefined infinity infinite finite all real numbers solution solutions empty set "
    "exist "
    "does not diverges converges divergent convergent always never sometimes neither both either and or cannot "
    "determined "
    "impossible possible prime composite rational irrational positive negative zero monday tuesday wednesday thursday "
    "friday "
    "saturday sunday january february march april may june july august september october november december red blue "
    "green "
    "yellow orange purple white black brown pink gray grey heads tails male female boy girl two lines segment ray "
    "vertical "
    "horizontal parallel perpendicular tie draw first second third last before after morning evening noon midnight "
    "domain";

struct NamedUnit {
  std::string_view names;  // separated by spaces
  std::string_view dimensions;
  std::int64_t top, bottom;
};

constexpr NamedUnit kUnits[] = {
    {"米 m meter meters metre metres", "m^1", 1, 1},
    {"厘米 cm centimeter centimeters centimetre centimetres cms", "m^1", 1, 100},
    {"毫米 mm millimeter millimeters millimetre millimetres", "m^1", 1, 1000},
    {"nm nanometer nanometers nanometre nanometres", "m^1", 1, 1'000'000'000},
    {"micrometer micrometers micron microns", "m^1", 1, 1'000'000},
    {"dm decimeter decimeters decimetre", "m^1", 1, 10},
    {"千米 公里 km kilometer kilometers kilometre kilometres kms", "m^1", 1000, 1},
    {"in inch inches", "m^1", 254, 10000},
    {"ft foot feet", "m^1", 3048, 10000},
    {"yd yds yard yards", "m^1", 9144, 10000},
    {"mi mile miles", "m^1", 1609344, 1000},
    {"克 g gram grams gramme grammes", "g^1", 1, 1},
    {"mg milligram milligrams", "g^1", 1, 1000},
    {"千克 公斤 kg kgs kilogram kilograms kilo kilos", "g^1", 1000, 1},
    {"t ton tons tonne tonnes", "ton^1", 1, 1},
    {"lb lbs pound pounds", "lb^1", 1, 1},
    {"oz ounce ounces", "lb^1", 1, 16},
    {"秒 s sec secs second seconds", "s^1", 1, 1},
    {"ms millisecond milliseconds", "s^1", 1, 1000},
    {"microsecond microseconds", "s^1", 1, 1'000'000},
    {"ns nanosecond nanoseconds", "s^1", 1, 1'000'000'000},
    {"分钟 min mins minute minutes", "s^1", 60, 1},
    {"小时 h hr hrs hour hours", "s^1", 3600, 1},
    {"天 day days", "s^1", 86400, 1},
    {"周 星期 week weeks wk wks", "s^1", 604800, 1},
    {"month months", "month^1", 1, 1},
    {"年 yr yrs year years", "month^1", 12, 1},
    {"decade decades", "month^1", 120, 1},
    {"century centuries", "month^1", 1200, 1},
    {"升 L l liter liters litre litres", "m^3", 1, 1000},
    {"毫升 mL ml milliliter milliliters millilitre millilitres", "m^3", 1, 1000000},
    {"gal gallon gallons", "gal^1", 1, 1},
    {"qt quart quarts", "gal^1", 1, 4},
    {"pint pints", "gal^1", 1, 8},
    {"cup cups", "gal^1", 1, 16},
    {"mph", "m^1 s^-1", 1609344, 3600000},
    {"kph kmh kmph", "m^1 s^-1", 1000, 3600},
    {"N newton newtons", "N^1", 1, 1},
    {"J joule joules", "J^1", 1, 1},
    {"kJ kj kilojoule kilojoules", "J^1", 1000, 1},
    {"cal calorie calories", "cal^1", 1, 1},
    {"kcal", "cal^1", 1000, 1},
    {"W watt watts", "W^1", 1, 1},
    {"kW kilowatt kilowatts", "W^1", 1000, 1},
    {"V volt volts", "V^1", 1, 1},
    {"mV millivolt millivolts", "V^1", 1, 1000},
    {"kV kilovolt kilovolts", "V^1", 1000, 1},
    {"mA milliamp milliamps milliampere milliamperes", "A^1", 1, 1000},
    {"A amp amps ampere amperes", "A^1", 1, 1},
    {"ohm ohms", "ohm^1", 1, 1},
    {"K kelvin kelvins", "K^1", 1, 1},
    {"Pa pascal pascals", "Pa^1", 1, 1},
    {"kPa kilopascal kilopascals", "Pa^1", 1000, 1},
    {"atm", "atm^1", 1, 1},
    {"Hz hertz", "s^-1", 1, 1},
    {"kHz kilohertz", "s^-1", 1000, 1},
    {"MHz megahertz", "s^-1", 1'000'000, 1},
    {"GHz gigahertz", "s^-1", 1'000'000'000, 1},
    {"eV", "eV^1", 1, 1},
    {"meV", "eV^1", 1, 1000},
    {"keV", "eV^1", 1000, 1},
    {"MeV", "eV^1", 1'000'000, 1},
    {"GeV", "eV^1", 1'000'000'000, 1},
    {"mol moles mole", "mol^1", 1, 1},
    {"C celsius Celsius", "celsius^1", 1, 1},
    {"F fahrenheit Fahrenheit", "fahrenheit^1", 1, 1},
    {"度 deg degs degree degrees", "degree^1", 1, 1},
    {"rad rads radian radians", "radian^1", 1, 1},
    {"acre acres", "acre^1", 1, 1},
    {"hectare hectares ha", "hectare^1", 1, 1},
    {"usd USD dollar dollars buck bucks", "usd^1", 1, 1},
    {"cent cents penny pennies", "usd^1", 1, 100},
    {"eur EUR euro euros euro", "eur^1", 1, 1},
    {"gbp GBP pounds-sterling", "gbp^1", 1, 1},
    {"円 yen JPY", "yen^1", 1, 1},
    {"rupee rupees rs Rs. Rs INR", "rupee^1", 1, 1},
    {"元 yuan RMB CNY", "yuan^1", 1, 1},
    {"peso pesos", "peso^1", 1, 1},
    {"rouble roubles ruble rubles", "rouble^1", 1, 1},
    {"a.m. am AM a.m A.M.", "am^1", 1, 1},
    {"p.m. pm PM p.m P.M.", "pm^1", 1, 1},
};

const std::unordered_map<std::string_view, const NamedUnit*>& unit_table() {
  static const auto* const table = [] {
    auto* by_name = new std::unordered_map<std::string_view, const NamedUnit*>;
    for (const NamedUnit& unit : kUnits)
      for (const std::string_view name : word_set(unit.names)) by_name->emplace(name, &unit);
    return by_name;
  }();
  return *table;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return lower;
}

namespace {

const NamedUnit* named_unit(std::string_view word) {
  auto found = unit_table().find(word);
  const std::string lower = lower_case(word);
  // "KHZ", "Hours", but neither "MPa" nor "mPa" for the other.
  if (found == unit_table().end() && word.size() >= 3 && !prefixed_unit(word)) found = unit_table().find(lower);
  return found == unit_table().end() ? nullptr : found->second;
}

}  // namespace

std::optional<Unit> unit_of_word(std::string_view word) {
  const NamedUnit* unit = named_unit(word);
  if (unit == nullptr) return prefixed_unit(word);
  return Unit{std::string(unit->dimensions), *Rational::of(unit->top, unit->bottom)};
}

Unit times(const Unit& a, const Unit& b, std::int64_t power) {
  std::vector<std::pair<std::string, std::int64_t>> powers;
  const auto add = [&](std::string_view dimensions, std::int64_t by) {
    while (!dimensions.empty()) {
      const std::size_t end = std::min(dimensions.find(' '), dimensions.size());
      const std::string_view item = dimensions.substr(0, end);
      const std::size_t hat = item.find('^');
      const std::string name(item.substr(0, hat));
      const std::int64_t exponent = std::stoll(std::string(item.substr(hat + 1))) * by;
      const auto known = std::find_if(powers.begin(), powers.end(), [&](const auto& p) { return p.first == name; });
      if (known == powers.end())
        powers.emplace_back(name, exponent);
      else
        known->second += exponent;
      dimensions.remove_prefix(std::min(end + 1, dimensions.size()));
    }
  };
  add(a.dimensions, 1);
  add(b.dimensions, power);
  std::sort(powers.begin(), powers.end());
  Unit result;
  for (const auto& [name, exponent] : powers)
    if (exponent != 0)
      result.dimensions += (result.dimensions.empty() ? "" : " ") + name + "^" + std::to_string(exponent);
  const auto raised = b.scale.to_power(power);
  const auto scale = raised ? a.scale.times(*raised) : std::nullopt;
  if (scale) result.scale = *scale;
  return result;
}

bool is_unit_word(std::string_view word) {
  return named_unit(word) != nullptr;
}

bool is_noun(std::string_view word) {
  static const WordSet plurals = word_set(kPluralNouns), others = word_set(kOtherNouns);
  const std::string lower = lower_case(word);
  if (plurals.contains(lower) || others.contains(lower)) return true;
  if (lower.size() < 3) return false;
  // "boxes" is of "box", "notes" not of "not".
  const bool hisses = std::string_view("sxzho").find(lower.back()) != std::string_view::npos;
  const std::string plural = lower + "s", longer = hisses ? lower + "es" : plural;
  const std::string changed = lower.back() == 'y' ? lower.substr(0, lower.size() - 1) + "ies" : lower;
  return plurals.contains(plural) || plurals.contains(longer) || plurals.contains(changed);
}

std::string noun_stem(std::string_view word) {
  static const WordSet idle = word_set(kIdleNouns);
  std::string stem = lower_case(word);
  if (idle.contains(stem)) return "";
  for (const auto& [plural, singular] : kIrregular)
    if (stem == plural) stem = singular;
  if (stem.size() > 2 && stem.back() == 's' && stem[stem.size() - 2] != 's') stem.pop_back();
  if (stem.size() > 2 && stem.back() == 'e') stem.pop_back();
  if (!stem.empty() && stem.back() == 'y') stem.back() = 'i';
  if (!stem.empty() && stem.back() == 'f') stem.back() = 'v';  // "loaf", "loaves"
  return stem;
}

bool is_filler(std::string_view word) {
  static const WordSet fillers = word_set(kFillers);
  return fillers.contains(lower_case(word));
}

bool is_known_word(std::string_view word) {
  static const WordSet answers = word_set(kAnswerWords);
  const std::string lower = lower_case(word);
  return answers.contains(lower) || (lower.size() >= 3 && (is_noun(lower) || is_filler(lower))) ||
         number_in_words(lower) || scale_word(lower) || is_percent_word(lower);
}

bool looks_like_word(std::string_view letters) {
  const std::string lower = lower_case(letters);
  if (lower.size() < 4) return false;
  const auto is_vowel = [](char c) { return std::string_view("aeiouy").find(c) != std::string_view::npos; };
  if (std::none_of(lower.begin(), lower.end(), is_vowel)) return false;
  std::string sorted = lower;
  std::sort(sorted.begin(), sorted.end());
  bool neighbours = true;  // "abcd", "wxyz", in any order
  for (std::size_t i = 1; i < sorted.size(); ++i) neighbours = neighbours && sorted[i] - sorted[i - 1] <= 1;
  // No word has capitals inside.
  const bool capitals = std::any_of(letters.begin() + 1, letters.end(), [](char c) { return c >= 'A' && c <= 'Z'; }) &&
                        std::any_of(letters.begin(), letters.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return !neighbours && !capitals;
}

namespace {

struct NumberWord {
  std::string_view word;
  std::int64_t value;
};
constexpr NumberWord kNumberWords[] = {
    {"zero", 0},      {"one", 1},       {"two", 2},       {"three", 3},    {"four", 4},     {"five", 5},
    {"six", 6},       {"seven", 7},     {"eight", 8},     {"nine", 9},     {"ten", 10},     {"eleven", 11},
    {"twelve", 12},   {"thirteen", 13}, {"fourteen", 14}, {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17},
    {"eighteen", 18}, {"nineteen", 19}, {"twenty", 20},   {"thirty", 30},  {"forty", 40},   {"fifty", 50},
    {"sixty", 60},    {"seventy", 70},  {"eighty", 80},   {"ninety", 90}};
constexpr NumberWord kScales[] = {{"hundred", 100},
                                  {"thousand", 1000},
                                  {"million", 1'000'000},
                                  {"billion", 1'000'000'000},
                                  {"trillion", 1'000'000'000'000},
                                  {"dozen", 12}};
constexpr NumberWord kParts[] = {{"half", 2},     {"halves", 2}, {"third", 3},   {"thirds", 3},   {"quarter", 4},
                                 {"quarters", 4}, {"fourth", 4}, {"fourths", 4}, {"fifth", 5},    {"fifths", 5},
                                 {"sixth", 6},    {"sixths", 6}, {"seventh", 7}, {"sevenths", 7}, {"eighth", 8},
                                 {"eighths", 8},  {"ninth", 9},  {"ninths", 9},  {"tenth", 10},   {"tenths", 10}};

template <std::size_t N>
std::optional<std::int64_t> value_of(const NumberWord (&table)[N], std::string_view word) {
  for (const NumberWord& entry : table)
    if (entry.word == word) return entry.value;
  return std::nullopt;
}

}  // namespace

std::optional<Rational> scale_word(std::string_view word) {
  if (const auto chinese = chinese_scale(word)) return chinese;
  std::string lower = lower_case(word);
  if (lower.size() > 4 && lower.back() == 's') lower.pop_back();
  const auto scale = value_of(kScales, lower);
  return scale ? std::optional(Rational(*scale)) : std::nullopt;
}

bool is_percent_word(std::string_view word) {
  const std::string lower = lower_case(word);
  return lower == "percent" || lower == "percents" || lower == "percentage" || lower == "pct" || lower == "percentages";
}

namespace {

// "seventeen and a half"
std::optional<Rational> mixed_in_words(std::string_view text) {
  const std::size_t at = text.rfind(" and ");
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view behind = text.substr(at + 5);
  const auto part = part_in_words(behind);
  const auto whole = part ? number_in_words(text.substr(0, at)) : std::nullopt;
  return whole && whole->is_integer() && whole->sign() > 0 ? whole->plus(*part) : std::nullopt;
}

}  // namespace

std::optional<Rational> part_in_words(std::string_view words) {
  const auto part = number_in_words(words.starts_with("a ") ? "one " + std::string(words.substr(2)) : words);
  const bool proper = part && !part->is_integer() && part->sign() > 0 && part->less_than(Rational(1));
  return proper ? part : std::nullopt;
}

std::optional<Rational> number_in_words(std::string_view words) {
  if (const auto chinese = chinese_number(words)) return chinese;
  std::string text = lower_case(words);
  std::replace(text.begin(), text.end(), '-', ' ');
  if (auto mixed = mixed_in_words(text)) return mixed;
  std::int64_t total = 0, group = 0;
  std::int64_t below = std::numeric_limits<std::int64_t>::max();  // "one million two hundred thousand"
  bool any = false, negative = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string word = text.substr(0, end);
    text.erase(0, std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (const auto value = value_of(kNumberWords, word)) {
      // "twenty one", "hundred five", not "one two".
      const bool fits = group % 10 == 0 && (*value < 10 ? true : group % 100 == 0);
      if (any && !(fits && (*value < group || group == 0))) return std::nullopt;
      group += *value;
    } else if (const auto scale = value_of(kScales, word)) {
      if (!any) group = 1;
      if (group == 0 || group > 1'000'000 || *scale >= below) return std::nullopt;
      group *= *scale;
      if (*scale > 100) {
        total += group;
        group = 0;
        below = *scale;
      }
    } else if (const auto part = value_of(kParts, word)) {
      if (!text.empty() || (total != 0) || (any && (group == 0 || group > 20))) return std::nullopt;
      if (!any && word.back() == 's') return std::nullopt;
      if (!any && word != "half") return std::nullopt;  // "third" may be an order
      return Rational::of(any ? group : 1, *part);
    } else if ((word == "negative" || word == "minus") && !any && !negative) {
      negative = true;
      continue;
    } else if (!(word == "and" && any) && !(word == "a" && !any && !text.empty())) {
      return std::nullopt;
    } else {
      continue;
    }
    any = true;
  }
  if (!any) return std::nullopt;
  return Rational(negative ? -(total + group) : total + group);
}

}  // namespace qreason::math
