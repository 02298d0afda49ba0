#include "base/descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/written_files.h"

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

Descriptor unnamed_file(const std::filesystem::path& folder, const std::string& name) {
  const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return Descriptor(fd);
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
    throw system_error(folder, "creating a file in it");
  static std::atomic<int> count{0};
  const std::filesystem::path path = folder / fmt::format("{}-{}-{}", name, ::getpid(), count++);
  tell_written(path);
  Descriptor named(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  ::unlink(path.c_str());
  return named;
}

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

}  // namespace qreason
