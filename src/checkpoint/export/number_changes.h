// What writing numbers in another type did to them.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

namespace qreason {

struct NumberChanges {
  std::int64_t numbers = 0, changed = 0;
  double largest = 0;                     // |after - before| / |before| of those that changed
  double error_squares = 0, squares = 0;  // sums of (after - before)^2 and before^2
  std::string where;                      // the tensor with the largest

  void add(float before, float after) {
    ++numbers;
    squares += static_cast<double>(before) * before;
    if (before == after) return;
    ++changed;
    const double error = static_cast<double>(after) - before;
    error_squares += error * error;
    const double relative = std::abs(error / before);
    if (relative > largest) largest = relative;
  }

  // `name` becomes `where` if its largest change is the largest of all.
  void merge(const NumberChanges& part, const std::string& name) {
    numbers += part.numbers;
    changed += part.changed;
    error_squares += part.error_squares;
    squares += part.squares;
    if (part.largest <= largest) return;
    largest = part.largest;
    where = name;
  }

  double relative_error() const { return squares > 0 ? std::sqrt(error_squares / squares) : 0; }
};

}  // namespace qreason
