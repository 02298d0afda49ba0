#include "study/multiple_testing.h"

#include <algorithm>

namespace qreason {
namespace {

// Where the tests are, by rising p.
std::vector<std::size_t> rising(const PValues& p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (p[i]) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return *p[a] < *p[b]; });
  return order;
}

}  // namespace

PValues holm(const PValues& p) {
  PValues adjusted(p.size());
  const std::vector<std::size_t> order = rising(p);
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, static_cast<double>(order.size() - rank) * *p[order[rank]]);
    adjusted[order[rank]] = std::min(1.0, largest);
  }
  return adjusted;
}

PValues benjamini_hochberg(const PValues& p) {
  PValues adjusted(p.size());
  const std::vector<std::size_t> order = rising(p);
  double least = 1;
  for (std::size_t rank = order.size(); rank-- > 0;) {
    least = std::min(least, *p[order[rank]] * static_cast<double>(order.size()) / static_cast<double>(rank + 1));
    adjusted[order[rank]] = least;
  }
  return adjusted;
}

}  // namespace qreason
