#include "eval/graders/math/rational.h"

#include <limits>
#include <utility>

namespace qreason::math {

std::optional<Rational> Rational::reduced(Int numerator, Int denominator) {
  constexpr Int kLimit = static_cast<Int>(1) << 126;  // keeps negation and the sign flip below from overflowing
  if (denominator == 0 || numerator > kLimit || numerator < -kLimit || denominator > kLimit || denominator < -kLimit)
    return std::nullopt;
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  Int a = numerator < 0 ? -numerator : numerator;
  Int b = denominator;
  while (b != 0) a = std::exchange(b, a % b);
  Rational result;
  result.numerator_ = numerator / a;
  result.denominator_ = denominator / a;
  return result;
}

std::optional<Rational> Rational::from_decimal(std::string_view digits) {
  Int numerator = 0;
  Int denominator = 1;
  bool point = false;
  bool any = false;
  for (const char c : digits) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    any = true;
    if (__builtin_mul_overflow(numerator, static_cast<Int>(10), &numerator)) return std::nullopt;
    if (__builtin_add_overflow(numerator, static_cast<Int>(c - '0'), &numerator)) return std::nullopt;
    if (point && __builtin_mul_overflow(denominator, static_cast<Int>(10), &denominator)) return std::nullopt;
  }
  if (!any) return std::nullopt;
  return reduced(numerator, denominator);
}

std::optional<Rational> Rational::from_base(std::string_view digits, std::int64_t base) {
  if (base < 2 || base > 36 || digits.empty()) return std::nullopt;
  Int value = 0;
  for (const char c : digits) {
    int digit = 99;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'A' && c <= 'Z') digit = c - 'A' + 10;
    if (digit >= base) return std::nullopt;
    if (__builtin_mul_overflow(value, static_cast<Int>(base), &value)) return std::nullopt;
    if (__builtin_add_overflow(value, static_cast<Int>(digit), &value)) return std::nullopt;
  }
  return reduced(value, 1);
}

std::optional<std::int64_t> Rational::to_int64() const {
  if (denominator_ != 1 || numerator_ > std::numeric_limits<std::int64_t>::max() ||
      numerator_ < std::numeric_limits<std::int64_t>::min())
    return std::nullopt;
  return static_cast<std::int64_t>(numerator_);
}

double Rational::to_double() const {
  return static_cast<double>(static_cast<long double>(numerator_) / static_cast<long double>(denominator_));
}

std::optional<Rational> Rational::plus(const Rational& other) const {
  Int left, right, sum, denominator;
  if (__builtin_mul_overflow(numerator_, other.denominator_, &left) ||
      __builtin_mul_overflow(other.numerator_, denominator_, &right) || __builtin_add_overflow(left, right, &sum) ||
      __builtin_mul_overflow(denominator_, other.denominator_, &denominator))
    return std::nullopt;
  return reduced(sum, denominator);
}

std::optional<Rational> Rational::times(const Rational& other) const {
  Int numerator, denominator;
  if (__builtin_mul_overflow(numerator_, other.numerator_, &numerator) ||
      __builtin_mul_overflow(denominator_, other.denominator_, &denominator))
    return std::nullopt;
  return reduced(numerator, denominator);
}

std::optional<Rational> Rational::over(const Rational& other) const {
  if (other.is_zero()) return std::nullopt;
  Rational inverse;
  inverse.numerator_ = other.numerator_ < 0 ? -other.denominator_ : other.denominator_;
  inverse.denominator_ = other.numerator_ < 0 ? -other.numerator_ : other.numerator_;
  return times(inverse);
}

std::optional<Rational> Rational::to_power(std::int64_t exponent) const {
  if (exponent < 0) {
    if (is_zero() || exponent == std::numeric_limits<std::int64_t>::min()) return std::nullopt;
    const auto positive = to_power(-exponent);
    return positive ? Rational(1).over(*positive) : std::nullopt;
  }
  Rational result(1);
  Rational base = *this;
  while (exponent > 0) {
    if (exponent & 1) {
      const auto product = result.times(base);
      if (!product) return std::nullopt;
      result = *product;
    }
    exponent >>= 1;
    if (exponent == 0) break;
    const auto square = base.times(base);
    if (!square) return std::nullopt;
    base = *square;
  }
  return result;
}

Rational Rational::negated() const {
  Rational result = *this;
  result.numerator_ = -numerator_;
  return result;
}

}  // namespace qreason::math
