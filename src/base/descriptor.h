// Open file descriptors, for code that reads and writes files by itself (file.cpp, streamed_file.cpp, scratch files).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "base/error.h"

namespace qreason {

// "<path>: <action> failed: <what errno says>".
Error system_error(const std::filesystem::path& path, const char* action);

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, int mode = 0);
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept;
  int get() const { return fd_; }

 private:
  int fd_;
};

// A file for reading and writing that has no name, in `folder`: gone when it is closed, by a kill as well. Where the
// file system has no such thing, one of that name and a number, which is unlinked at once.
Descriptor unnamed_file(const std::filesystem::path& folder, const std::string& name);

}  // namespace qreason
