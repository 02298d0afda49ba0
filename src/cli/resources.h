// What this machine has left.
#pragma once

#include <cstdint>
#include <filesystem>

namespace qreason {

// Memory that can be had without swapping, container limits included; the largest number when it cannot be told.
std::uint64_t available_memory();
// Free space where `path` is or would be.
std::uint64_t available_disk(const std::filesystem::path& path);

}  // namespace qreason
