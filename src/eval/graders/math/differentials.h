// Derivatives, differentials and primes in answers, which are written with the letters of factors.
#pragma once

#include <vector>

#include "eval/graders/math/latex_tokens.h"

namespace qreason::math {

// "\frac{dy}{dx}", "\frac{d}{dx}", "\frac{\partial^2 f}{\partial x\partial y}", "dy/dx" as an operator in front of what
// it is applied to; "dx" as one letter where it is a differential; "^{\prime}" as a prime. Other tokens stay as they
// are.
std::vector<Token> with_differentials(std::vector<Token> tokens);

}  // namespace qreason::math
