// Whole files, plain or compressed: gzip and Zstandard are told by their first bytes, not by their name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace qreason {

// The content of a file, decompressed where it is compressed (concatenated gzip members and zstd frames included). More
// than `limit` bytes, packed or unpacked, is an Error before they are in memory, as is a damaged or truncated stream.
std::string read_possibly_compressed(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 31);

// That of the content: of "x.jsonl.gz" ".jsonl".
std::filesystem::path unpacked_extension(const std::filesystem::path& path);

}  // namespace qreason
