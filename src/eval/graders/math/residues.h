// A normal form of expressions: their value modulo three primes, with a fixed random number for each symbol.
//
// Two rational functions (in symbols, pi, e, i) that are the same have the same residues; two that differ have the same
// ones for one in 2^180 times the degree (Schwartz-Zippel). What is no rational operation (a root, a sine, f(x), a
// power with a symbol in the exponent) counts as a symbol named by the residues of its arguments, so that equal
// residues still mean equal functions; different ones mean something only where nothing of that kind occurs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "eval/graders/math/evaluate.h"

namespace qreason::math {

struct Residues {
  std::array<std::uint64_t, 3> values{};
  bool decisive = true;  // only rational operations: different values are different functions
  bool has_pi = false, has_e = false;

  bool same(const Residues& other) const { return values == other.values; }
};

// Whether different residues prove the two to be different.
inline bool prove_difference(const Residues& a, const Residues& b) {
  const bool two_transcendentals = (a.has_pi || b.has_pi) && (a.has_e || b.has_e);
  return a.decisive && b.decisive && !two_transcendentals;
}

// nullopt: divided by zero, no scalar (a list, a relation, infinity), or the budget is used up.
std::optional<Residues> residues_of(const Node& node, Budget& budget);

}  // namespace qreason::math
