// The quadratic character of a finite field GF(q), q an odd prime power: what Paley's Hadamard matrices are made of.
#pragma once

#include <cstdint>
#include <vector>

namespace qreason {

// q = prime^exponent.
struct PrimePower {
  std::int64_t prime = 0;
  int exponent = 0;  // 0: not a prime power
};
PrimePower prime_power(std::int64_t q);

// Elements are the numbers 0 to q - 1: residues where q is prime, else the digits to the base of the prime are the
// coefficients of a polynomial, modulo the first irreducible one of that degree.
class QuadraticCharacter {
 public:
  // An Error where q is no odd prime power.
  explicit QuadraticCharacter(std::int64_t q);

  std::int64_t order() const { return static_cast<std::int64_t>(values_.size()); }
  // 1 for squares, -1 for what is none, 0 for 0.
  int of(std::int64_t element) const { return values_[static_cast<std::size_t>(element)]; }
  std::int64_t difference(std::int64_t a, std::int64_t b) const;

 private:
  std::int64_t prime_;
  std::vector<std::int8_t> values_;
};

}  // namespace qreason
