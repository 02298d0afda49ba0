#include "base/memory.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

// A file with one number; kUnknown for "max", and when there is no such file.
std::uint64_t number_in(const fs::path& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  return file >> number ? number : kUnknown;
}

// The number behind `key` in lines of "key number ...".
std::optional<std::uint64_t> number_behind(const fs::path& path, std::string_view key) {
  std::ifstream file(path);
  std::string word;
  std::uint64_t number = 0;
  for (std::string rest; file >> word >> number; std::getline(file, rest)) {
    if (word == key) return number;
  }
  return std::nullopt;
}

// How the two versions of control groups call the same things.
struct GroupNames {
  const char *limit, *usage, *active, *inactive;
};
constexpr GroupNames kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_active_file",
                               "total_inactive_file"};
constexpr GroupNames kVersion2{"memory.max", "memory.current", "active_file", "inactive_file"};

std::uint64_t left_in(const fs::path& group, const GroupNames& names) {
  const std::uint64_t limit = number_in(group / names.limit), usage = number_in(group / names.usage);
  if (limit == kUnknown || usage == kUnknown) return kUnknown;
  const fs::path statistics = group / "memory.stat";
  const std::uint64_t files =
      number_behind(statistics, names.active).value_or(0) + number_behind(statistics, names.inactive).value_or(0);
  const std::uint64_t used = usage - std::min(usage, files);
  return limit - std::min(limit, used);
}

// The least that the group and those above it, up to `root`, leave. In a container `root` itself is the container's
// group, and the path that the process is told of may not exist there.
std::uint64_t left_up_to(const fs::path& root, const fs::path& group, const GroupNames& names) {
  std::uint64_t left = left_in(root, names);
  fs::path at = root;
  for (const fs::path& part : group.relative_path()) {
    at /= part;
    left = std::min(left, left_in(at, names));
  }
  return left;
}

std::uint64_t left_in_groups(const MemoryFiles& files) {
  std::uint64_t left = std::min(left_in(files.cgroups, kVersion2), left_in(files.cgroups / "memory", kVersion1));
  std::ifstream membership(files.membership);
  // "0::/path" in version 2, "5:cpu,memory:/path" in version 1.
  for (std::string line; std::getline(membership, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const fs::path group = line.substr(second + 1);
    if (controllers == ",,") left = std::min(left, left_up_to(files.cgroups, group, kVersion2));
    if (controllers.find(",memory,") != std::string::npos)
      left = std::min(left, left_up_to(files.cgroups / "memory", group, kVersion1));
  }
  return left;
}

}  // namespace

std::uint64_t available_memory(const MemoryFiles& files) {
  const auto kibibytes = number_behind(files.meminfo, "MemAvailable:");
  return std::min(kibibytes ? *kibibytes * 1024 : kUnknown, left_in_groups(files));
}

std::uint64_t resident_memory() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  if (!(file >> all >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void release_free_memory() {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < kUnits.size(); ++unit) amount /= 1024;
  return fmt::format("{:.{}f} {}", amount, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (failure != std::errc{}) return std::nullopt;
  std::string unit;
  for (const char* c = end; c != text.data() + text.size(); ++c) {
    if (*c != ' ' || !unit.empty()) unit += static_cast<char>(std::toupper(static_cast<unsigned char>(*c)));
  }
  double factor = 1;
  if (!unit.empty() && unit != "B") {
    const std::size_t power = std::string_view("KMGT").find(unit.front());
    const std::string_view ending = std::string_view(unit).substr(1);
    if (power == std::string_view::npos || !(ending.empty() || ending == "B" || ending == "IB")) return std::nullopt;
    factor = std::pow(1024.0, static_cast<double>(power + 1));
  }
  const double bytes = number * factor;
  if (!(bytes >= 1 && bytes < 0x1p63)) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace qreason
