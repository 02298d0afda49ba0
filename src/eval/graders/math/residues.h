// Rational constants of any size, by their remainders: for what 128 bits do not hold.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "eval/graders/math/expression.h"

namespace qreason::math {

// Modulo three primes next below 2^61. Different remainders prove different numbers; equal ones are equal numbers but
// for one pair in 2^180.
using Residues = std::array<std::uint64_t, 3>;

// nullopt: not made of numbers by sums, products, quotients, integer powers, factorials and binomials, or divided by
// zero (by a multiple of one of the primes).
std::optional<Residues> residues_of(const Node& node);

}  // namespace qreason::math
