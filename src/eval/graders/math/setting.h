// What only sets an answer on a page, or says nothing around it.
#pragma once

#include <vector>

#include "eval/graders/math/latex_tokens.h"

namespace qreason::math {

// The tokens without full stops and commas behind them, "**7**", "\therefore" in front, "\checkmark", "(exactly)" and
// "is the answer" behind, "\text{ for all } x" behind what is a function of x; lines of "aligned" and its like are a
// list, those in one left brace "cases". Other tokens stay as they are.
std::vector<Token> without_setting(std::vector<Token> tokens);

}  // namespace qreason::math
