// What a difference from the baseline means, by the study's lines of one and three points: a drop of at most one point
// is lossless, of at most three fair, any other risky.
#pragma once

#include <cstdint>
#include <string_view>

#include "study/interval.h"

namespace qreason {

enum class Verdict : std::uint8_t { kLossless, kFair, kRisky, kUndecided };
std::string_view name_of(Verdict verdict);  // "lossless", "fair", "risky", "undecided"

// Of the estimate sum / count alone, as the study does; in integers, so that exactly one point is lossless. Never
// undecided.
Verdict verdict_by_points(std::int64_t sum, std::int64_t count);
// The same of a weighted mean, whose weights are no whole numbers: what rounding alone puts over a line does not count.
Verdict verdict_by_points(double difference);

// Of the interval that is printed (fractions of 1): lossless or fair where all of it is, risky where all of it is below
// three points, else undecided.
Verdict verdict_by_interval(const Interval& report_ci95);

}  // namespace qreason
