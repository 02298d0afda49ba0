// Exact fractions of any size up to kMaxRationalBits. Every operation says when a result is larger than that, and the
// caller goes on by remainders or by intervals: nothing wraps, nothing is rounded.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace qreason::math {

// Of any size; up to 384 bits, which are products at the precision that comparisons begin with, they lie in the object.
using Integer =
    boost::multiprecision::number<boost::multiprecision::cpp_int_backend<
                                      384, 0, boost::multiprecision::signed_magnitude, boost::multiprecision::unchecked,
                                      std::allocator<boost::multiprecision::limb_type>>,
                                  boost::multiprecision::et_off>;

inline constexpr std::size_t kMaxRationalBits = 20'000;  // of numerator and of denominator: 6000 digits, 2000!

// The number of binary digits of |value|; 0 for 0.
std::size_t bit_length(const Integer& value);
// The number of zeros that |value|'s binary digits end with; value is not 0.
std::size_t trailing_zeros(const Integer& value);

class Rational {
 public:
  Rational() = default;
  explicit Rational(std::int64_t value) : numerator_(value) {}

  // Lowest terms. nullopt: the denominator is 0, or the result too large.
  static std::optional<Rational> of(Integer numerator, Integer denominator);
  // Decimal digits with at most one point: "12", ".5", "3.", "0012.50". nullopt: not of that form, or too long.
  static std::optional<Rational> from_decimal(std::string_view digits);
  // Digits of a number written in base 2..36. nullopt: a digit the base does not have, or too long.
  static std::optional<Rational> from_base(std::string_view digits, std::int64_t base);

  bool is_integer() const { return denominator_ == 1; }
  bool is_zero() const { return numerator_ == 0; }
  int sign() const { return numerator_.sign(); }
  std::size_t bits() const;  // of the larger of the two
  std::optional<std::int64_t> to_int64() const;
  double to_double() const;
  const Integer& numerator() const { return numerator_; }
  const Integer& denominator() const { return denominator_; }

  friend bool operator==(const Rational& a, const Rational& b) {
    return a.numerator_ == b.numerator_ && a.denominator_ == b.denominator_;
  }
  bool less_than(const Rational& other) const;
  std::optional<Rational> plus(const Rational& other) const;
  std::optional<Rational> times(const Rational& other) const;
  std::optional<Rational> over(const Rational& other) const;  // nullopt when other is 0, too
  std::optional<Rational> to_power(std::int64_t exponent) const;
  Rational negated() const;
  Rational absolute() const { return sign() < 0 ? negated() : *this; }
  Integer floor() const;
  Integer rounded() const;  // to the nearest integer, halves to even

 private:
  Integer numerator_ = 0;
  Integer denominator_ = 1;  // > 0, without common factor
};

}  // namespace qreason::math
