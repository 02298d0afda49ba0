#include "cli/run_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"

namespace qreason {

ComputeType compute_type(const std::string& dtype) {
  static_assert(static_cast<std::size_t>(ComputeType::kBFloat16) + 1 == kComputeTypeNames.size());
  const auto found = std::find(kComputeTypeNames.begin(), kComputeTypeNames.end(), dtype);
  if (found != kComputeTypeNames.end()) return static_cast<ComputeType>(found - kComputeTypeNames.begin());
  throw Error::usage("--dtype", dtype, fmt::format("one of {}", fmt::join(kComputeTypeNames, ", ")));
}

void ArithmeticOption::declare(OptionSet& options) {
  options.choice(
      "--arithmetic", name_, {kArithmeticNames.begin(), kArithmeticNames.end()},
      "Class of the products: portable has the same bits everywhere, fast multiplies in bfloat16 (AVX512_BF16)");
}

Arithmetic ArithmeticOption::checked() const {
  const Arithmetic arithmetic = *find_arithmetic(name_);
  require_arithmetic(arithmetic, "--arithmetic");
  return arithmetic;
}

IfExists if_exists(const CommonOptions& common) {
  return common.force ? IfExists::kReplace : IfExists::kError;
}

}  // namespace qreason
