#include "model/quadratic_character.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {
namespace {

using Polynomial = std::vector<std::int64_t>;  // coefficients, the constant first

// The digits of a number to the base p.
Polynomial digits(std::int64_t number, std::int64_t p, int count) {
  Polynomial result(static_cast<std::size_t>(count));
  for (std::int64_t& digit : result) {
    digit = number % p;
    number /= p;
  }
  return result;
}

// a modulo a monic polynomial, in place.
void reduce(Polynomial& a, const Polynomial& monic, std::int64_t p) {
  const std::size_t degree = monic.size() - 1;
  for (std::size_t top = a.size(); top-- > degree;) {
    const std::int64_t factor = a[top];
    for (std::size_t i = 0; i <= degree; ++i) {
      std::int64_t& at = a[top - degree + i];
      at = (at + (p - factor) * monic[i]) % p;
    }
  }
  a.resize(degree);
}

std::int64_t power(std::int64_t base, int exponent) {
  std::int64_t result = 1;
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}

Polynomial monic(std::int64_t number, std::int64_t p, int degree) {
  Polynomial result = digits(number, p, degree);
  result.push_back(1);
  return result;
}

bool is_irreducible(const Polynomial& candidate, std::int64_t p) {
  const int degree = static_cast<int>(candidate.size()) - 1;
  for (int d = 1; d <= degree / 2; ++d) {
    for (std::int64_t number = 0; number < power(p, d); ++number) {
      Polynomial rest = candidate;
      reduce(rest, monic(number, p, d), p);
      if (rest == Polynomial(static_cast<std::size_t>(d))) return false;
    }
  }
  return true;
}

Polynomial first_irreducible(std::int64_t p, int degree) {
  for (std::int64_t number = 0;; ++number) {
    Polynomial candidate = monic(number, p, degree);
    if (is_irreducible(candidate, p)) return candidate;
  }
}

std::int64_t square(std::int64_t element, const Polynomial& modulus, std::int64_t p) {
  const int degree = static_cast<int>(modulus.size()) - 1;
  const Polynomial a = digits(element, p, degree);
  Polynomial product(2 * a.size() - 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a.size(); ++j) product[i + j] = (product[i + j] + a[i] * a[j]) % p;
  }
  reduce(product, modulus, p);
  std::int64_t number = 0;
  for (std::size_t i = product.size(); i-- > 0;) number = number * p + product[i];
  return number;
}

}  // namespace

PrimePower prime_power(std::int64_t q) {
  if (q < 2) return {};
  std::int64_t prime = 2;
  while (prime * prime <= q && q % prime != 0) ++prime;
  if (q % prime != 0) prime = q;
  PrimePower result{.prime = prime};
  for (; q % prime == 0; q /= prime) ++result.exponent;
  return q == 1 ? result : PrimePower{};
}

QuadraticCharacter::QuadraticCharacter(std::int64_t q) : prime_(prime_power(q).prime) {
  const PrimePower found = prime_power(q);
  if (found.exponent == 0 || prime_ == 2) throw Error("finite field", fmt::format("{}", q), "an odd prime power");
  const Polynomial modulus = first_irreducible(prime_, found.exponent);
  values_.assign(static_cast<std::size_t>(q), -1);
  values_[0] = 0;
  for (std::int64_t x = 1; x < q; ++x) values_[static_cast<std::size_t>(square(x, modulus, prime_))] = 1;
}

std::int64_t QuadraticCharacter::difference(std::int64_t a, std::int64_t b) const {
  std::int64_t result = 0;
  for (std::int64_t place = 1; place < order(); place *= prime_) {
    const std::int64_t digit = a / place % prime_ - b / place % prime_;
    result += (digit < 0 ? digit + prime_ : digit) * place;
  }
  return result;
}

}  // namespace qreason
