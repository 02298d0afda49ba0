// Words in scripts that are neither Latin nor Greek, and the numbers and units that are written so.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/graders/math/rational.h"

namespace qreason::math {

// The bytes of the letters of such scripts that `text` begins with.
std::size_t other_script_length(std::string_view text);

// Letters of these scripts cut into words, as far as no spaces tell where one ends: "万元" behind a value is "万" and
// "元", "五个" is "五" and "个"; "或" is "or", "和" is "and".
std::vector<std::string> cut_other_script(std::string_view letters, bool behind_value);

// "十二", "三百零五", "3万" without its 3, "二分之一"; nullopt for anything else ("二三", "三万五").
std::optional<Rational> chinese_number(std::string_view word);
std::optional<Rational> chinese_scale(std::string_view word);  // "万", "亿"

}  // namespace qreason::math
