// An interval of an estimate; 95 % wherever nothing else is said.
#pragma once

namespace qreason {

struct Interval {
  double low = 0, high = 0;
};

}  // namespace qreason
