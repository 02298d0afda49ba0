#include "report/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace qreason {
namespace {

// The smallest of 1, 2, 5 times a power of ten that is not below span / count.
double round_step(double span, int count) {
  const double raw = span / std::max(1, count);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power * (1 + 1e-9)) return factor * power;
  return 10 * power;
}

std::string tick_text(double value, double step) {
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
  return fmt::format("{:.{}f}", std::abs(value) < step * 1e-9 ? 0.0 : value, decimals);
}

std::vector<Tick> linear_ticks(const Scale& scale, int count) {
  const double step = round_step(scale.high - scale.low, count);
  std::vector<Tick> result;
  const double first = std::ceil(scale.low / step - 1e-9);
  for (double i = first; i * step <= scale.high + step * 1e-9; ++i)
    result.push_back({i * step, tick_text(i * step, step)});
  return result;
}

std::vector<Tick> log_ticks(const Scale& scale, int count) {
  const int first = static_cast<int>(std::floor(std::log10(scale.low)));
  const int last = static_cast<int>(std::ceil(std::log10(scale.high)));
  std::vector<Tick> all, powers;
  for (int exponent = first; exponent <= last; ++exponent) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10.0, exponent);
      if (value < scale.low * (1 - 1e-9) || value > scale.high * (1 + 1e-9)) continue;
      all.push_back({value, fmt::format("{:g}", value)});
      if (factor == 1.0) powers.push_back(all.back());
    }
  }
  const bool too_many = all.size() > static_cast<std::size_t>(count) + 1 && powers.size() > 1;
  return too_many ? powers : all;
}

}  // namespace

double Scale::at(double value) const {
  const auto place = [&](double v) { return kind == ScaleKind::kLog ? std::log(v) : v; };
  return begin + (end - begin) * (place(value) - place(low)) / (place(high) - place(low));
}

std::vector<Tick> ticks(const Scale& scale, int count) {
  return scale.kind == ScaleKind::kLog ? log_ticks(scale, count) : linear_ticks(scale, count);
}

Scale rounded_scale(ScaleKind kind, double low, double high, int count) {
  if (kind == ScaleKind::kLog) {
    const double room = std::max(std::pow(high / low, 0.06), 1.1);
    return {.kind = kind, .low = low / room, .high = high * room};
  }
  if (high <= low) {
    const double room = std::max(1.0, std::abs(low) * 0.1);
    low -= room;
    high += room;
  }
  const double step = round_step(high - low, count);
  return {.kind = kind, .low = step * std::floor(low / step + 1e-9), .high = step * std::ceil(high / step - 1e-9)};
}

}  // namespace qreason
