// One file from a server, complete or absent, resumed where it stopped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "net/hub.h"

namespace qreason {

struct Download {
  HttpRequest request;
  std::filesystem::path target;  // its folder exists; what the bytes are meanwhile kept in is `partial_file(target)`
  std::string name;              // for messages
  std::uint64_t size = 0;
  ContentHash hash;
  std::function<void(std::int64_t bytes)> moved = {};  // more is there (what an earlier run left included), or less
};

std::filesystem::path partial_file(const std::filesystem::path& target);

// Asks for what is missing until everything is there and has the hash, then renames it to the target, which is
// replaced. Bytes that an earlier run left are hashed again. Where what came in several parts turns out wrong the file
// is asked for from the beginning, three times at most. Errors: HttpError as of Retries, a content that is longer,
// shorter or other than was promised, the disk's, a second process at the same file.
void download_file(HttpClient& client, const Download& download, const Retries::Options& retries);

// Whether the bytes of a file are these.
bool has_content(const std::filesystem::path& path, std::uint64_t size, const ContentHash& hash);

}  // namespace qreason
