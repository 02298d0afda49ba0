#include "eval/graders/math/rational.h"

#include <bit>
#include <limits>
#include <utility>

namespace qreason::math {

namespace {

using Limb = boost::multiprecision::limb_type;
constexpr std::size_t kLimbBits = sizeof(Limb) * 8;

}  // namespace

// Of the limbs themselves: msb and lsb take no negative numbers, and a copy of each costs more than all the rest.
std::size_t bit_length(const Integer& value) {
  const auto& limbs = value.backend();
  const Limb top = limbs.limbs()[limbs.size() - 1];
  return (limbs.size() - 1) * kLimbBits + static_cast<std::size_t>(std::bit_width(top));
}

std::size_t trailing_zeros(const Integer& value) {
  const Limb* limbs = value.backend().limbs();
  std::size_t zeros = 0;
  while (*limbs == 0) {
    ++limbs;
    zeros += kLimbBits;
  }
  return zeros + static_cast<std::size_t>(std::countr_zero(*limbs));
}

namespace {

// The greatest common divisor of numbers that are not 0. Powers of two, which sample points are divided by, need no
// Euclid.
Integer common_divisor(const Integer& numerator, const Integer& denominator) {
  const std::size_t twos = trailing_zeros(denominator);
  if (bit_length(denominator) != twos + 1) return boost::multiprecision::gcd(numerator, denominator);
  return Integer(1) << std::min(twos, trailing_zeros(numerator));
}

}  // namespace

std::optional<Rational> Rational::of(Integer numerator, Integer denominator) {
  if (denominator == 0) return std::nullopt;
  // Twice the limit may still be reduced below it; what is larger is not even tried.
  if (bit_length(numerator) > 2 * kMaxRationalBits || bit_length(denominator) > 2 * kMaxRationalBits)
    return std::nullopt;
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  Rational result;
  if (denominator != 1) {
    const Integer common = numerator == 0 ? denominator : common_divisor(numerator, denominator);
    if (common != 1) {
      numerator /= common;
      denominator /= common;
    }
  }
  result.numerator_ = std::move(numerator);
  result.denominator_ = std::move(denominator);
  if (result.bits() > kMaxRationalBits) return std::nullopt;
  return result;
}

namespace {

// Digits in groups of 18: quadratic in the number of groups.
Integer from_digits(std::string_view digits) {
  Integer value = 0;
  while (!digits.empty()) {
    std::uint64_t group = 0, scale = 1;
    for (const char c : digits.substr(0, 18)) {
      group = group * 10 + static_cast<std::uint64_t>(c - '0');
      scale *= 10;
    }
    value = value * scale + group;
    digits.remove_prefix(std::min<std::size_t>(digits.size(), 18));
  }
  return value;
}

}  // namespace

std::optional<Rational> Rational::from_decimal(std::string_view digits) {
  std::string all;
  std::size_t decimals = 0;
  bool point = false;
  for (const char c : digits) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    all += c;
    decimals += point ? 1 : 0;
  }
  if (all.empty() || all.size() > kMaxRationalBits / 3) return std::nullopt;
  if (decimals == 0) return of(from_digits(all), 1);
  return of(from_digits(all), boost::multiprecision::pow(Integer(10), static_cast<unsigned>(decimals)));
}

std::optional<Rational> Rational::from_base(std::string_view digits, std::int64_t base) {
  if (base < 2 || base > 36 || digits.empty() || digits.size() > kMaxRationalBits / 6) return std::nullopt;
  Integer value = 0;
  for (const char c : digits) {
    int digit = 99;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'A' && c <= 'Z') digit = c - 'A' + 10;
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  return of(std::move(value), 1);
}

std::size_t Rational::bits() const {
  return std::max(bit_length(numerator_), bit_length(denominator_));
}

std::optional<std::int64_t> Rational::to_int64() const {
  if (denominator_ != 1 || numerator_ > std::numeric_limits<std::int64_t>::max() ||
      numerator_ < std::numeric_limits<std::int64_t>::min())
    return std::nullopt;
  return numerator_.convert_to<std::int64_t>();
}

double Rational::to_double() const {
  // Both cut to 60 bits, so that no quotient of two infinities comes out.
  const auto cut = [](const Integer& value, int& shift) {
    const auto length = static_cast<int>(bit_length(value));
    shift = std::max(0, length - 60);
    return Integer(value >> static_cast<unsigned>(shift)).convert_to<double>();
  };
  int up = 0, down = 0;
  const double top = cut(numerator_, up), bottom = cut(denominator_, down);
  return std::ldexp(top / bottom, up - down);
}

bool Rational::less_than(const Rational& other) const {
  return numerator_ * other.denominator_ < other.numerator_ * denominator_;
}

std::optional<Rational> Rational::plus(const Rational& other) const {
  if (denominator_ == 1 && other.denominator_ == 1) return of(numerator_ + other.numerator_, 1);
  return of(numerator_ * other.denominator_ + other.numerator_ * denominator_, denominator_ * other.denominator_);
}

std::optional<Rational> Rational::times(const Rational& other) const {
  return of(numerator_ * other.numerator_, denominator_ * other.denominator_);
}

std::optional<Rational> Rational::over(const Rational& other) const {
  if (other.is_zero()) return std::nullopt;
  return of(numerator_ * other.denominator_, denominator_ * other.numerator_);
}

std::optional<Rational> Rational::to_power(std::int64_t exponent) const {
  if (exponent < 0 && is_zero()) return std::nullopt;
  if (exponent == std::numeric_limits<std::int64_t>::min()) return std::nullopt;
  const std::int64_t size = exponent < 0 ? -exponent : exponent;
  Rational result(1);
  const bool one = numerator_ == 1 || numerator_ == -1 || numerator_ == 0;
  if (one && denominator_ == 1) {
    result.numerator_ = size == 0 ? Integer(1) : size % 2 == 0 ? numerator_ * numerator_ : numerator_;
    return result;
  }
  // A base that is no unit has at least half a bit: 2^n is larger than any limit long before n is.
  if (size > static_cast<std::int64_t>(kMaxRationalBits) ||
      (bits() - 1) * static_cast<std::size_t>(size) > kMaxRationalBits)
    return std::nullopt;
  // A power of a fraction in lowest terms is in lowest terms.
  result.numerator_ = boost::multiprecision::pow(numerator_, static_cast<unsigned>(size));
  result.denominator_ = boost::multiprecision::pow(denominator_, static_cast<unsigned>(size));
  if (result.bits() > kMaxRationalBits) return std::nullopt;
  if (exponent >= 0) return result;
  std::swap(result.numerator_, result.denominator_);
  if (result.denominator_ < 0) {
    result.numerator_ = -result.numerator_;
    result.denominator_ = -result.denominator_;
  }
  return result;
}

Rational Rational::negated() const {
  Rational result = *this;
  result.numerator_ = -numerator_;
  return result;
}

Integer Rational::floor() const {
  Integer quotient = numerator_ / denominator_;  // towards zero
  if (numerator_.sign() < 0 && quotient * denominator_ != numerator_) --quotient;
  return quotient;
}

Integer Rational::rounded() const {
  const Integer doubled = 2 * numerator_ + denominator_;  // 2 denominator (x + 1/2)
  Integer result = doubled / (2 * denominator_);
  const bool exact = result * 2 * denominator_ == doubled;
  if (doubled.sign() < 0 && !exact) --result;
  if (exact && result % 2 != 0) --result;
  return result;
}

}  // namespace qreason::math
