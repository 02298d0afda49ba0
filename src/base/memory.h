// How much memory this process can still have, and sizes as people write them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace qreason {

// Where Linux tells it; tests name files of their own.
struct MemoryFiles {
  std::filesystem::path meminfo = "/proc/meminfo";
  std::filesystem::path membership = "/proc/self/cgroup";
  std::filesystem::path cgroups = "/sys/fs/cgroup";
};

// Bytes that can be had without swapping: the machine's, or less where the process's control group (version 1 or 2) or
// one above it has a limit. Cached file pages count as free, in a group as on the machine. The largest number when
// nothing can be told.
std::uint64_t available_memory(const MemoryFiles& files = {});

// Bytes of this process that are in memory now, mapped parts of files included; 0 when it cannot be told.
std::uint64_t resident_memory();

// Gives back to the system what the allocator keeps of freed memory: between steps that each hold much.
void release_free_memory();

std::string bytes_text(std::uint64_t bytes);  // "93.8 MiB"

// "1073741824", "1024M", "1.5G", "512 MiB": K, M, G and T are powers of 1024, with or without B or iB, in either case.
// nullopt for anything else, zero included.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

}  // namespace qreason
