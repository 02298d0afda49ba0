#include "cli/resources.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace qreason {
namespace {

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

// A file with one number; kUnknown for "max", and when there is no such file.
std::uint64_t number_in(const char* path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  return file >> number ? number : kUnknown;
}

std::uint64_t machine_memory() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  std::uint64_t kilobytes = 0;
  while (file >> key >> kilobytes) {
    if (key == "MemAvailable:") return kilobytes * 1024;
    std::getline(file, unit);
  }
  return kUnknown;
}

}  // namespace

std::uint64_t available_memory() {
  const std::uint64_t limit = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current");
  const std::uint64_t container = limit == kUnknown || used == kUnknown ? kUnknown : limit - std::min(limit, used);
  return std::min(machine_memory(), container);
}

std::uint64_t available_disk(const std::filesystem::path& path) {
  std::error_code failure;
  for (std::filesystem::path at = std::filesystem::absolute(path); !at.empty(); at = at.parent_path()) {
    const auto space = std::filesystem::space(at, failure);
    if (!failure) return space.available;
    if (at == at.root_path()) break;
  }
  return kUnknown;
}

}  // namespace qreason
