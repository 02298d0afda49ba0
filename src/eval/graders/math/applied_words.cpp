#include "eval/graders/math/applied_words.h"

#include <algorithm>
#include <array>
#include <string>

#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

constexpr std::string_view kIntroductions =
    " answer answers ans solution solutions result results total value values root roots zero zeros option options "
    "choice choices case cases part parts step point points vertex vertices center centre focus foci directrix "
    "interval "
    "intervals domain range set coordinates coordinate final thus so hence therefore then is are be was equals equal "
    "to "
    "of the an and or if for when where whenever otherwise else with at in on by as per mod not no yes true false "
    "units "
    "unit from all only about approximately approx exactly either both each any some that this it we get gives ";

bool introduces(std::string_view word) {
  const std::string lower = lower_case(word);
  return kIntroductions.find(" " + lower + " ") != std::string_view::npos || number_in_words(lower).has_value();
}

bool follows_number(std::string_view word) {
  const std::string lower = lower_case(word);
  return is_unit_word(word) || is_noun(lower) || is_filler(lower) || is_percent_word(lower) ||
         scale_word(lower).has_value();
}

bool take(std::string_view& rest, std::string_view what) {
  if (!rest.starts_with(what)) return false;
  rest.remove_prefix(what.size());
  return true;
}

}  // namespace

bool applies_to(std::string_view word, std::string_view rest, bool is_operatorname, bool after_value) {
  if (word.size() < 2 || !std::all_of(word.begin(), word.end(), is_letter) || introduces(word)) return false;
  if (after_value && follows_number(word)) return false;
  static constexpr std::array<std::string_view, 6> kSpaces = {" ", "\\,", "\\!", "\\;", "\\ ", "~"};
  const auto skip_space = [&] {
    return std::any_of(kSpaces.begin(), kSpaces.end(), [&](std::string_view space) { return take(rest, space); });
  };
  while (is_operatorname && skip_space()) continue;
  take(rest, "\\left");
  if (rest.empty()) return false;
  if (is_operatorname)
    return is_letter(rest[0]) || is_digit(rest[0]) || std::string_view("([{\\").find(rest[0]) != std::string_view::npos;
  const bool several = rest.substr(0, rest.find_first_of(")]")).find(',') != std::string_view::npos;
  return (rest[0] == '(' || rest[0] == '[') && !several;
}

}  // namespace qreason::math
