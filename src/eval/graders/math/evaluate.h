// Values of answers: exactly where they are rational constants, else as complex numbers at fixed sample points of the
// variables. Two expressions that agree at all sample points are the same function for the purposes of grading.
#pragma once

#include <array>
#include <complex>
#include <optional>

#include "eval/graders/math/expression.h"

namespace qreason::math {

inline constexpr std::size_t kSamplePoints = 3;
using SampleValues = std::array<std::complex<double>, kSamplePoints>;

// nullopt: not a rational constant, or too large for 128 bits.
std::optional<Rational> exact_value(const Node& node);

// nullopt: not a scalar expression, or not finite somewhere. Constants have equal values at all points.
std::optional<SampleValues> sampled_values(const Node& node);

bool has_variables(const Node& node);
bool has_decimals(const Node& node);

}  // namespace qreason::math
