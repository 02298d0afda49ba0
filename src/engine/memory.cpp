#include "engine/memory.h"

#include <fstream>
#include <string>

namespace qreason {

std::uint64_t available_memory_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  std::uint64_t kibibytes = 0;
  while (file >> key >> kibibytes) {
    std::getline(file, unit);
    if (key == "MemAvailable:") return kibibytes * 1024;
  }
  return std::uint64_t{4} << 30;
}

}  // namespace qreason
