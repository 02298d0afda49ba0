#include "eval/graders/math/ball.h"

#include <cmath>
#include <utility>

namespace qreason::math {
namespace {

constexpr std::int64_t kMaxExponent = std::int64_t{1} << 40;
constexpr int kRadiusBits = 30;
constexpr long double kUp = 1 + 1e-15L;  // covers the rounding of the radius' own arithmetic

std::int64_t length(const Integer& value) {
  return static_cast<std::int64_t>(bit_length(value));
}

// 2^bits, not below the true size of what has so many bits.
long double power_of_two(std::int64_t bits) {
  return std::ldexp(1.0L, static_cast<int>(std::clamp<std::int64_t>(bits, -16000, 16000)));
}

// Cuts the midpoint to `precision` bits, and to what its radius leaves of them.
Ball rounded(Ball a, int precision) {
  const std::int64_t noise = a.radius > 0 ? std::ilogb(a.radius) + 1 : 0;
  const std::int64_t drop = std::max<std::int64_t>(length(a.mid) - precision, noise - kRadiusBits);
  if (drop <= 0) return a;
  const bool exact = a.mid == 0 || trailing_zeros(a.mid) >= static_cast<std::size_t>(drop);
  const bool negative = a.mid < 0;
  if (negative) a.mid = -a.mid;
  a.mid >>= static_cast<unsigned>(drop);
  if (negative) a.mid = -a.mid;
  a.radius = a.radius * power_of_two(-drop) * kUp + (exact ? 0 : 1);
  a.exponent += drop;
  return a;
}

}  // namespace

Ball Ball::of(const Rational& value, int precision) {
  Ball top, bottom;
  top.mid = value.numerator();
  bottom.mid = value.denominator();
  if (value.is_integer()) return rounded(std::move(top), precision);
  return *quotient(top, bottom, precision);
}

int Ball::sign() const {
  if (radius == 0) return mid.sign();
  if (mid == 0) return 0;
  const std::int64_t bits = length(mid);
  if (bits <= 62) {
    const long double size = std::fabs(mid.convert_to<long double>());
    return size > radius ? mid.sign() : 0;
  }
  return mid.sign();  // the radius has at most 32 bits
}

std::int64_t Ball::top() const {
  if (is_exact_zero()) return kNoBits;
  const std::int64_t noise = radius > 0 ? std::ilogb(radius) + 1 : 0;
  return exponent + std::max(length(mid), noise) + (radius > 0 ? 1 : 0);
}

std::int64_t Ball::radius_top() const {
  return radius > 0 ? exponent + std::ilogb(radius) + 1 : kNoBits;
}

Ball negated(Ball a) {
  a.mid = -a.mid;
  return a;
}

Ball absolute(Ball a) {
  if (a.mid < 0) a.mid = -a.mid;
  return a;  // where the ball holds zero this holds more than the absolute values
}

Ball sum(const Ball& a, const Ball& b, int precision) {
  if (a.is_exact_zero()) return b;
  if (b.is_exact_zero()) return a;
  const Ball& high = a.top() >= b.top() ? a : b;
  const Ball& low = a.top() >= b.top() ? b : a;
  if (low.top() < high.top() - precision - 64) {
    Ball result = rounded(high, precision);
    // The low one is less than a unit in the last place that is kept; make that place exist.
    const std::int64_t missing = precision - length(result.mid);
    if (result.radius == 0 && missing > 0) {
      result.mid <<= static_cast<unsigned>(missing);
      result.exponent -= missing;
    }
    result.radius += 1;
    return result;
  }
  const std::int64_t exponent = std::min(a.exponent, b.exponent);
  Ball result;
  result.exponent = exponent;
  const auto shifted = [&](const Ball& x) { return Integer(x.mid << static_cast<unsigned>(x.exponent - exponent)); };
  result.mid = shifted(a) + shifted(b);
  result.radius =
      (a.radius * power_of_two(a.exponent - exponent) + b.radius * power_of_two(b.exponent - exponent)) * kUp;
  return rounded(std::move(result), precision);
}

Ball difference(const Ball& a, const Ball& b, int precision) {
  return sum(a, negated(b), precision);
}

Ball product(const Ball& a, const Ball& b, int precision) {
  Ball result;
  result.mid = a.mid * b.mid;
  result.exponent = a.exponent + b.exponent;
  if (a.radius > 0 || b.radius > 0)
    result.radius =
        (power_of_two(length(a.mid)) * b.radius + power_of_two(length(b.mid)) * a.radius + a.radius * b.radius) * kUp;
  return rounded(std::move(result), precision);
}

std::optional<Ball> quotient(const Ball& a, const Ball& b, int precision) {
  const std::int64_t below = length(b.mid);
  if (b.mid == 0 || (b.radius > 0 && b.radius > power_of_two(below - 2))) return std::nullopt;
  if (std::abs(a.exponent) > kMaxExponent || std::abs(b.exponent) > kMaxExponent) return std::nullopt;
  const std::int64_t shift = std::max<std::int64_t>(0, precision + below - length(a.mid) + 2);
  Integer rest;
  Ball result;
  boost::multiprecision::divide_qr(Integer(a.mid << static_cast<unsigned>(shift)), b.mid, result.mid, rest);
  result.exponent = a.exponent - shift - b.exponent;
  const long double smallest = power_of_two(below - 2);  // of |b|: at least half of 2^(below - 1)
  result.radius = (a.radius * power_of_two(shift) + power_of_two(length(result.mid)) * b.radius) / smallest * kUp +
                  (rest == 0 ? 0 : 1);
  return rounded(std::move(result), precision);
}

std::optional<Ball> square_root(const Ball& a, int precision) {
  if (a.is_exact_zero()) return a;
  const int sign = a.sign();
  if (sign < 0) return std::nullopt;
  if (sign == 0) {
    Ball result;
    result.exponent = (a.top() >> 1) + 1;
    result.radius = 1;
    return result;
  }
  std::int64_t shift = std::max<std::int64_t>(0, 2 * precision - length(a.mid));
  if ((a.exponent - shift) % 2 != 0) ++shift;
  const Integer raised = a.mid << static_cast<unsigned>(shift);
  Integer rest;
  Ball result;
  result.mid = boost::multiprecision::sqrt(raised, rest);
  result.exponent = (a.exponent - shift) / 2;
  // sqrt(m + r) - sqrt(m) <= r / sqrt(m), and twice that below, as the ball is known to be positive.
  const long double width = a.radius * power_of_two(shift);
  if (a.radius > power_of_two(length(a.mid) - 2)) {
    result.radius = power_of_two(length(result.mid) + 1);
    return rounded(std::move(result), precision);
  }
  result.radius = (a.radius > 0 ? 2 * width / power_of_two(length(result.mid) - 1) * kUp : 0) + (rest == 0 ? 0 : 1);
  return rounded(std::move(result), precision);
}

}  // namespace qreason::math
