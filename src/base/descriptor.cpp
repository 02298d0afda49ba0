#include "base/descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace qreason {

Error system_error(const std::filesystem::path& path, const char* action) {
  return Error(path.string(), fmt::format("{} failed: {}", action, std::strerror(errno)));
}

Descriptor::Descriptor(const std::filesystem::path& path, int flags, int mode)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
  if (fd_ < 0) throw system_error(path, flags & O_CREAT ? "creating" : "opening");
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

}  // namespace qreason
