#include "base/numerics.h"

#include <algorithm>

#include "base/error.h"
#include "base/isa.h"

namespace qreason {

std::string_view name_of(Arithmetic arithmetic) {
  return kArithmeticNames[static_cast<std::size_t>(arithmetic)];
}

std::optional<Arithmetic> find_arithmetic(std::string_view name) {
  const auto found = std::find(kArithmeticNames.begin(), kArithmeticNames.end(), name);
  if (found == kArithmeticNames.end()) return std::nullopt;
  return static_cast<Arithmetic>(found - kArithmeticNames.begin());
}

std::string_view recorded_name(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::kFast ? "fast-bf16" : name_of(arithmetic);
}

std::string missing_for(Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::kPortable || has_bfloat16_dot()) return "";
  if (current_isa() == supported_isas().back()) return "AVX512_BF16 and AVX512_VBMI, which this machine lacks";
  return "AVX512_BF16 and AVX512_VBMI, which go with avx512 and not with the instruction set in use, " +
         std::string(name_of(current_isa()));
}

void require_arithmetic(Arithmetic arithmetic, const std::string& where) {
  const std::string missing = missing_for(arithmetic);
  if (missing.empty()) return;
  throw Error::usage(where, std::string(name_of(arithmetic)) + " without " + missing,
                     std::string(name_of(Arithmetic::kPortable)));
}

}  // namespace qreason
