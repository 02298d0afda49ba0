#include "cli/resources.h"

#include <limits>
#include <system_error>

namespace qreason {

std::uint64_t available_disk(const std::filesystem::path& path) {
  std::error_code failure;
  for (std::filesystem::path at = std::filesystem::absolute(path); !at.empty(); at = at.parent_path()) {
    const auto space = std::filesystem::space(at, failure);
    if (!failure) return space.available;
    if (at == at.root_path()) break;
  }
  return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace qreason
