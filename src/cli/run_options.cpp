#include "cli/run_options.h"

#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "cli/device.h"
#include "cli/process_executor.h"

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

Executor& ArithmeticOption::executor(const CommonOptions& common) const {
  const Arithmetic arithmetic = *find_arithmetic(name_);
  const std::optional<at::Device> device = find_device(common.device);
  if (!device) require_arithmetic(arithmetic, "--arithmetic");
  return process_executor(arithmetic, device);
}

void refuse_given(const CommonOptions& common, std::initializer_list<const char*> options, const std::string& got,
                  const std::string& expected) {
  for (const char* option : options)
    if (common.given.contains(option)) throw Error::usage(option, got, expected);
}

IfExists if_exists(const CommonOptions& common) {
  return common.force ? IfExists::kReplace : IfExists::kError;
}

}  // namespace qreason
