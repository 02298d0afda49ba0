#include "study/verdict.h"

namespace qreason {
namespace {

constexpr std::int64_t kLosslessPoints = 1, kFairPoints = 3;

constexpr double fraction(std::int64_t points) {
  return static_cast<double>(points) / 100;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kLossless:
      return "lossless";
    case Verdict::kFair:
      return "fair";
    case Verdict::kRisky:
      return "risky";
    case Verdict::kUndecided:
      return "undecided";
  }
  return "";
}

Verdict verdict_by_points(std::int64_t sum, std::int64_t count) {
  const std::int64_t drop = -100 * sum;
  if (drop <= kLosslessPoints * count) return Verdict::kLossless;
  return drop <= kFairPoints * count ? Verdict::kFair : Verdict::kRisky;
}

Verdict verdict_by_points(double difference) {
  constexpr double kRounding = 1e-12;
  if (-difference <= fraction(kLosslessPoints) + kRounding) return Verdict::kLossless;
  return -difference <= fraction(kFairPoints) + kRounding ? Verdict::kFair : Verdict::kRisky;
}

Verdict verdict_by_interval(const Interval& report_ci95) {
  if (report_ci95.low >= -fraction(kLosslessPoints)) return Verdict::kLossless;
  if (report_ci95.low >= -fraction(kFairPoints)) return Verdict::kFair;
  return report_ci95.high < -fraction(kFairPoints) ? Verdict::kRisky : Verdict::kUndecided;
}

}  // namespace qreason
