// p-values of a family of tests, adjusted: what each would be tested against 0.05 as. A family is all (method, task) of
// one model. nullopt is no test: it is left out of the family and stays nullopt.
#pragma once

#include <optional>
#include <vector>

namespace qreason {

using PValues = std::vector<std::optional<double>>;

// The chance of one false claim among all (Holm 1979).
PValues holm(const PValues& p);

// The share of false ones among the claims (Benjamini, Hochberg 1995).
PValues benjamini_hochberg(const PValues& p);

}  // namespace qreason
