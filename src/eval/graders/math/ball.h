// Certified real arithmetic: a Ball is an interval of real numbers, and every operation returns one that holds all
// results of its arguments' members (the midpoint-radius form of arbitrary-precision interval arithmetic).
//
// A precision is the number of binary digits kept of a midpoint. nullopt: undefined somewhere on the ball (a divisor
// or a logarithm's argument that may be zero), or too large to represent.
#pragma once

#include <cstdint>
#include <optional>

#include "eval/graders/math/rational.h"

namespace qreason::math {

struct Ball {
  Integer mid = 0;  // times 2^exponent
  std::int64_t exponent = 0;
  long double radius = 0;  // times 2^exponent; below 2^32

  static Ball of(const Rational& value, int precision);

  bool is_exact_zero() const { return radius == 0 && mid == 0; }
  // The sign of every member; 0 when the ball holds zero.
  int sign() const;
  bool holds_zero() const { return sign() == 0; }
  // All members are below 2^top in size. Very negative for an exact zero.
  std::int64_t top() const;
  // The radius is at most 2^this; very negative when exact.
  std::int64_t radius_top() const;
};

inline constexpr std::int64_t kNoBits = -(std::int64_t{1} << 60);  // top() of zero

Ball negated(Ball a);
Ball absolute(Ball a);
Ball sum(const Ball& a, const Ball& b, int precision);
Ball difference(const Ball& a, const Ball& b, int precision);
Ball product(const Ball& a, const Ball& b, int precision);
std::optional<Ball> quotient(const Ball& a, const Ball& b, int precision);
// Of a ball that may hold zero (a difference that cancels): a ball around zero. nullopt: all members negative.
std::optional<Ball> square_root(const Ball& a, int precision);

Ball pi(int precision);
std::optional<Ball> exponential(const Ball& a, int precision);
std::optional<Ball> logarithm(const Ball& a, int precision);  // natural
struct SineCosine {
  Ball sine, cosine;
};
std::optional<SineCosine> sine_cosine(const Ball& a, int precision);
std::optional<Ball> arc_tangent(const Ball& a, int precision);

}  // namespace qreason::math
