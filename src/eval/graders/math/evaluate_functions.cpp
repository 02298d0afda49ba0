// Functions of one complex argument (the other half of evaluate.cpp).
#include "eval/graders/math/evaluate.h"

namespace qreason::math {

std::optional<Value> Evaluator::square_root_of(const Value& x) {
  if (!budget_.spend(200 + std::int64_t{precision_} * precision_ / 64)) return std::nullopt;
  if (x.is_real()) {
    const Ball re = real_part(x);
    if (re.sign() < 0) {
      auto root = square_root(negated(re), precision_);
      return root ? std::optional(of(Ball{}, *std::move(root))) : std::nullopt;
    }
    auto root = square_root(re, precision_);
    return root ? std::optional(of_real(*std::move(root))) : std::nullopt;
  }
  // sqrt((|x| + re) / 2) + i sign(im) sqrt((|x| - re) / 2), the larger of the two by its root, the other from im.
  const auto size = absolute_of(x);
  if (!size) return std::nullopt;
  const bool right = x.re.sign() >= 0;
  Ball doubled = sum(size->re, right ? x.re : negated(x.re), precision_);
  doubled.exponent -= 1;
  const auto larger = square_root(doubled, precision_);
  auto other = larger ? quotient(x.im, *larger, precision_) : std::nullopt;
  if (!other) return std::nullopt;
  other->exponent -= 1;
  if (right) return of(*larger, *std::move(other));
  const int side = x.im.sign();
  if (side == 0) return std::nullopt;
  return side > 0 ? of(*std::move(other), *larger) : of(negated(*std::move(other)), negated(*larger));
}

std::optional<Value> Evaluator::absolute_of(const Value& x) {
  if (x.exact) return of_exact(x.exact->absolute());
  if (x.is_real()) return of_real(absolute(x.re));
  auto size =
      square_root(sum(product(x.re, x.re, precision_), product(x.im, x.im, precision_), precision_), precision_);
  return size ? std::optional(of_real(*std::move(size))) : std::nullopt;
}

std::optional<Value> Evaluator::logarithm_of(const Value& x) {
  if (!budget_.spend(std::int64_t{precision_} * precision_ / 4)) return std::nullopt;
  const Ball re = real_part(x);
  if (x.is_real() && re.sign() > 0) {
    auto log = logarithm(re, precision_);
    return log ? std::optional(of_real(*std::move(log))) : std::nullopt;
  }
  const auto size = absolute_of(x);
  if (!size) return std::nullopt;
  const auto log = logarithm(real_part(*size), precision_);
  if (!log) return std::nullopt;
  if (x.is_real()) return re.sign() < 0 ? std::optional(of(*log, pi(precision_))) : std::nullopt;
  // The angle: 2 atan(im / (|x| + re)), which misses only the negative numbers.
  const auto half = quotient(x.im, sum(size->re, re, precision_), precision_);
  auto angle = half ? arc_tangent(*half, precision_) : std::nullopt;
  if (!angle) return std::nullopt;
  angle->exponent += 1;
  return of(*log, *std::move(angle));
}

std::optional<Value> Evaluator::exponential_of(const Value& x) {
  if (!budget_.spend(std::int64_t{precision_} * precision_ / 8)) return std::nullopt;
  const auto size = exponential(real_part(x), precision_);
  if (!size) return std::nullopt;
  if (x.is_real()) return of_real(*size);
  const auto turn = sine_cosine(x.im, precision_);
  if (!turn) return std::nullopt;
  return of(product(*size, turn->cosine, precision_), product(*size, turn->sine, precision_));
}

// nullopt: the ball holds numbers on both sides of an integer.
std::optional<Value> Evaluator::floor_of(const Ball& x) {
  const std::int64_t whole = x.top();
  if (whole > static_cast<std::int64_t>(kMaxRationalBits) || x.exponent >= 0) return std::nullopt;
  if (-x.exponent > 2 * static_cast<std::int64_t>(kMaxRationalBits)) return std::nullopt;
  const auto radius = static_cast<std::int64_t>(x.radius) + 1;
  const Integer unit = Integer(1) << static_cast<unsigned>(-x.exponent);
  const auto below = Rational::of(x.mid - radius, unit), above = Rational::of(x.mid + radius, unit);
  if (!below || !above || below->floor() != above->floor()) return std::nullopt;
  auto result = Rational::of(below->floor(), 1);
  return result ? std::optional(of_exact(*std::move(result))) : std::nullopt;
}

std::optional<Value> Evaluator::function_of(const std::string& name, const Value& x) {
  if (name == "sqrt") return square_root_of(x);
  if (name == "ln" || name == "log") return logarithm_of(x);
  if (name == "exp") return exponential_of(x);
  if (name == "abs") return absolute_of(x);
  if (name == "sgn") {
    const int sign = x.is_real() ? (x.exact ? x.exact->sign() : x.re.sign()) : 0;
    return sign != 0 || x.exact ? std::optional(of_exact(Rational(sign))) : std::nullopt;
  }
  if (name == "floor") return x.is_real() ? floor_of(real_part(x)) : std::nullopt;
  if (name == "ceil") {
    auto down = x.is_real() ? floor_of(negated(real_part(x))) : std::nullopt;
    return down ? std::optional(of_exact(down->exact->negated())) : std::nullopt;
  }
  if (name == "lg") {
    const auto log = logarithm_of(x), ten = logarithm_of(of_exact(Rational(10)));
    return log && ten ? divided(*log, *ten) : std::nullopt;
  }
  if (name == "cis") {
    const auto turned = multiplied(of(Ball{}, Ball::of(Rational(1), precision_)), x);
    return turned ? exponential_of(*turned) : std::nullopt;
  }
  const bool inverse = name.starts_with("arc");
  if (!x.is_real() || !budget_.spend(std::int64_t{precision_} * precision_ / (inverse ? 4 : 12))) return std::nullopt;
  return real_function(name, real_part(x));
}

std::optional<Value> Evaluator::real_function(const std::string& name, const Ball& x) {
  const auto wrapped = [&](std::optional<Ball> y) { return y ? std::optional(of_real(*std::move(y))) : std::nullopt; };
  const Ball one = Ball::of(Rational(1), precision_);
  const auto over = [&](const Ball& a, const Ball& b) { return wrapped(quotient(a, b, precision_)); };
  if (name == "sin" || name == "cos" || name == "tan" || name == "cot" || name == "sec" || name == "csc") {
    const auto both = sine_cosine(x, precision_);
    if (!both) return std::nullopt;
    if (name == "sin") return of_real(both->sine);
    if (name == "cos") return of_real(both->cosine);
    if (name == "tan") return over(both->sine, both->cosine);
    if (name == "cot") return over(both->cosine, both->sine);
    return over(one, name == "sec" ? both->cosine : both->sine);
  }
  if (name.ends_with("h") && name.size() == 4) {
    const auto up = exponential(x, precision_), down = exponential(negated(x), precision_);
    if (!up || !down) return std::nullopt;
    Ball odd = difference(*up, *down, precision_), even = sum(*up, *down, precision_);
    if (name == "tanh") return over(odd, even);
    if (name == "coth") return over(even, odd);
    Ball& half = name == "sinh" || name == "csch" ? odd : even;
    half.exponent -= 1;
    if (name == "sech" || name == "csch") return over(one, half);
    return of_real(half);
  }
  if (name == "arctan") return wrapped(arc_tangent(x, precision_));
  Ball quarter = pi(precision_);
  quarter.exponent -= 1;
  if (name == "arccot") {
    const auto angle = arc_tangent(x, precision_);
    return angle ? wrapped(difference(quarter, *angle, precision_)) : std::nullopt;
  }
  if (name == "arcsec" || name == "arccsc") {
    const auto inverse = quotient(one, x, precision_);
    return inverse ? real_function(name == "arcsec" ? "arccos" : "arcsin", *inverse) : std::nullopt;
  }
  if (name != "arcsin" && name != "arccos") return std::nullopt;
  // arcsin(x) = 2 atan(x / (1 + sqrt(1 - x^2)))
  const auto root = square_root(difference(one, product(x, x, precision_), precision_), precision_);
  const auto slope = root ? quotient(x, sum(one, *root, precision_), precision_) : std::nullopt;
  auto angle = slope ? arc_tangent(*slope, precision_) : std::nullopt;
  if (!angle) return std::nullopt;
  angle->exponent += 1;
  return wrapped(name == "arcsin" ? *angle : difference(quarter, *angle, precision_));
}

}  // namespace qreason::math
