// When the output of a program is the expected one.
#pragma once

#include <string_view>

namespace qreason {

// As LiveCodeBench compares: both stripped, split at "\n", every line stripped, as many lines; lines that differ are
// equal as lists of decimals. White space is Unicode's (as Python's str.strip and str.split have it), a decimal what
// Python's Decimal takes (signs, exponents, underscores, Infinity, digits of any script; NaN equals nothing). Output
// that is not UTF-8 equals nothing.
bool equal_outputs(std::string_view output, std::string_view expected);

}  // namespace qreason
