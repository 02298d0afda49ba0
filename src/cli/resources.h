// What this machine has left on its disks (base/memory.h: of memory), and how long this process runs.
#pragma once

#include <cstdint>
#include <filesystem>

namespace qreason {

// Free space where `path` is or would be; the largest number when it cannot be told.
std::uint64_t available_disk(const std::filesystem::path& path);

// Seconds since this process was started, its loading included; 0 when it cannot be told.
double process_seconds();

}  // namespace qreason
