// Elementary functions of balls: Taylor series in fixed point with guard bits, then the radius by the function's slope.
#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "eval/graders/math/ball.h"

namespace qreason::math {
namespace {

constexpr int kGuardBits = 48;
constexpr long double kFixedError = 0x1p22L;   // units of 2^-(precision + kGuardBits): more than any series below loses
constexpr std::int64_t kMaxArgumentBits = 30;  // of what exp, sin and cos take
constexpr std::int64_t kMaxLogarithmExponent = std::int64_t{1} << 40;

// `a`'s midpoint in units of 2^-width, towards zero.
Integer fixed_point(const Ball& a, int width) {
  const std::int64_t shift = a.exponent + width;
  if (shift >= 0) return a.mid << static_cast<unsigned>(shift);
  if (-shift > static_cast<std::int64_t>(bit_length(a.mid))) return 0;
  const Integer size = boost::multiprecision::abs(a.mid) >> static_cast<unsigned>(-shift);
  return a.mid < 0 ? Integer(-size) : size;
}

Ball from_fixed(Integer value, int width, long double error) {
  Ball result;
  result.mid = std::move(value);
  result.exponent = -width;
  result.radius = error;
  return result;
}

// A radius of 2^top more.
Ball widened(Ball a, std::int64_t top) {
  if (top == kNoBits) return a;
  Ball noise;
  noise.exponent = top;
  noise.radius = 1;
  return sum(a, noise, static_cast<int>(bit_length(a.mid)) + 64);
}

// The inverse's odd power series: atan(1/n) with alternating signs, atanh(1/n) without.
Integer inverse_series(unsigned n, int width, int alternating) {
  Integer power = (Integer(1) << static_cast<unsigned>(width)) / n;
  Integer total = power;
  const unsigned square = n * n;
  for (unsigned k = 3; power != 0; k += 2) {
    power /= square;
    const Integer term = power / k;
    if (alternating != 0 && (k / 2) % 2 == 1)
      total -= term;
    else
      total += term;
  }
  return total;
}

template <class Make>
const Integer& kept(std::unordered_map<int, Integer>& constants, int width, Make make) {
  const auto found = constants.find(width);
  if (found != constants.end()) return found->second;
  if (constants.size() > 64) constants.clear();
  return constants.emplace(width, make()).first->second;
}

// pi = 16 atan(1/5) - 4 atan(1/239) (Machin).
const Integer& pi_fixed(int width) {
  thread_local std::unordered_map<int, Integer> constants;
  return kept(constants, width, [&] {
    const int inner = width + 16;
    const Integer value = 16 * inverse_series(5, inner, 1) - 4 * inverse_series(239, inner, 1);
    return Integer(value >> 16);
  });
}

const Integer& ln2_fixed(int width) {
  thread_local std::unordered_map<int, Integer> constants;
  return kept(constants, width, [&] { return Integer((2 * inverse_series(3, width + 16, 0)) >> 16); });
}

// exp of a fixed-point number in [0, 1): by the series of r / 2^8, squared 8 times (2^8 times the error of the series).
Integer exp_fixed(const Integer& r, int width) {
  const auto bits = static_cast<unsigned>(width);
  const Integer one = Integer(1) << bits;
  const Integer small = r >> 8;
  Integer term = one, total = one;
  for (unsigned k = 1; term != 0; ++k) {
    term = ((term * small) >> bits) / k;
    total += term;
  }
  for (int i = 0; i < 8; ++i) total = (total * total) >> bits;
  return total;
}

// ln of a fixed-point number in [1, 2): y <- y + 2 (m - e^y) / (m + e^y), whose error is the cube of the one before.
Integer ln_fixed(const Integer& m, int width) {
  const auto bits = static_cast<unsigned>(width);
  const double start = std::log(std::ldexp(Integer(m >> (bits - 60)).convert_to<double>(), -60));
  Integer y = Integer(static_cast<std::int64_t>(std::ldexp(start, 60))) << (bits - 60);
  for (int exact = 45; exact < width; exact *= 3) {
    if (y < 0) y = 0;
    const int needed = std::min(width, 3 * exact + kGuardBits);  // more digits than come out right say nothing
    const auto cut = static_cast<unsigned>(width - needed);
    const Integer part = m >> cut, power = exp_fixed(y >> cut, needed);
    y += (((part - power) << static_cast<unsigned>(needed + 1)) / (part + power)) << cut;
  }
  return y;
}

SineCosine series_of(const Integer& r, int width) {
  const auto bits = static_cast<unsigned>(width);
  const Integer square = (r * r) >> bits;
  Integer sine = r, cosine = Integer(1) << bits;
  Integer odd = sine, even = cosine;
  for (unsigned k = 1; odd != 0 || even != 0; k += 2) {
    even = -((even * square) >> bits) / (k * (k + 1));
    cosine += even;
    odd = -((odd * square) >> bits) / ((k + 1) * (k + 2));
    sine += odd;
    if (boost::multiprecision::abs(odd) <= 1 && boost::multiprecision::abs(even) <= 1) break;
  }
  return {from_fixed(sine, width, kFixedError), from_fixed(cosine, width, kFixedError)};
}

}  // namespace

Ball pi(int precision) {
  return from_fixed(pi_fixed(precision), precision, 16);
}

std::optional<Ball> exponential(const Ball& a, int precision) {
  if (a.is_exact_zero()) return Ball::of(Rational(1), precision);
  if (a.top() > kMaxArgumentBits || a.radius_top() > -2) return std::nullopt;
  const int width = precision + kGuardBits;
  const int wide = width + static_cast<int>(kMaxArgumentBits) + 8;
  const Integer x = fixed_point(a, wide);
  const Integer& ln2 = ln2_fixed(wide);
  Integer times = x / ln2;
  Integer rest = x - times * ln2;
  if (rest < 0) {
    rest += ln2;
    --times;
  }
  const Integer power = exp_fixed(rest >> static_cast<unsigned>(wide - width), width);
  Ball result = from_fixed(power, width, kFixedError);
  result.exponent += times.convert_to<std::int64_t>();
  // e^(x + r) - e^x <= 2 r e^x for r <= 1/4, and e^x is below 2^top.
  const std::int64_t noise = a.radius > 0 ? result.top() + a.radius_top() + 1 : kNoBits;
  return widened(std::move(result), noise);
}

std::optional<Ball> logarithm(const Ball& a, int precision) {
  if (a.sign() <= 0 || a.exponent > kMaxLogarithmExponent || a.exponent < -kMaxLogarithmExponent) return std::nullopt;
  const auto bits = static_cast<std::int64_t>(bit_length(a.mid));
  if (a.radius > 0 && a.radius_top() > a.exponent + bits - 3) return std::nullopt;
  const int width = precision + kGuardBits + 64;
  const std::int64_t power = a.exponent + bits - 1;
  Ball mantissa = a;
  mantissa.exponent -= power;
  mantissa.radius = 0;
  const Integer ln = ln_fixed(fixed_point(mantissa, width), width) + power * ln2_fixed(width);
  Ball result = from_fixed(ln, width, kFixedError * 8);
  result.radius += static_cast<long double>(std::abs(power)) * 64;
  if (result.radius > 0x1p30L) result = sum(result, Ball{}, width);
  // |ln(1 + r)| <= 2 |r| for |r| <= 1/2.
  return widened(std::move(result), a.radius > 0 ? a.radius_top() - power + 1 : kNoBits);
}

namespace {

std::optional<SineCosine> computed_sine_cosine(const Ball& a, int precision) {
  if (a.top() > kMaxArgumentBits || a.radius_top() > 0) return std::nullopt;
  const int width = precision + kGuardBits;
  const int wide = width + static_cast<int>(kMaxArgumentBits) + 8;
  const Integer x = fixed_point(a, wide);
  const Integer half_turn = pi_fixed(wide) >> 1;
  Integer turns = (2 * x + half_turn) / (2 * half_turn);
  Integer rest = x - turns * half_turn;
  const bool negative = rest < 0;
  Integer size = boost::multiprecision::abs(rest) >> static_cast<unsigned>(wide - width);
  SineCosine base = series_of(negative ? Integer(-size) : size, width);
  const int quadrant = static_cast<int>(((turns % 4) + 4).convert_to<std::int64_t>() % 4);
  SineCosine result = base;
  if (quadrant == 1) result = {base.cosine, negated(base.sine)};
  if (quadrant == 2) result = {negated(base.sine), negated(base.cosine)};
  if (quadrant == 3) result = {negated(base.cosine), base.sine};
  const std::int64_t noise = a.radius_top();
  return SineCosine{widened(std::move(result.sine), noise), widened(std::move(result.cosine), noise)};
}

}  // namespace

// The last one is kept: sec x + tan x and their like ask for the same again.
std::optional<SineCosine> sine_cosine(const Ball& a, int precision) {
  struct Last {
    Ball argument;
    int precision = 0;
    SineCosine value;
  };
  thread_local Last last;
  const Ball& known = last.argument;
  if (last.precision == precision && known.exponent == a.exponent && known.radius == a.radius && known.mid == a.mid)
    return last.value;
  const auto value = computed_sine_cosine(a, precision);
  if (value) last = {a, precision, *value};
  return value;
}

std::optional<Ball> arc_tangent(const Ball& a, int precision) {
  if (a.is_exact_zero()) return a;
  const int width = precision + kGuardBits;
  const Ball one = Ball::of(Rational(1), width);
  if (a.top() > 2 && !a.holds_zero()) {
    const auto inverse = quotient(one, a, width);
    const auto rest = inverse ? arc_tangent(*inverse, precision) : std::nullopt;
    if (!rest) return std::nullopt;
    Ball quarter = pi(width);
    quarter.exponent -= 1;
    return difference(a.sign() < 0 ? negated(quarter) : quarter, *rest, width);
  }
  // atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))), thrice: |x| is below 0.2 then.
  Ball x = a;
  for (int i = 0; i < 4; ++i) {
    const auto root = square_root(sum(one, product(x, x, width), width), width);
    const auto next = root ? quotient(x, sum(one, *root, width), width) : std::nullopt;
    if (!next) return std::nullopt;
    x = *next;
  }
  const auto bits = static_cast<unsigned>(width);
  const Integer fixed = fixed_point(x, width);
  const Integer square = (fixed * fixed) >> bits;
  Integer power = fixed, total = fixed;
  for (unsigned k = 3; boost::multiprecision::abs(power) > 1; k += 2) {
    power = -((power * square) >> bits);
    total += power / k;
  }
  Ball result = widened(from_fixed(total, width, kFixedError), x.radius_top());
  result.exponent += 4;
  return result;
}

}  // namespace qreason::math
