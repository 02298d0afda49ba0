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

// What rounding may have done to the value at a point: where terms cancel, more than the value's last digits.
double rounding_error(const Node& node, std::size_t point);

// At points with variables of other signs and sizes, where functions that agree on small positive numbers part (|x| and
// x, |x-3| and 3-x). nullopt where the value is not a finite real number.
inline constexpr std::size_t kFarPoints = 3;
std::optional<double> value_far_out(const Node& node, std::size_t point);

bool has_variables(const Node& node);
bool has_decimals(const Node& node);

}  // namespace qreason::math
