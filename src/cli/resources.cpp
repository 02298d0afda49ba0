#include "cli/resources.h"

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
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

double process_seconds() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  // "pid (name) state ...": the name may hold anything; the start, in ticks since the machine's, is the 20th behind it.
  const std::size_t name = line.rfind(')');
  if (name == std::string::npos) return 0;
  std::istringstream rest(line.substr(name + 1));
  std::string word;
  for (int i = 0; i < 20; ++i) rest >> word;
  timespec now{};
  if (!rest || ::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  const double started = std::stod(word) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return std::max(0.0, static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) - started);
}

}  // namespace qreason
