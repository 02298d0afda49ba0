// From numbers to places on a plot, and the round numbers that are written at an axis.
#pragma once

#include <string>
#include <vector>

namespace qreason {

enum class ScaleKind { kLinear, kLog };  // kLog: all numbers above 0

// Maps [low, high] to pixels from `begin` to `end` (either may be the larger).
struct Scale {
  ScaleKind kind = ScaleKind::kLinear;
  double low = 0, high = 1;
  double begin = 0, end = 1;

  double at(double value) const;
};

struct Tick {
  double value = 0;
  std::string text;
};
// About `count` round numbers inside the scale: of linear ones steps of 1, 2 or 5 times a power of ten; of logarithmic
// ones 1, 2 and 5 (or powers alone, where that is more than `count`) times powers of ten.
std::vector<Tick> ticks(const Scale& scale, int count);

// The scale widened to the round numbers around `low` and `high`; for logarithmic ones a little beyond them. Equal
// numbers get some room.
Scale rounded_scale(ScaleKind kind, double low, double high, int count);

}  // namespace qreason
