// Exact fractions on 128-bit integers. Every operation says when a result does not fit, and the caller goes on in
// floating point: nothing wraps.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace qreason::math {

class Rational {
 public:
  Rational() = default;
  explicit Rational(std::int64_t value) : numerator_(value) {}

  // Decimal digits with at most one point: "12", ".5", "3.", "0012.50". nullopt: not of that form, or too long.
  static std::optional<Rational> from_decimal(std::string_view digits);
  // Digits of a number written in base 2..36. nullopt: a digit the base does not have, or too long.
  static std::optional<Rational> from_base(std::string_view digits, std::int64_t base);

  bool is_integer() const { return denominator_ == 1; }
  bool is_zero() const { return numerator_ == 0; }
  std::optional<std::int64_t> to_int64() const;
  double to_double() const;

  friend bool operator==(const Rational&, const Rational&) = default;
  std::optional<Rational> plus(const Rational& other) const;
  std::optional<Rational> times(const Rational& other) const;
  std::optional<Rational> over(const Rational& other) const;  // nullopt when other is 0, too
  std::optional<Rational> to_power(std::int64_t exponent) const;
  Rational negated() const;

 private:
  __extension__ using Int = __int128;
  static std::optional<Rational> reduced(Int numerator, Int denominator);
  Int numerator_ = 0;
  Int denominator_ = 1;  // > 0, without common factor
};

}  // namespace qreason::math
