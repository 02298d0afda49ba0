#include "base/numerics.h"

#include <algorithm>

namespace qreason {

std::string_view name_of(Arithmetic arithmetic) {
  return kArithmeticNames[static_cast<std::size_t>(arithmetic)];
}

std::optional<Arithmetic> find_arithmetic(std::string_view name) {
  const auto found = std::find(kArithmeticNames.begin(), kArithmeticNames.end(), name);
  if (found == kArithmeticNames.end()) return std::nullopt;
  return static_cast<Arithmetic>(found - kArithmeticNames.begin());
}

}  // namespace qreason
