#include "eval/running_score.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace qreason {
namespace {

constexpr double kNormal975 = 1.959963984540054;

}  // namespace

ScoreInterval score_interval(std::int64_t right, std::int64_t count) {
  const double n = static_cast<double>(count), p = static_cast<double>(right) / n, z2 = kNormal975 * kNormal975;
  const double middle = p + z2 / (2 * n);
  const double reach = kNormal975 * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {.low = std::max(0.0, (middle - reach) / (1 + z2 / n)),
          .high = std::min(1.0, (middle + reach) / (1 + z2 / n))};
}

void RunningScore::add(bool right, std::int64_t output_tokens) {
  right_ += right ? 1 : 0;
  ++count_;
  tokens_ += std::max<std::int64_t>(0, output_tokens);
}

std::string RunningScore::text(double seconds) const {
  const ScoreInterval interval = score_interval(right_, count_);
  std::string text = fmt::format("{}/{} right: {:.1f} % ({:.1f} to {:.1f})", right_, count_,
                                 100 * static_cast<double>(right_) / static_cast<double>(count_), 100 * interval.low,
                                 100 * interval.high);
  if (tokens_ > 0 && seconds > 0) text += fmt::format(", {:.0f} tokens/s", static_cast<double>(tokens_) / seconds);
  return text;
}

}  // namespace qreason
