// How much memory the machine can still give.
#pragma once

#include <cstdint>

namespace qreason {

// MemAvailable of /proc/meminfo, or 4 GiB where there is no such file.
std::uint64_t available_memory_bytes();

}  // namespace qreason
