// Words that are functions of the bracket behind them, and words that only introduce it.
#pragma once

#include <string_view>

namespace qreason::math {

// Whether the word in front of `rest` is applied to it: "\\operatorname{erf}" to a value, any other word
// ("\\text{Fib}(9)",
// "\\mathrm{Var}[X]") to a bracket of one value right behind it. "answer", "point", "if", units and things that are
// counted behind a value are not.
bool applies_to(std::string_view word, std::string_view rest, bool is_operatorname, bool after_value);

}  // namespace qreason::math
